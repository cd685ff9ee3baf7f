/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - a network namespace that stays when the command has ended: a mount, as ip-netns(8) makes. */
#pragma once

#include "base/err.h"

/* The file at the path is made, and is the namespace from then on; one that is there is an error. */
int run_keep(const char *path, int netns_fd, struct err *err) NODISCARD;

/* Takes that back. */
void run_keep_undo(const char *path);
