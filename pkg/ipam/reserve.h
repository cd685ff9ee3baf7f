/* SPDX-License-Identifier: Apache-2.0 */
/* reserve.h - get addresses from a store. */
#pragma once

#include "ipam/range.h"
#include "ipam/store.h"

/* One address for one set. */
struct store_want {
	const struct range_set *set;
	struct ip asked; /* AF_UNSPEC: any, round robin */
	/* found: */
	struct ip ip; /* .plen is the subnet's; AF_UNSPEC while there is none */
	const struct range *range;
	bool never_used;      /* no attachment has had it since boot, for certain */
	char last[IP_STRLEN]; /* what last_reserved_ip.N said before; "" = it was not there */
};

/* Ask for this one for the first set that has it and has not been asked for one; false if none. */
bool store_request(struct store_want *wants, size_t n, const struct ip *ip);

/*
 * One address for each of n wants, or none and all as before. The holder must not hold one of any
 * of the sets already. Codes: 101 taken, 100 none left, 7 the gateway was asked for.
 */
int store_reserve(struct store *s, const struct holder *holder, struct store_want *wants,
		  size_t n) NODISCARD;

/* What the holder has is of this boot: it is told of it anew. */
void store_renew(struct store *s, const struct holder *holder);

/* Take back what store_reserve() gave, as far as it is still as it was. */
void store_unreserve(struct store *s, const struct holder *holder, struct store_want *wants,
		     size_t n);

/* Could store_reserve() give an address of each set? Code 50 if not. Changes nothing. */
int store_check_free(struct store *s, const struct range_set *sets, size_t n) NODISCARD;
