/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - the CNI_ variables: which verb needs which, and what they may hold (CNI spec, section 2).
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION, CNI_COMMANDS };

extern const char *const cni_command_names[]; /* by enum cni_command */

struct cni_env {
	const char *command, *container_id, *netns, *ifname, *args, *path; /* "" = unset or empty */
	bool netns_override; /* CNI_NETNS_OVERRIDE: the container's namespace may be our own */
};

void cni_env_read(struct cni_env *env);

/*
 * libcni's rules in libcni's order: variables in the order of the table; a present and required one
 * that is invalid fails at once, the missing are reported together. Code 4. An unknown verb
 * requires nothing.
 */
int cni_env_check(const struct cni_env *env, struct err *err) NODISCARD;

/* The environment of a plugin that is executed: ours, these in place of those of the same name. */
char **cni_env_make(const struct cni_env *env, struct arena *arena);
