/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/inside.h"

#include <string.h>

#include "nl/link_wait.h"

int inside_name_is_free(struct cni_call *c)
{
	struct link taken;

	if (nl_link_get_allow(c->sandbox, c->req->ifname, &taken) < 0)
		return -1;
	if (taken.index)
		return err_set(c->err, ERR_IN_USE, "interface %s exists in the container already",
			       c->req->ifname);
	return 0;
}

int inside_del(struct cni_call *c, const char *kind)
{
	struct link l;

	if (!c->sandbox)
		return 0;
	if (nl_link_get_allow(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	if (!l.index || strcmp(l.kind, kind) != 0)
		return 0;
	return nl_link_del_announced(c->sandbox, l.index, c->netns_fd, l.index);
}
