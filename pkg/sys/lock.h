/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.h - flock(2) with a bound, and in the order of asking.
 *
 * While it waits, it uses the process's ITIMER_REAL and SIGALRM, unblocked: not for a process with
 * a timer of its own, nor for more than one thread at a time.
 */
#pragma once

#include "base/err.h"

/* Longest wait for a lock before the call fails with code 11, try again. */
#define LOCK_TIMEOUT_MS 30000

/*
 * Lock the open descriptor exclusively, until it is closed. Waits at most LOCK_TIMEOUT_MS. `name`
 * is for the error text.
 */
int lock_fd(int fd, const char *name, struct err *err) NODISCARD;

/*
 * Open the file, with `flags` and O_NONBLOCK, and lock it; the one that is there under that name
 * then, not one that was removed while its lock was waited for. -1: err->sys tells ENOENT.
 */
int lock_path(const char *path, int flags, int *fd, struct err *err) NODISCARD;

/*
 * FIFO: waiters get the lock in arrival order (of flock(2) alone a newcomer gets it sooner than a
 * waiter that is being woken). Best effort; a stopped waiter loses its place after 5 s. The
 * descriptor is open for writing, the file nothing but the lock.
 */
int lock_fd_fifo(int fd, const char *name, struct err *err) NODISCARD;
