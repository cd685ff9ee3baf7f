/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - an attachment that the daemon looks after: who it is, its client, its socket. Found by
 * name, and the one that has to be woken next by its time. Some 900 bytes each, and 600 for IPv6
 * where that is wanted. Its file (lease_file.h) is for the next daemon alone.
 */
#pragma once

#include "ask.h"
#include "client6.h"
#include "wire.h"
#include "wire6.h"

#define LEASE_SOURCE      1 /* other objects of epoll begin with another number */
#define LEASE6_SOURCE     5
#define LEASE6_WANTED_MAX 32
#define LEASE_NOT_TIMED   SIZE_MAX
#define LEASE_TRY_AGAIN   5000 /* ms; what failed for want of a descriptor, a disk */

struct connection;

/* Its half for IPv6. */
struct lease_ipv6 {
	int source; /* LEASE6_SOURCE */
	struct lease *lease;
	struct wire6 wire;
	struct dhcp6_client client;
	uint8_t duid[DHCP6_DUID_UUID];
	bool rapid_commit; /* as asked for */
	bool lost;         /* all addresses were taken away, none has come since */
	bool unapplied;    /* as below */
	char *given;
	int64_t again;
	int64_t look; /* for duplicates of what a renewal brought; INT64_MAX: not */
	uint8_t n_wanted;
	uint16_t wanted[]; /* options, as asked for */
};

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
	bool ipv4;
	bool resumed;              /* from its file, not heard of since */
	bool lost;                 /* its address was taken away */
	bool unapplied;            /* its container may not have all that it has given */
	bool adopted;              /* from another daemon: nor may it, but by no failure of ours */
	bool at_path;              /* its namespace was seen at its path */
	struct lease_ipv6 *ipv6;   /* NULL: not wanted */
	bool removed;              /* its DEL has been, without us: to be released */
	struct connection *waiter; /* of its ADD, until it is answered */
	int64_t deadline;          /* of that; INT64_MAX: there is none */
	char *given;   /* what its container has of it (lease_file.h); NULL: not known */
	char *pending; /* what it is to get yet, and could not for now; NULL: nothing */
	int64_t again; /* when what could not be done is tried again; INT64_MAX: there is none */
	uint8_t *ack;  /* while its address is probed: the packet, DHCP_MTU bytes */
	int64_t wake;  /* milliseconds of lease_now(); INT64_MAX: never */
	size_t place;  /* in the heap */
};

/* A line on stderr; lost where stderr takes none at once: no lease waits for who reads it. */
void lease_log(const char *fmt, ...) PRINTF(1, 2);
void lease_say(const struct lease *l, const char *fmt, ...) PRINTF(2, 3);

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

/* One of its addresses, as text in json's arena; NULL: it has none. */
const char *lease_address(const struct lease *l);

/* What its client for IPv6 is; points into it. */
struct dhcp6_config lease_config6(const struct lease *l);

/* Has it all the addresses that are wanted? When does a client of it have to be woken? */
bool lease_holds(const struct lease *l);
int64_t lease_next(const struct lease *l);

/* The question that would make it. */
struct ask lease_ask(const struct lease *l);

struct lease *lease_find(struct leases *all, const char *network, const char *container_id,
			 const char *ifname);
int lease_add(struct leases *all, struct lease *l, struct err *err) NODISCARD;
void lease_remove(struct leases *all, struct lease *l); /* not freed */
void lease_free_all(struct leases *all);                /* sockets are left to the process's end */

/* l->wake has been set. */
void lease_set_time(struct leases *all, struct lease *l);
/* The one whose time comes first; NULL: there is none. */
struct lease *lease_first(const struct leases *all);
