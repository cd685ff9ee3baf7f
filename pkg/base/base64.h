/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - RFC 4648, section 4: the standard alphabet, padded. */
#pragma once

#include <stddef.h>

#include "base/arena.h"

/* NUL-terminated, in the arena. */
char *base64_encode(const void *data, size_t len, struct arena *arena);

/* The bytes, and a NUL behind them, in the arena; NULL if it is no base64. Newlines are ignored. */
char *base64_decode(const char *text, size_t *len, struct arena *arena);
