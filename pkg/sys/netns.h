/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - network namespaces by descriptor. setns(2) is called here and nowhere else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Open a namespace path. 0: *fd is a network namespace. -1: error, code 8. With `gone` given, a
 * path that is empty, missing, or no longer a network namespace is success with *gone = true:
 * whatever lived there is gone. Never creates, never blocks, whatever lies at the path.
 */
int netns_open(const char *path, int *fd, bool *gone, struct err *err) NODISCARD;

/*
 * The namespace this process runs in, which it never leaves: opened once, not to be closed. -1 on
 * failure.
 */
int netns_home(struct err *err) NODISCARD;
int netns_is_home(int fd, bool *is_home, struct err *err) NODISCARD;

/*
 * A number of the namespace that a socket is of, which none had before it since boot; paths and
 * inodes are used again. 0: not known, as before Linux 5.14.
 */
uint64_t netns_cookie(int sock);

/*
 * The lock of the namespace this process runs in, for objects in it that calls share: a file named
 * by the namespace in a directory only root may enter (the namespace's own inode could be locked
 * from inside). FIFO. Returns the descriptor that holds it, -1 on
 * failure.
 */
#define NETNS_LOCK_DIR "/run/cnic"
int netns_lock(struct err *err) NODISCARD;

/*
 * Run fn inside the namespace and come home. Keep fn to opening things: no plugin logic runs in
 * another namespace. Failing to come home aborts: to run on in the wrong one is worse.
 */
int netns_run(int fd, int (*fn)(void *arg), void *arg, struct err *err) NODISCARD;
