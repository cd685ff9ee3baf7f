/* SPDX-License-Identifier: Apache-2.0 */
/* texts.h - a literal as a JSON text, and a JSON text as a string, in json's arena. */
#pragma once

#include "tap.h"
#include "json/text.h"

static inline struct json_text text(const char *s)
{
	struct json_text t = { 0 };
	struct err err = { 0 };

	if (json_text(s, strlen(s), &t, &err) < 0)
		ok(false, "%s: %s", s, err.msg);
	return t;
}

/* Printing .at ends where its buffer does, so it is cut out. */
static inline const char *cut(struct json_text t)
{
	return t.at ? arena_strndup(json_arena(), t.at, t.len) : NULL;
}
