/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attend.h - what happens to the leases of a daemon: asked for, answered, renewed, lost, given
 * back. Between the client, which only thinks, and wire, file, kernel and whoever waits.
 */
#pragma once

#include "answer.h"
#include "lease.h"
#include "manager.h"

struct attend {
	struct leases leases;
	int epoll, closer, lock; /* of the directory of all leases */
	bool unread;             /* a file could not be read that may be read later */
	struct manager *manager;
	struct dhcp_times times; /* for what a lease does not say itself */
	bool broadcast;
	const char *prefix; /* before each path to a namespace; "" = none */
	/* The waiter of a lease is told, once; with an error, that there is none. */
	void (*answer)(struct connection *to, const struct dhcp_answer *a, const struct err *err);
};

/* All files, at the start: leases go on, what cannot is given back. */
int attend_resume(struct attend *d, struct err *err) NODISCARD;

/* One that another daemon had: its times are not known, so that it is asked about at once. */
int attend_adopt(struct attend *d, const struct ask *a, struct in_addr address, int64_t most,
		 struct err *err) NODISCARD;

/*
 * An ADD: 0, and the waiter is told now or later. netns_fd stays the caller's, -1: by the path.
 */
int attend_add(struct attend *d, const struct ask *a, int netns_fd, struct connection *waiter,
	       struct err *err) NODISCARD;

/* Given back: to the server, with its file. Not there is fine. */
int attend_del(struct attend *d, const char *network, const char *container_id, const char *ifname,
	       struct err *err) NODISCARD;
/* All of the network that are not valid. */
int attend_gc(struct attend *d, const struct ask *a, struct err *err) NODISCARD;

/* What its container has of it: of both halves. -1: its file cannot be read. */
int attend_result(const struct lease *l, struct cni_result *r) NODISCARD;

/* The waiter has gone. */
void attend_cancel(struct attend *d, struct lease *l);

/* Something has come for it, or for its half of IPv6; its time has come. */
void attend_event(struct attend *d, struct lease *l);
void attend_event6(struct attend *d, struct lease_ipv6 *s);
void attend_wake(struct attend *d, struct lease *l);

/* Those whose namespace is gone end; what could not be read is read again. */
void attend_end_gone(struct attend *d);
