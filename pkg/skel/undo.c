/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/undo.h"

#include <stdlib.h>

#include "skel/call.h"

void undo_push(struct cni_call *c, undo_fn fn, void *arg)
{
	struct undo *u = &c->undo;

	if (u->n == UNDO_MAX)
		abort(); /* more steps than a plugin can take back: a bug */
	u->step[u->n].fn = fn;
	u->step[u->n++].arg = arg;
}

void undo_all(struct cni_call *c)
{
	const struct err first = *c->err;
	struct undo *u = &c->undo;

	while (u->n) {
		u->n--;
		err_clear(c->err);
		u->step[u->n].fn(c, u->step[u->n].arg);
	}
	*c->err = first;
}
