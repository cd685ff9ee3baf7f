/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.h - what a resolv.conf(5) says, for a container that is to have the same. */
#pragma once

#include "cni/result.h"

/*
 * Of nameservers, search and options all lines count, of domain the last; any other line is passed
 * over. A file over 64 KiB is an error.
 */
int resolv_read(const char *path, struct arena *arena, struct cni_dns *out,
		struct err *err) NODISCARD;
