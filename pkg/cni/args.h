/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - CNI_ARGS, the deprecated K=V;K=V parameters (CNI conventions; libcni's parser). */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/*
 * Check `text` against the keys a plugin knows: every piece is one KEY=VALUE, unknown keys are an
 * error unless IgnoreUnknown is true. Code 4: it is the environment that is wrong.
 */
int cni_args_check(const char *text, const char *const *known, struct arena *arena,
		   struct err *err) NODISCARD;

/*
 * The last value of key, in the arena; NULL if absent or empty. Of a text that is not checked: a
 * piece without = is passed over, a value has all behind the first.
 */
const char *cni_args_get(const char *text, const char *key, struct arena *arena);
