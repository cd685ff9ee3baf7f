/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deferred.h - the slow tail of an operation, in a child: RTM_DELLINK, and closing a netfilter
 * socket that has deleted from nf_tables, both wait for an RCU grace period. The child inherits
 * only the given descriptors, so that a wait for our stdio, a lock or a pipe to close does not wait
 * for it. Its status is not reported; a process that lives on reaps it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define DEFERRED_FDS 2 /* in the child they are 1 and 2 */

/*
 * What the children of one call inherit; zeroed = nothing. Every function takes NULL for that, too.
 */
struct deferred {
	struct {
		int fd, copy;
		bool slow, shared;
	} fds[DEFERRED_FDS];
	int n;
};

/*
 * fork(2); the child has fd at 0 and what deferred_share_fd() named, nothing else. It must end with
 * deferred_exit(), and until then call only what is async-signal-safe.
 */
pid_t deferred_fork(struct deferred *d, int fd);
_Noreturn void deferred_exit(const struct deferred *d, int status);

/* Children inherit this descriptor, so that the caller's is not the last to be closed. */
void deferred_share_fd(struct deferred *d, int fd);

/* Closing it last takes long: deferred_close_all() makes a child for it if there was none. */
void deferred_mark_slow(struct deferred *d, int fd);

/* At the end of the call: nothing of it is left open here. */
void deferred_close_all(struct deferred *d);
