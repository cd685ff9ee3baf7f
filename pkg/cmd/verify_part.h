/* SPDX-License-Identifier: Apache-2.0 */
/* verify_part.h - what verify has found so far, and an attachment that may live. */
#pragma once

#include "cmd/node.h"
#include "skel/call.h"

/* Worse ones are larger; the worst is the exit status. */
enum verify_weight {
	VERIFY_FINE,
	VERIFY_LEFT,    /* something is left over, or will fail */
	VERIFY_DAMAGED, /* a container has lost something */
	VERIFY_BLIND,   /* something could not be looked at */
};

struct verify_line {
	enum verify_weight weight;
	size_t of; /* an index of node.list */
	const char *text;
};

#define VERIFY_OF_NODE SIZE_MAX

struct verify {
	struct node node;
	struct cni_request req;
	struct cni_call call; /* what the CHECKs are parts of */
	size_t *chosen;       /* of node.list, what is looked at */
	size_t n_chosen;
	bool *doubtful; /* for each of node.list: something is wrong, or could not be looked at */
	bool apart;     /* all of them by other processes */
	struct verify_line *lines;
	size_t n_lines;
};

/* One line; `a`, of node.list, NULL: it is of the node. */
void verify_say(struct verify *v, enum verify_weight weight, const struct node_attachment *a,
		const char *what, const char *advice);

/* Its interfaces as its result has them, then its plugins' CHECK. */
void verify_part(struct verify *v, const struct node_attachment *a);
