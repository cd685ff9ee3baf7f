/* SPDX-License-Identifier: Apache-2.0 */
/* targets.h - which namespaces `cnic listen` begins in. */
#pragma once

#include "cmd/listen/options.h"

struct listen_targets {
	struct listen_netns *list;
	size_t n;
};

/*
 * Those of --netns; with --all-of those of the attachments of that network that are there, by
 * container id: each namespace once, one of a container, and never the process's own; without
 * either that one. With --watch none: they come.
 */
int listen_targets_find(const struct listen_options *opt, struct listen_targets *t,
			struct arena *arena, struct err *err) NODISCARD;
