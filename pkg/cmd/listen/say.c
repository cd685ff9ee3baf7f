/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/describe.h"
#include "sys/file.h"
#include "json/json.h"

void listen_say(const char *fmt, ...)
{
	struct arena arena = { 0 }, *before = json_arena();
	va_list ap;

	if (!file_takes_line(STDERR_FILENO))
		return;
	json_init(&arena);
	va_start(ap, fmt);
	fprintf(stderr, "cnic: listen: %s\n", describe_plain(arena_vprintf(&arena, fmt, ap)));
	va_end(ap);
	json_init(before);
	arena_free(&arena);
}
