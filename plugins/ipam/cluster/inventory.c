/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/str.h"
#include "ipam/store.h"
#include "keys.h"
#include "state.h"
#include "sys/file.h"

struct scan {
	struct cni_call *c;
	struct store *s;
	const struct cni_inventory *to;
};

static void report(const struct scan *scan, const char *id, const char *ifname, const char *ip,
		   const char *advice, int64_t time)
{
	scan->to->holding(scan->to->ctx,
			  &(struct cni_holding){
				  .plugin = "cluster",
				  .network = scan->s->name,
				  .container_id = id,
				  .ifname = ifname,
				  .what = arena_printf(scan->c->arena, "address %s of network %s",
						       ip, scan->s->name),
				  .advice = advice,
				  .time = time,
			  });
}

static int on_reservation(const struct reservation *r, void *arg)
{
	const struct scan *scan = arg;
	const char *rm = arena_printf(scan->c->arena, "rm %s/%s", scan->s->path, r->name);
	struct stat st;

	if (r->state == RESERVATION_HELD)
		report(scan, r->holder.id, r->holder.ifname, r->name, rm,
		       fstatat(scan->s->dir, r->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0
										    : st.st_mtime);
	else if (r->state != RESERVATION_NONE)
		scan->to->fault(scan->to->ctx,
				arena_printf(scan->c->arena, "%s/%s is no reservation",
					     scan->s->path, r->name),
				rm);
	return 0;
}

static bool is_state(const char *name)
{
	return !file_is_draft(name);
}

static void look_at_state(const struct scan *scan, const char *dir, const char *name)
{
	const char *space = keys_decode(name, scan->c->arena);
	struct err why = { 0 };
	char ip[IP_STRLEN];
	struct state s;

	if (!space || state_read(&s, dir, space, scan->c->arena, &why) < 0) {
		scan->to->fault(scan->to->ctx,
				arena_printf(scan->c->arena, "%s/%s is no state of cluster: %s",
					     dir, name, why.msg),
				"cnic ipam release-node, and remove it");
		return;
	}
	for (size_t i = 0; i < s.n_singles; i++)
		if (*s.singles[i].id)
			report(scan, s.singles[i].id, s.singles[i].ifname,
			       ip_str(&s.singles[i].ip, ip), "a DEL of the attachment", 0);
}

static int look_at_network(struct cni_call *c, const char *data_dir, const char *network,
			   const struct cni_inventory *to)
{
	const char *dir = state_dir(data_dir, network, c->arena), **names;
	auto_store struct store s;
	struct scan scan = { c, &s, to };
	size_t n;

	if (store_open(&s, STORE_READ, data_dir, network, c->arena, c->err) < 0 ||
	    (s.dir >= 0 && reservation_scan(s.dir, on_reservation, &scan, c->err) < 0) ||
	    file_names(dir, is_state, c->arena, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		look_at_state(&scan, dir, names[i]);
	return 0;
}

int inventory_networks(struct cni_call *c, const char *dir, const struct cni_inventory *to)
{
	const char **names;
	size_t n;

	if (file_names(dir, str_is_cni_name, c->arena, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (look_at_network(c, dir, names[i], to) < 0)
			return -1;
	return 0;
}
