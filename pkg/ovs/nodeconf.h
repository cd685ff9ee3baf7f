/* SPDX-License-Identifier: Apache-2.0 */
/* nodeconf.h - keys that a node's administrator sets for all networks, in a file beside them. */
#pragma once

#include "skel/call.h"

/*
 * The first thing for every verb. The file of that name, or else of ovs-cni's places, that exists
 * is decoded into c->conf by the plugin's table, and the configuration again over it: its keys win.
 * No file is fine; one that cannot be read or decoded is an error, except to DEL and GC, which go
 * without.
 */
int ovs_nodeconf(struct cni_call *c, const char *configuration_path) NODISCARD;
