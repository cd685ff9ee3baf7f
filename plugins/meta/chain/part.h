/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - one plugin of a chain: called in this process if executing it would start this
 * executable, else executed; and taken back.
 */
#pragma once

#include "libcni/call.h"
#include "skel/call.h"

/* What an ADD has done: a part of the call, or a program that has run. */
struct chain_done {
	struct cni_call *part;
	struct libcni_exec exec; /* part is NULL */
};

struct chain {
	struct cni_call *call;
	struct libcni_list list;
	struct libcni libcni;
	struct libcni_attachment attachment;
	struct json_text prev, valid; /* prevResult; valid attachments; .at NULL: not given */
	struct chain_done done[CNI_PARTS_MAX];
	size_t n_done;
};

/*
 * The list and what the runtime has given with it, from the call's stdin. With `steps` a plugin
 * that is wrong is one of them that has failed, and the others are loaded.
 */
int chain_load(struct cni_call *c, struct chain *chain, struct cni_steps *steps) NODISCARD;

/* Before anything is made: is there an executable for each? Code 50 for STATUS. */
int chain_find_all(struct chain *chain) NODISCARD;

/* The call's command to plugin i, with that prevResult; *result is ADD's. */
int chain_call(struct chain *chain, size_t i, struct json_text prev,
	       struct json_text *result) NODISCARD;

/* The last plugin's result becomes the call's. */
int chain_take_result(struct cni_call *c, struct json_text result) NODISCARD;

/* An undo_fn: all that is done, the last first; a program by a DEL. */
void chain_undo(struct cni_call *c, void *arg);
