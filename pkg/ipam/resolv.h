/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.h - what a resolv.conf(5) says, for a container that is to have the same. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct resolv {
	const char **nameservers, **search, **options; /* of all lines */
	size_t n_nameservers, n_search, n_options;
	const char *domain; /* the last, NULL if there is none */
};

/* Any other line is passed over. A file over 64 KiB is an error. */
int resolv_read(const char *path, struct arena *arena, struct resolv *out,
		struct err *err) NODISCARD;
