/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the targets share: an arena and a sink for each input. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as the plugins get texts: NUL-terminated, in the arena. */
static inline char *fuzz_text(struct arena *arena, const uint8_t *data, size_t size)
{
	return arena_strndup(arena, (const char *)data, size);
}

/* A failure must have said why, and a success nothing. */
static inline void fuzz_expect(int rc, const struct err *err)
{
	if ((rc < 0) != (err->msg[0] != '\0') || (rc < 0 && !err->code))
		abort();
}
