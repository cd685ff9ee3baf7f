/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/holder.h"

#include <dirent.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/scope.h"
#include "nl/nl.h"
#include "sys/netns.h"

/* What the kernel gives the frames of an interface to: there is one, whoever comes first. */
static bool takes_frames(const struct link *l)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return false;
}

struct search {
	const struct link *master;
	const struct link_req *req;
	struct arena *arena;
};

/* Macvlan and macvtap share a master, as ipvlan and ipvtap do, but for the mode passthru. */
static bool can_share(const struct link *l, const struct link_req *req)
{
	return l->kind[0] == req->kind[0] && l->mode != MACVLAN_MODE_PASSTHRU &&
	       req->mode != MACVLAN_MODE_PASSTHRU;
}

static bool is_rival(const struct link *l, const struct search *s)
{
	if (strcmp(s->req->kind, "vlan") != 0)
		return takes_frames(l) && !can_share(l, s->req);
	return !strcmp(l->kind, "vlan") && l->vlan_id == s->req->vlan_id &&
	       l->vlan_protocol == s->req->vlan_protocol;
}

/* One on the master; netnsid is the id of the master's namespace where the socket is. */
static const struct link *find_upper(struct nl *nl, int netnsid, const struct search *s)
{
	struct link_list list = { .arena = s->arena };

	if (nl_link_list(nl, &list) < 0)
		return NULL;
	for (size_t i = 0; i < list.n_link; i++) {
		const struct link *l = &list.link[i];

		if (l->peer == s->master->index && l->peer_netnsid == netnsid && is_rival(l, s))
			return l;
	}
	return NULL;
}

static const struct link *find_upper_in(const char *netns, int master_ns, const struct search *s)
{
	struct err err = { 0 };
	auto_nl struct nl nl = { 0 };
	auto_close int fd = -1;
	bool gone = false;
	int id;

	if (netns_open(netns, &fd, &gone, &err) < 0 || gone || nl_open_at(&nl, fd, &err) < 0 ||
	    nl_netnsid(&nl, master_ns, &id) < 0 || id < 0)
		return NULL;
	return find_upper(&nl, id, s);
}

/* In the containers whose namespaces lie where this one's does. */
static const struct link *find_upper_beside(struct cni_call *c, int master_ns,
					    const struct search *s, const char **netns)
{
	const char *slash = strrchr(c->req->netns, '/');
	const char *dir =
		arena_strndup(c->arena, c->req->netns, slash ? (size_t)(slash - c->req->netns) : 0);
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		const struct link *upper;

		*netns = arena_printf(c->arena, "%s/%s", dir, e->d_name);
		upper = find_upper_in(*netns, master_ns, s);
		if (upper)
			return upper;
	}
	return NULL;
}

static int name_upper(struct cni_call *c, const struct search *s, const struct link *upper,
		      const char *netns)
{
	const char *reason = !strcmp(upper->kind, "vlan") ? "a VLAN of a master is one interface's"
			     : upper->kind[0] == s->req->kind[0]
				     ? "it cannot be shared in this mode"
				     : "the kinds cannot share it";

	return err_set(c->err, ERR_IN_USE, "master: %s carries %s %s already%s%s: %s",
		       s->master->name, upper->kind, upper->name, *netns ? ", of namespace " : "",
		       netns, reason);
}

/* Which error says so depends on the kind. */
static bool is_taken(int errnum, const struct link_req *req)
{
	if (!strcmp(req->kind, "vlan"))
		return errnum == EEXIST;
	return errnum == EBUSY || errnum == EINVAL;
}

int holder_explain(struct cni_call *c, struct nl *nl, const struct link *master,
		   const struct link_req *req)
{
	const struct search search = { .master = master, .req = req, .arena = c->arena };
	const struct err kernel = *c->err;
	const struct link *upper;
	const char *netns = "";
	struct link bridge;
	int master_ns;

	if (!master->index || !is_taken(kernel.sys, req))
		return -1;
	if (kernel.sys == EBUSY && master->master &&
	    nl_link_get_index_allow(nl, master->master, &bridge) == 0 && bridge.index)
		return err_set(c->err, ERR_IN_USE, "master: %s is a port of %s %s", master->name,
			       bridge.kind, bridge.name);
	master_ns = nl == c->sandbox ? c->netns_fd : netns_home(c->err);
	upper = find_upper(nl, -1, &search);
	if (!upper && master_ns >= 0)
		upper = find_upper_beside(c, master_ns, &search, &netns);
	*c->err = kernel;
	return upper ? name_upper(c, &search, upper, netns) : -1;
}
