/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h - one plugin executed as libcni does it: found on the path, called with its environment
 * and its stdin, its answer understood (CNI spec 1.1.0, section 2; libcni's pkg/invoke).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cni/env.h"

/* What is called, and how. */
struct libcni_exec {
	const char *type, *path; /* path: the executable */
	enum cni_command command;
	const char *container_id, *netns, *ifname, *args, *cni_path;
	const char *in; /* stdin */
	size_t in_len;
	int timeout_ms; /* 0 = none */
};

/* Its variables. */
struct cni_env libcni_exec_env(const struct libcni_exec *x);

/* What came of it. */
struct libcni_answer {
	const char *out; /* stdout, NUL-terminated */
	size_t out_len;
	int exit_code; /* 128 + the signal's number if one ended it; -1: it did not run */
	int64_t time_us;
};

/*
 * The executable of that name in the first of the directories that has it; `dirs` is CNI_PATH, of
 * which empty elements are skipped. In libcni's words if there is none.
 */
int libcni_find(const char *type, const char *dirs, const char **path, struct err *err) NODISCARD;

/*
 * Execute it and wait for it. Its stderr goes to ours. -1 with its error object's code, words and
 * details if it failed, or with libcni's words for what is no error object. *out is filled in any
 * case. ctx is not looked at.
 */
int libcni_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out,
		struct err *err) NODISCARD;
