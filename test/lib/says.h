/* SPDX-License-Identifier: Apache-2.0 */
/*
 * says.h - what a command prints to its stdout, in the caller's arena, without leading white space
 * and empty lines: what nft(8) and iptables(8) say of the kernel's state.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/arena.h"

static inline const char *says(struct arena *arena, const char *command)
{
	const char *text = "";
	char line[1024];
	FILE *f = popen(command, "r");

	while (f && fgets(line, sizeof(line), f)) {
		const char *p = line + strspn(line, " \t");

		if (*p != '\n')
			text = arena_printf(arena, "%s%s", text, p);
	}
	if (f)
		pclose(f);
	return text;
}
