/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowlist.h - the sysctls that a node's administrator lets configurations set: the reference
 * tuning's file, a regular expression a line, of which one must match somewhere in the key as it
 * stands in the configuration. Blank lines do not count; no file allows all.
 */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define ALLOWLIST_PATH "/etc/cni/tuning/allowlist.conf"

struct allowlist {
	regex_t *lines; /* as POSIX extended expressions */
	size_t n;
	bool exists;
};

/*
 * The lines are RE2, which the reference reads them as; of its syntax all that POSIX can say: no
 * flags, no \Q..\E, no Unicode classes, no \x. ERR_CONFIG names the line that is none of it.
 */
int allowlist_parse(struct allowlist *a, const char *text, struct arena *arena,
		    struct err *err) NODISCARD;
int allowlist_read(struct allowlist *a, const char *path, struct arena *arena,
		   struct err *err) NODISCARD;

/* Out of memory is no. */
bool allowlist_allows(const struct allowlist *a, const char *key);

void allowlist_free(struct allowlist *a);
#define auto_allowlist __attribute__((cleanup(allowlist_free)))
