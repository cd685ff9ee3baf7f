/* SPDX-License-Identifier: Apache-2.0 */
/*
 * move.h - an interface of the host's moved into the container, and out again. What it was, and
 * what it is to be again, is for its plugin to know.
 */
#pragma once

#include "skel/call.h"

/* From the host into the container as CNI_IFNAME, down; the caller pushes the undo before. */
int move_in(struct cni_call *c, const struct link *l) NODISCARD;

/* Of the namespace that `from` is a socket of, to the host as `name`, down. */
int move_out(struct cni_call *c, struct nl *from, int index, const char *name) NODISCARD;
