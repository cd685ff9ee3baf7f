/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.h - the way out of a network namespace without being root: pasta(1), where it is
 * installed. It carries what the namespace sends by sockets of its own, as its user may.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cmd/run/options.h"

struct run_uplink {
	pid_t pid;
	int fd; /* of the process (pidfd_open(2)): readable when it has ended; -1: there is none */
};

#define RUN_UPLINK_INIT  \
	{                \
		.fd = -1 \
	}

/*
 * May this process not make interfaces in its network namespace? Root of a user namespace may where
 * that owns the network namespace.
 */
bool run_uplink_is_needed(void);

/* Before anything is done: can it be, and does it do what is asked for? -1 with what to do. */
int run_uplink_check(const struct run_options *o, struct err *err) NODISCARD;

/*
 * Connects the namespace, whose interface is configured when this returns. *u is the process that
 * does so, a child, which ends with a signal. The caller's working directory and stderr are its,
 * too.
 */
int run_uplink_start(const struct run_options *o, int netns_fd, struct run_uplink *u,
		     struct arena *arena, struct err *err) NODISCARD;

/* Ends it, if there is one, and waits for that. It may have been waited for. */
void run_uplink_stop(struct run_uplink *u);

/* For who is not its parent, whose end it outlives: ends the process of this descriptor. */
void run_uplink_kill(int fd);
