/* SPDX-License-Identifier: Apache-2.0 */
/* time.h - times on a command line: 500ms, 2s, 5m, 1h. */
#pragma once

#include <stdint.h>

#define TIME_EXPECTED "a time up to 596h: 500ms, 30s, 5m, 1h" /* INT_MAX milliseconds */

/* Milliseconds, at least 1 and at most INT_MAX; a number alone is seconds. -1: it is no time. */
int time_parse(const char *s);
