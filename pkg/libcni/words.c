/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/words.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "json/json.h"

const char *libcni_words_quoted(const char *s)
{
	static const char named[] = "\"\"\\\\\aa\bb\ff\nn\rr\tt\vv"; /* the byte, its letter */
	char *out = arena_alloc(json_arena(), strlen(s) * 4 + 3), *o = out;

	*o++ = '"';
	for (; *s; s++) {
		const char *letter = named;

		while (*letter && *letter != *s)
			letter += 2;
		if (*letter)
			o += snprintf(o, 3, "\\%c", letter[1]);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			o += snprintf(o, 5, "\\x%02x", (unsigned char)*s);
		else
			*o++ = *s;
	}
	*o = '"';
	return out;
}

static const char *small(const char *words)
{
	char *s = arena_strdup(json_arena(), words);

	*s = (char)tolower((unsigned char)*s);
	return s;
}

const char *libcni_words_errno(int error)
{
	return small(strerror(error));
}

const char *libcni_words_status(int status)
{
	const char *core = WIFSIGNALED(status) && WCOREDUMP(status) ? " (core dumped)" : "";
	int n = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	if (!WIFSIGNALED(status))
		return arena_printf(json_arena(), "exit status %d", n);
	if (n >= 32)
		return arena_printf(json_arena(), "signal: signal %d%s", n, core);
	return arena_printf(json_arena(), "signal: %s%s", small(strsignal(n)), core);
}
