/* SPDX-License-Identifier: Apache-2.0 */
/* caps.h - capabilities(7) by name, and as the only ones that a process of ours goes on with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A bit more in the set: NET_RAW, cap_net_raw, or all that Linux has had a name for (all). */
bool run_caps_add(uint64_t *caps, const char *name);

/* Is it in the effective set of this process? A number of linux/capability.h. */
bool run_caps_has(int capability);

/*
 * These, and no others, in all five sets, for this process and what it executes, whatever its ids
 * are; those that the kernel or the process has not are left out. No program it executes gains any
 * (no_new_privs, prctl(2)).
 */
int run_caps_limit(uint64_t caps, struct err *err) NODISCARD;
