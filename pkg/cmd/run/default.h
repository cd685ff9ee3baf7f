/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default.h - the network of a command that names none: the list `cnic-run`, made here. bridge with
 * host-local and masquerading on 10.219.0.0/16 and fd00:219::/64, portmap where ports are
 * published.
 */
#pragma once

#include <stdbool.h>

#include "libcni/list.h"

#define RUN_DEFAULT_NETWORK "cnic-run" /* its bridge, too */

/*
 * The bridge's range where there is one; else the first of 10.219 to 10.254 (fd00:219::/64 to
 * fd00:254::/64) that no route of the host overlaps. Another than the first is said on stderr when
 * it is chosen. Without IPv6 in the host the list has none.
 */
int run_default_list(bool publishes, struct libcni_list *out, struct err *err) NODISCARD;
