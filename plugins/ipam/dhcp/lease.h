/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - an attachment that the daemon looks after: who it is, its client, its socket. Found by
 * name, and the one that has to be woken next by its time. Some 700 bytes each; what is not needed
 * between two messages is in its file (lease_file.h).
 */
#pragma once

#include "ask.h"
#include "client.h"
#include "wire.h"

#define LEASE_SOURCE    1 /* other objects of epoll begin with another number */
#define LEASE_NOT_TIMED SIZE_MAX

struct connection;

struct lease {
	int source; /* LEASE_SOURCE: what an event of epoll is of */
	const char *network, *container_id, *ifname, *netns; /* behind it, in one piece with it */
	const uint8_t *options;                              /* the same */
	size_t options_len;
	struct dhcp_client client;
	struct dhcp_times times;
	struct wire wire;
	uint64_t netns_inode;                                 /* 0: not known */
	uint32_t priority, probe, resend_max, resend_timeout; /* as asked for */
	bool broadcast;
	bool resumed;              /* from its file, not heard of since */
	bool lost;                 /* its address was taken away */
	bool at_path;              /* its namespace was seen at its path */
	bool removed;              /* its DEL has been, without us: to be released */
	struct connection *waiter; /* of its ADD, until it is answered */
	uint8_t *ack;              /* while its address is probed: the packet, DHCP_MTU bytes */
	int64_t wake;              /* milliseconds of lease_now(); INT64_MAX: never */
	size_t place;              /* in the heap */
};

/* CLOCK_BOOTTIME: leases end in suspend, too. */
int64_t lease_now(void);

extern const struct dhcp_times lease_times; /* of RFC 2131, and the reference's deadline */

struct leases {
	void *by_name; /* tsearch(3) */
	struct lease **heap;
	size_t n, size;
};

/*
 * NULL: there is no memory; the options are no digits (err). Not in the table yet. `times` is for
 * what is not asked for.
 */
struct lease *lease_new(const struct ask *a, const struct dhcp_times *times, struct err *err);
void lease_free(struct lease *l);

/* The question that would make it. */
struct ask lease_ask(const struct lease *l);

struct lease *lease_find(struct leases *all, const char *network, const char *container_id,
			 const char *ifname);
int lease_add(struct leases *all, struct lease *l, struct err *err) NODISCARD;
void lease_remove(struct leases *all, struct lease *l); /* not freed */

/* l->wake has been set. */
void lease_set_time(struct leases *all, struct lease *l);
/* The one whose time comes first; NULL: there is none. */
struct lease *lease_first(const struct leases *all);
