/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockets.h - the packet sockets of a lease in the namespace of its container: opened, found again
 * by a daemon that is started, watched, closed. Knows no message.
 */
#pragma once

#include "lease.h"
#include "manager.h"

struct sockets {
	int epoll;  /* tells of the lease, or of its half for IPv6 */
	int closer; /* see wire_closer() */
	struct manager *manager;
	const char *prefix; /* before each path to a namespace; "" = none */
	bool broadcast;     /* every server is asked to answer by a broadcast */
};

/* In json's arena. */
const char *sockets_path(const struct sockets *s, const char *netns);

/* In a namespace, which becomes the lease's if it has none yet. */
int sockets_open(const struct sockets *s, struct lease *l, int netns_fd, struct err *err) NODISCARD;

/*
 * After a start: those that the manager has kept, else new ones where the path still leads.
 * ERR_NETNS: its namespace is gone.
 */
int sockets_reopen(const struct sockets *s, struct lease *l, struct err *err) NODISCARD;

/* `for_good`: not to be found again either. */
void sockets_close(const struct sockets *s, struct lease *l, bool for_good);

/* A lease's interface, be it down. */
bool sockets_have_link(const struct lease *l);

/* Of the interface that has the attachment's name in that namespace: it may be another by now. */
bool sockets_are_at(const struct lease *l, int netns_fd);

/* Its namespace was at its path, and is not any more. Not where it is only that one cannot look. */
bool sockets_lost_path(const struct sockets *s, const struct lease *l);

/*
 * Somebody is asked whether he has the address (wire_probe()); the packet, of DHCP_MTU bytes, is
 * copied to l->ack and kept meanwhile.
 */
int sockets_probe(const struct sockets *s, struct lease *l, const uint8_t *packet,
		  struct err *err) NODISCARD;
void sockets_end_probe(const struct sockets *s, struct lease *l);
