/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/env.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"

const char *const cni_command_names[] = { "ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION" };

_Static_assert(ARRAY_SIZE(cni_command_names) == CNI_COMMANDS, "one name per command");

static const char *get(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

void cni_env_read(struct cni_env *env)
{
	const char *override = get("CNI_NETNS_OVERRIDE");

	*env = (struct cni_env){
		.command = get("CNI_COMMAND"),
		.container_id = get("CNI_CONTAINERID"),
		.netns = get("CNI_NETNS"),
		.ifname = get("CNI_IFNAME"),
		.args = get("CNI_ARGS"),
		.path = get("CNI_PATH"),
		.netns_override = !strcmp(override, "1") || !strcasecmp(override, "true"),
	};
}

static int check_container_id(const char *s, struct err *err)
{
	if (str_is_cni_name(s))
		return 0;
	err_fill(err, ERR_ENV, 0, "invalid characters in containerID (CNI_CONTAINERID)");
	snprintf(err->details, sizeof(err->details), "%s", s);
	return -1;
}

static int check_ifname(const char *s, struct err *err)
{
	const char *fault = str_ifname_fault(s);

	return fault ? err_set(err, ERR_ENV, "%s (CNI_IFNAME \"%.80s\")", fault, s) : 0;
}

#define ON(command)   (1U << (command))
#define ON_ATTACHMENT (ON(CNI_ADD) | ON(CNI_DEL) | ON(CNI_CHECK))

static const struct variable {
	const char *name;
	size_t offset;
	unsigned int required; /* verbs */
	int (*check)(const char *s, struct err *err);
} variables[] = {
	{ "CNI_CONTAINERID", offsetof(struct cni_env, container_id), ON_ATTACHMENT,
	  check_container_id },
	{ "CNI_NETNS", offsetof(struct cni_env, netns), ON(CNI_ADD) | ON(CNI_CHECK), NULL },
	{ "CNI_IFNAME", offsetof(struct cni_env, ifname), ON_ATTACHMENT, check_ifname },
	{ "CNI_PATH", offsetof(struct cni_env, path), ON_ATTACHMENT | ON(CNI_GC) | ON(CNI_STATUS),
	  NULL },
};

static unsigned int verb_mask(const char *command)
{
	for (unsigned int i = 0; i < CNI_COMMANDS; i++)
		if (!strcmp(command, cni_command_names[i]))
			return ON(i);
	return 0;
}

int cni_env_check(const struct cni_env *env, struct err *err)
{
	unsigned int verb = verb_mask(env->command);
	char missing[128] = "";
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const struct variable *v = &variables[i];
		const char *value =
			*(const char *const *)(const void *)((const char *)env + v->offset);

		if (!(v->required & verb))
			continue;
		if (!*value)
			at += (size_t)snprintf(missing + at, sizeof(missing) - at, "%s%s",
					       at ? "," : "", v->name);
		else if (v->check && v->check(value, err) < 0)
			return -1;
	}
	return at ? err_set(err, ERR_ENV, "required env variables [%s] missing", missing) : 0;
}

/* ---- of an executed plugin ------------------------------------------------------------------- */

static const char *const set[] = { "CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS",
				   "CNI_ARGS",    "CNI_IFNAME",      "CNI_PATH" };

static bool is_set(const char *variable)
{
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		size_t n = strlen(set[i]);

		if (!strncmp(variable, set[i], n) && variable[n] == '=')
			return true;
	}
	return false;
}

/* A variable that stands there twice has its first value. */
static bool is_in(char *const *env, size_t n, const char *variable)
{
	const char *eq = strchr(variable, '=');
	size_t len = eq ? (size_t)(eq - variable) + 1 : 0;

	for (size_t i = 0; len && i < n; i++)
		if (!strncmp(env[i], variable, len))
			return true;
	return false;
}

char **cni_env_make(const struct cni_env *env, struct arena *arena)
{
	const char *const values[] = { env->command, env->container_id, env->netns,
				       env->args,    env->ifname,       env->path };
	size_t n = 0, out = 0;
	char **all;

	while (environ[n])
		n++;
	all = arena_array(arena, char *, n + ARRAY_SIZE(set) + 1);
	for (size_t i = 0; i < n; i++)
		if (!is_set(environ[i]) && !is_in(all, out, environ[i]))
			all[out++] = environ[i];
	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		all[out++] = arena_printf(arena, "%s=%s", set[i], values[i]);
	return all;
}
