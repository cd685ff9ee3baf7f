/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns.h - the ids of a user namespace (user_namespaces(7)): written from outside, taken on from
 * inside.
 */
#pragma once

#include <sys/types.h>

#include "cmd/run/options.h"

/*
 * Of only one of the two lists the other is a copy, where the caller may map what he likes: his own
 * group, which is in there else, would be the machine's.
 */
void run_userns_complete_maps(struct run_options *o);

/*
 * The maps of --uid-map and --gid-map, else one id: the caller's is 0 inside. Written here where
 * the kernel lets us, else by newuidmap(1) and newgidmap(1), which look into /etc/subuid and
 * /etc/subgid.
 */
int run_userns_write_maps(pid_t pid, const struct run_options *o, struct arena *arena,
			  struct err *err) NODISCARD;

/*
 * In it, with all capabilities: root of the namespace, or where 0 is not mapped its first id; no
 * supplementary groups, if that is allowed. Clears PR_SET_PDEATHSIG.
 */
int run_userns_become(const struct run_options *o, struct err *err) NODISCARD;

/*
 * Will the command be the root of the whole machine, with or without capabilities? Asked by the
 * process whose ids are mapped.
 */
bool run_userns_has_host_root(const struct run_options *o);
