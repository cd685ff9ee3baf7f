/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.h - the way out of a network namespace without being root: pasta(1), where it is
 * installed. It carries what the namespace sends by sockets of its own, as its user may.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cmd/run/options.h"

/*
 * May this process not make interfaces in its network namespace? Root of a user namespace may where
 * that owns the network namespace.
 */
bool run_uplink_is_needed(void);

/* Before anything is done: can it be, and does it do what is asked for? -1 with what to do. */
int run_uplink_check(const struct run_options *o, struct err *err) NODISCARD;

/*
 * Connects the namespace, whose interface is configured when this returns. *pid is the process
 * that does so, a child, which ends with a signal. The caller's working directory and stderr are
 * its, too.
 */
int run_uplink_start(const struct run_options *o, int netns_fd, pid_t *pid, struct arena *arena,
		     struct err *err) NODISCARD;

/* Ends it, and waits for that. 0: there is none. */
void run_uplink_stop(pid_t *pid);
