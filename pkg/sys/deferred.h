/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deferred.h - a child for what the kernel takes long over and nobody needs to wait for: deleting a link, or
 * closing a socket that has deleted from nf_tables (both wait for an RCU grace period). It has
 * none of our descriptors but those meant for it, so that nobody who waits for our stdio, a lock or
 * a pipe to close waits for it as well. Nobody hears how it ends.
 */
#ifndef CNIC_SYS_DEFERRED_H
#define CNIC_SYS_DEFERRED_H

#include <sys/types.h>

/*
 * fork(2); the child has fd at 0 and what deferred_share_fd() named, nothing else. It must end with deferred_exit(),
 * and until then call only what is safe there.
 */
pid_t deferred_fork(int fd);
_Noreturn void deferred_exit(int status);

/* Children have this descriptor, too: so that ours is not the last to be closed. A few at most. */
void deferred_share_fd(int fd);

/* To close it last would take long. If no child has it, deferred_close_all() makes one. */
void deferred_mark_slow(int fd);

/* At the end of the process. */
void deferred_close_all(void);

#endif
