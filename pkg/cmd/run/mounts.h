/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h - the files a command sees: the host's or those of a directory, with /proc, /sys and
 * /dev of its own, and what --bind and --tmpfs add. Must run in new mount, PID and network
 * namespaces, as PID 1, with CAP_SYS_ADMIN in them.
 */
#pragma once

#include "cmd/run/options.h"
#include "cmd/run/sandbox.h"

struct run_mounts {
	const struct run_options *o;
	bool has_user;      /* a user namespace of its own */
	bool has_host_root; /* the command has the user id of the machine's root */
	int host;           /* the host's root directory */
	int proc;           /* the new /proc, wherever its directory goes */
	int *trees;         /* of o->mounts: a bind's source, or -1 */
	const char **at;    /* of o->mounts: the target, when made where links led then */
	struct arena *arena;
	struct err *err;
};

/* All but what run_mounts_texts() does. The working directory is as it was, if there is one. */
int run_mounts_make(struct run_mounts *m) NODISCARD;

/* Files of /etc as the networks have it; then nothing of the host's can be reached any more. */
int run_mounts_finish(struct run_mounts *m, const struct run_texts *texts) NODISCARD;
