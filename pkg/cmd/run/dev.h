/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev.h - a /dev with what every program may expect, and no device of the host's: null, zero, full,
 * random, urandom, tty, terminals of its own (devpts), shm.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Mounts it on /dev. The nodes are made, or where that is not allowed (in a user namespace) bound
 * from the /dev below `host`, a directory that is still there.
 */
int run_dev_make(int host, bool may_mknod, struct err *err) NODISCARD;

/*
 * A terminal of this /dev: *terminal is its master; the slave is returned, and is nobody's
 * controlling terminal yet. Both are O_CLOEXEC.
 */
int run_dev_open_terminal(int *terminal, struct err *err) NODISCARD;
