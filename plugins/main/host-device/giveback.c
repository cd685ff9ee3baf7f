/* SPDX-License-Identifier: Apache-2.0 */
#include "giveback.h"

#include <stdio.h>

int giveback_commit(struct cni_call *c, struct nl *nl, const char *what)
{
	if (nl_commit(nl) == 0)
		return 0;
	if (!nl_link_is_refusal(nl))
		return err_wrap(c->err, "%s", what);
	fprintf(stderr, "host-device: %s: %s\n", what, c->err->msg);
	err_clear(c->err);
	return 0;
}
