/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - run a program with a text on stdin and collect its stdout. It dies with us: what
 * cleans up after a call that was killed must not meet that call's children.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define SPAWN_MAX_OUTPUT 1000000 /* bytes, where .max_out does not say another number */

struct spawn {
	const char *path;
	const char *const *argv; /* NULL-terminated; NULL = { path } */
	char *const *envp;       /* the whole environment */
	const char *in;          /* for its stdin */
	size_t in_len;
	size_t max_out;  /* bytes of its stdout, of which more is an error */
	int timeout_ms;  /* it is killed when it has not ended by then; 0 = never */
	bool listen;     /* keep the first of its stderr, which is passed on in any case */
	const int *hold; /* descriptors that it, and what it starts, has as well: locks of ours */
	size_t n_hold;
};

struct spawn_result {
	const char *out; /* NUL-terminated, in the arena */
	size_t out_len;
	const char *words; /* of its stderr, without the last newline; "" if we did not listen */
	const char *said;  /* the same with it */
	int status;        /* as waitpid(2) gives it */
	bool unheard;      /* it has not read all of `in`, which is its right */
	bool timed_out;    /* killed; status is its own if what it has started talks on */
};

/*
 * An executable that is open for writing (ETXTBSY: it is being installed) is tried again for a
 * second. -1 only if the program could not be run or talked to, and none of it is left then; a
 * failing program is 0 with its status. err->sys says why it could not be run.
 */
int spawn(const struct spawn *s, struct spawn_result *res, struct arena *arena,
	  struct err *err) NODISCARD;

/* Has it exited with 0? If not, that is the error, and its words are the details. */
int spawn_succeeded(const char *path, const struct spawn_result *res, struct err *err) NODISCARD;

/* The executable of this name beside the process's own, in the arena; NULL: there is none. */
const char *spawn_beside(const char *name, struct arena *arena);
