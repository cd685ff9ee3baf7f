/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attend.h - what happens to the leases of a daemon: asked for, answered, renewed, lost, given
 * back. Between the client, which only thinks, and wire, file, kernel and whoever waits.
 */
#pragma once

#include "cni/result.h"
#include "lease.h"
#include "sockets.h"

struct attend {
	struct leases leases;
	struct sockets sockets;
	struct dhcp_times times; /* for what a lease does not say itself */
	int lock;                /* of the directory of all leases */
	bool unread;             /* a file could not be read that may be read later */
	/* The waiter of a lease is told, once; with an error, that there is none. */
	void (*answer)(struct connection *to, const struct cni_result *r, const struct err *err);
};

/*
 * An ADD: 0, and the waiter is told now or later. netns_fd stays the caller's, -1: by the path.
 */
int attend_add(struct attend *d, const struct ask *a, int netns_fd, struct connection *waiter,
	       struct err *err) NODISCARD;

/* Given back: to the server, with its file. Not there is fine. */
int attend_del(struct attend *d, const char *network, const char *container_id, const char *ifname,
	       struct err *err) NODISCARD;
/* All of the network that are not valid; all are tried, the first error is told. */
int attend_gc(struct attend *d, const struct ask *a, struct err *err) NODISCARD;

/* What its container has of it: of both halves. -1: it is not known. */
int attend_result(const struct lease *l, struct cni_result *r) NODISCARD;

/* Given back, without anybody who has asked for it. */
void attend_end(struct attend *d, struct lease *l, const char *why);

/* The waiter has gone. */
void attend_cancel(struct attend *d, struct lease *l);

/* Something has come for it, or for its half of IPv6; its time has come. */
void attend_event(struct attend *d, struct lease *l);
void attend_event6(struct attend *d, struct lease_ipv6 *s);
void attend_wake(struct attend *d, struct lease *l);

/* Have all leases of the daemon before this gone on, or ended? */
bool attend_has_resumed(const struct attend *d);

/* Those whose interface or namespace is gone end. */
void attend_end_gone(struct attend *d);
