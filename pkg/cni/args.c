/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/args.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char ignore_key[] = "IgnoreUnknown";

struct pair {
	const char *key, *value;
};

/* The next KEY=VALUE of a text that is cut up on the way. 1, 0 at the end, -1. */
static int next_pair(char **rest, struct pair *pair, struct arena *arena, struct err *err)
{
	char *piece = strsep(rest, ";"), *eq;

	if (!piece)
		return 0;
	eq = strchr(piece, '=');
	if (!eq || strchr(eq + 1, '='))
		return err_set(err, ERR_ENV, "CNI_ARGS: invalid pair \"%.200s\"", piece);
	pair->key = arena_strndup(arena, piece, (size_t)(eq - piece));
	pair->value = eq + 1;
	return 1;
}

static int parse_bool(const char *s, bool *out, struct err *err)
{
	static const char *const words[] = { "0", "1", "false", "true" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*out = i % 2;
			return 0;
		}
	}
	return err_set(err, ERR_ENV, "CNI_ARGS: %s: \"%.80s\" is not a boolean", ignore_key, s);
}

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (!strcmp(key, *known))
			return true;
	return false;
}

int cni_args_check(const char *text, const char *const *known, struct arena *arena, struct err *err)
{
	char *rest = *text ? arena_strdup(arena, text) : NULL;
	const char *unknown = NULL;
	bool ignore = false;
	struct pair pair;
	int rc;

	while ((rc = next_pair(&rest, &pair, arena, err)) > 0) {
		if (!strcmp(pair.key, ignore_key)) {
			if (parse_bool(pair.value, &ignore, err) < 0)
				return -1;
		} else if (!is_known(pair.key, known) && (!unknown || strlen(unknown) < 256)) {
			unknown = arena_printf(arena, "%s%s\"%s=%s\"", unknown ? unknown : "",
					       unknown ? " " : "", pair.key, pair.value);
		}
	}
	if (!rc && unknown && !ignore)
		return err_set(err, ERR_ENV, "CNI_ARGS: unknown args [%s]", unknown);
	return rc;
}

const char *cni_args_get(const char *text, const char *key, struct arena *arena)
{
	char *rest = *text ? arena_strdup(arena, text) : NULL;
	const char *value = NULL;
	char *piece, *eq;

	while ((piece = strsep(&rest, ";"))) {
		eq = strchr(piece, '=');
		if (!eq)
			continue;
		*eq = '\0';
		if (!strcmp(piece, key) && eq[1])
			value = eq + 1;
	}
	return value;
}
