/* SPDX-License-Identifier: Apache-2.0 */
/* kept.h - what the plugin does with the files of leases itself, without the daemon. */
#pragma once

#include "skel/call.h"

/* GC: all of the network that are not valid are to be released by the next daemon. */
int kept_mark_stale(struct cni_call *c) NODISCARD;

/* See .inventory and .describe_kept of a plugin. */
int kept_inventory(struct cni_call *c, const struct cni_inventory *to);
void kept_describe(const char *network, const char *container_id, const char *ifname,
		   struct json *out);
