/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap.h - the unit tests' harness: ok(condition, "what %s", ...) and is_str(got, want, "what")
 * print a line of TAP, and `return done_testing();` at the end of main() prints the plan.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
								int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout); /* children must not print it again */
	return good;
}

#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)

/* NULL equals NULL only. */
static inline bool tap_is_str(const char *got, const char *want, const char *file, int line,
			      const char *name)
{
	bool same = got && want ? !strcmp(got, want) : got == want;

	tap_ok(same, file, line, "%s", name);
	if (!same)
		printf("#  got: %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

#define is_str(got, want, name) tap_is_str((got), (want), __FILE__, __LINE__, (name))

static inline int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}
