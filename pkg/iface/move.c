/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/move.h"

#include "sys/netns.h"

int move_name_is_free(struct cni_call *c)
{
	struct link taken;

	if (nl_link_get_allow(c->sandbox, c->req->ifname, &taken) < 0)
		return -1;
	if (taken.index)
		return err_set(c->err, ERR_IN_USE, "interface %s exists in the container already",
			       c->req->ifname);
	return 0;
}

int move_in(struct cni_call *c, const struct link *l)
{
	nl_link_move(c->host, l->index, c->netns_fd, c->req->ifname);
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "%s", l->name) : 0;
}

int move_out(struct cni_call *c, struct nl *from, int index, const char *name)
{
	int home = netns_home(c->err);

	if (home < 0)
		return -1;
	nl_link_move(from, index, home, name);
	return nl_commit(from);
}
