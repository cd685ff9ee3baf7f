/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/holder.h"

#include <dirent.h>
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

/* One on the master; netnsid is the id of the master's namespace where the socket is. */
static const struct link *find_upper(struct nl *nl, int netnsid, const struct link *master,
				     struct arena *arena)
{
	struct link_list list = { .arena = arena };

	if (nl_link_list(nl, &list) < 0)
		return NULL;
	for (size_t i = 0; i < list.n_link; i++) {
		const struct link *l = &list.link[i];

		if (takes_frames(l) && l->peer == master->index && l->peer_netnsid == netnsid)
			return l;
	}
	return NULL;
}

static const struct link *find_upper_in(const char *netns, int master_ns, const struct link *master,
					struct arena *arena)
{
	struct err err = { 0 };
	auto_nl struct nl nl = { 0 };
	auto_close int fd = -1;
	bool gone = false;
	int id;

	if (netns_open(netns, &fd, &gone, &err) < 0 || gone || nl_open_at(&nl, fd, &err) < 0 ||
	    nl_netnsid(&nl, master_ns, &id) < 0 || id < 0)
		return NULL;
	return find_upper(&nl, id, master, arena);
}

/* The containers whose namespaces lie where this one's does. */
static const struct link *find_upper_beside(struct cni_call *c, int master_ns,
					    const struct link *master, const char **netns)
{
	const char *slash = strrchr(c->req->netns, '/');
	const char *dir =
		arena_strndup(c->arena, c->req->netns, slash ? (size_t)(slash - c->req->netns) : 0);
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		const struct link *upper;

		*netns = arena_printf(c->arena, "%s/%s", dir, e->d_name);
		upper = find_upper_in(*netns, master_ns, master, c->arena);
		if (upper)
			return upper;
	}
	return NULL;
}

static int name_upper(struct cni_call *c, const struct link *master, const struct link *upper,
		      const char *netns, const char *kind)
{
	bool same = !strcmp(upper->kind, kind);

	return err_set(c->err, ERR_IN_USE, "master: %s carries %s %s already%s%s: %s", master->name,
		       upper->kind, upper->name, *netns ? ", of namespace " : "", netns,
		       same ? "it cannot be shared in this mode" : "the kinds cannot share it");
}

int holder_explain(struct cni_call *c, struct nl *nl, const struct link *master, const char *kind)
{
	bool in_container = nl == c->sandbox;
	const struct err kernel = *c->err;
	const struct link *upper;
	const char *netns = "";
	struct link bridge;
	int master_ns;

	if (!master->index || (kernel.sys != EBUSY && kernel.sys != EINVAL))
		return -1;
	if (master->master && nl_link_get_index_allow(nl, master->master, &bridge) == 0 &&
	    bridge.index)
		return err_set(c->err, ERR_IN_USE, "master: %s is a port of %s %s", master->name,
			       bridge.kind, bridge.name);
	master_ns = in_container ? c->netns_fd : netns_home(c->err);
	upper = find_upper(nl, -1, master, c->arena);
	if (!upper && master_ns >= 0)
		upper = find_upper_beside(c, master_ns, master, &netns);
	*c->err = kernel;
	return upper ? name_upper(c, master, upper, netns, kind) : -1;
}
