/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gates.h - the listening sockets of a forwarder, in a group for each namespace, watched by an
 * epoll of their own: by that all of them rest at once where no connection can be had. Accepts
 * nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cmd/listen/options.h"

struct listen_group;

struct listen_gate {
	struct listen_group *group;
	int fd; /* -1: closed */
};

/* A namespace. It is freed when it is closed and no connection is from it. */
struct listen_group {
	struct listen_group *next;
	const char *name; /* behind the gates */
	size_t n_conns;
	bool is_closed;
	size_t n;
	struct listen_gate gates[];
};

struct listen_gates {
	const struct listen_options *opt;
	int epoll;
	struct listen_group *first;
	size_t n_groups, n_sockets; /* open ones */
};

int listen_gates_init(struct listen_gates *g, const struct listen_options *opt,
		      struct err *err) NODISCARD;
/* All sockets of a namespace, or none. */
int listen_gates_open(struct listen_gates *g, const struct listen_netns *netns,
		      struct err *err) NODISCARD;
/* One that is not closed; NULL: there is none of the name. */
struct listen_group *listen_gates_find(const struct listen_gates *g, const char *name);
void listen_gates_close(struct listen_gates *g, struct listen_group *group);
/*
 * No new connection comes to any of them: those that the kernel has taken can still be accepted. A
 * gate without any is closed.
 */
void listen_gates_drain(struct listen_gates *g);
/* Closed if its queue is empty; with a group's last gate the group is. */
void listen_gates_shut_empty(struct listen_gates *g, struct listen_gate *gate);
/* How many connections are in the queues of all of them. */
size_t listen_gates_count_waiting(const struct listen_gates *g);
/* A connection of its has ended. */
void listen_gates_leave(struct listen_gates *g, struct listen_group *group);
void listen_gates_free(struct listen_gates *g);
