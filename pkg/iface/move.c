/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/move.h"

#include "sys/netns.h"

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
