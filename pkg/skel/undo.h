/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo.h - the inverse of what a call has done so far. A failing command runs it newest first; what
 * an undo has to say goes to stderr and never hides the first error.
 */
#pragma once

#include <stddef.h>

#define UNDO_MAX 32

struct cni_call;

typedef void (*undo_fn)(struct cni_call *c, void *arg);

struct undo {
	struct {
		undo_fn fn;
		void *arg;
	} step[UNDO_MAX];
	size_t n;
};

/*
 * Right after the effect, or before one whose answer may be lost; keyed by what is already known;
 * arg must live as long as the call.
 */
void undo_push(struct cni_call *c, undo_fn fn, void *arg);
void undo_all(struct cni_call *c);
