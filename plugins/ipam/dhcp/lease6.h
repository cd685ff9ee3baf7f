/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease6.h - the addresses of an IA_NA and their times, as a client keeps them (RFC 8415, 18.2.10.1
 * and 21.4). Knows no state: client6.h says whether they are in use.
 */
#pragma once

#include "packet6.h"

#define DHCP6_ADDRESSES 4         /* of an IA; more are not taken */
#define DHCP6_NEVER     INT64_MAX /* of T1, T2 and the ends of lifetimes */

/* Times are milliseconds of the client's clock. */
struct dhcp6_lease {
	uint8_t n;
	int64_t t1, t2;
	int64_t preferred[DHCP6_ADDRESSES], valid[DHCP6_ADDRESSES]; /* until */
	struct in6_addr addresses[DHCP6_ADDRESSES];
};

/* When the first, and the last, of them is not valid any more. */
int64_t dhcp6_lease_first_end(const struct dhcp6_lease *l);
int64_t dhcp6_lease_last_end(const struct dhcp6_lease *l);

/* Where an address is; l->n: nowhere. The last one takes its place. */
size_t dhcp6_lease_find(const struct dhcp6_lease *l, const struct in6_addr *ip);
void dhcp6_lease_remove(struct dhcp6_lease *l, size_t i);

/* Removes those that have ended; false: none has. */
bool dhcp6_lease_expire(struct dhcp6_lease *l, int64_t now);

/*
 * Adds the addresses of an IA that was asked for at `sent`, changes their lifetimes, or removes
 * those that are valid no more; one that is not named stays as it was. Returns how many are named.
 */
size_t dhcp6_lease_merge(struct dhcp6_lease *l, const struct dhcp6_ia *ia, int64_t sent,
			 int64_t now);

/*
 * T1 <= T2, before the last end. What the server leaves unsaid is half and 4/5 of the shortest
 * preferred lifetime, and so is what it says and would never come; what is not preferred any more
 * counts while it is valid.
 */
void dhcp6_lease_set_times(struct dhcp6_lease *l, const struct dhcp6_ia *ia, int64_t sent);
