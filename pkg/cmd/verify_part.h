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

struct verify {
	struct node node;
	struct cni_request req;
	struct cni_call call; /* what the CHECKs are parts of */
	enum verify_weight weight;
	size_t n;
};

/* One line; `a` NULL: it is of the node. */
void verify_say(struct verify *v, enum verify_weight weight, const struct node_attachment *a,
		const char *what, const char *advice);

/* Its interfaces as its result has them, then its plugins' CHECK. */
void verify_part(struct verify *v, const struct node_attachment *a);
