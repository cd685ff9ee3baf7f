/* SPDX-License-Identifier: Apache-2.0 */
/* nodeconf.h - keys that a node's administrator sets for all networks, in a file beside them. */
#pragma once

#include "skel/call.h"

/*
 * The first of `paths` (NULL-terminated, "" skipped) that exists is decoded into c->conf by the
 * plugin's table, and the configuration again over it: its keys win. No file is fine; one that
 * cannot be read or decoded is an error, except to DEL and GC, which go without.
 */
int nodeconf_apply(struct cni_call *c, const char *const *paths) NODISCARD;
