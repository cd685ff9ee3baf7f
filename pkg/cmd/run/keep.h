/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - a network namespace that stays when its command has ended: a mount, as ip-netns(8)'s. */
#pragma once

#include "base/err.h"

/* A file is made at the path, and is the namespace from then on; one that is there is an error. */
int run_keep(const char *path, int netns_fd, struct err *err) NODISCARD;

/* Takes that back. */
void run_keep_undo(const char *path);
