/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_verify.h - what the verbs of `cnic ipam` share, and verify: etcd and this node against each
 * other.
 */
#pragma once

#include "survey.h"

struct tool_held {
	struct ip ip;
	const char *id, *ifname;
};

struct tool {
	struct engine *e;
	struct survey survey;
	struct tool_held *held; /* the journal of this node */
	size_t n_held;
	const struct cni_lines *to;
};

void tool_say(const struct tool *t, const char *fmt, ...) PRINTF(2, 3);

/* A line for each thing that is not as it should be; 1 if there is any. */
int tool_verify(struct tool *t, const char *arg);
