/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activate.h - sockets for a command, by the protocol of sd_listen_fds(3): descriptors from 3 on,
 * and LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/err.h"

#define LISTEN_NAMES_MAX ((size_t)120 * 1024) /* bytes; the kernel's MAX_ARG_STRLEN is 128 KiB */

/* No colon, which parts names, no control character, at most 255 bytes. */
bool listen_name_fits(const char *name);

/*
 * Becomes the command, which is looked up in PATH, with these n sockets and no descriptor but 0 to
 * 2 beside them. names: of each, with a colon between; NULL: none are told. files: its limit of
 * descriptors. Returns only on failure.
 */
int listen_activate(int *fds, size_t n, const char *names, const struct rlimit *files,
		    char **command, struct err *err) NODISCARD;
