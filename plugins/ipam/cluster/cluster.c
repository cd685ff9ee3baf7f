/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster - addresses that are given once over many nodes: blocks of this node, and a journal of
 * them.
 */
#include <string.h>

#include "give.h"
#include "inventory.h"
#include "reclaim.h"
#include "tool.h"

static int open_store(struct cni_call *c, struct store *s, enum store_use use)
{
	const struct cluster_conf *conf = c->conf;

	return store_open(s, use, conf->data_dir, c->req->net.name, c->arena, c->err);
}

static int open_engine(struct cni_call *c, struct store *s, struct engine *e)
{
	const struct cluster_conf *conf = c->conf;

	if (engine_open(e, conf, c->req->net.name, conf->space, c->arena, c->err) < 0)
		return -1;
	e->store = s;
	return 0;
}

static struct holder holder_of(const struct cni_call *c)
{
	return (struct holder){ c->req->container_id, c->req->ifname };
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static struct give_set *find_set(struct give *g, const struct ip *ip)
{
	for (size_t i = 0; i < g->n; i++)
		if (range_set_find(&g->sets[i].pool->free, ip) &&
		    (!g->sets[i].asked.family || ip_equal(&g->sets[i].asked, ip)))
			return &g->sets[i];
	return NULL;
}

static int ask(struct cni_call *c, struct give *g, const char *const *ips, size_t n,
	       const char *path)
{
	for (size_t i = 0; i < n; i++) {
		struct give_set *set;
		struct ip ip;

		if (!ip_parse(&ip, ips[i]) && !cidr_parse(&ip, ips[i]))
			return err_config(c->err, "%s[%zu]: invalid IP address: \"%.80s\"", path, i,
					  ips[i]);
		set = find_set(g, &ip);
		if (!set)
			return err_config(c->err, "%s[%zu]: %.80s is in no range", path, i, ips[i]);
		set->asked = ip;
	}
	return 0;
}

static int plan(struct cni_call *c, struct give *g)
{
	const struct cluster_conf *conf = c->conf;
	const char *arg = cni_arg(c, "IP");

	if (ask(c, g, &arg, arg && !conf->n_args_ips, "CNI_ARGS IP") < 0 ||
	    ask(c, g, conf->args_ips, conf->n_args_ips, "args.cni.ips") < 0)
		return -1;
	return ask(c, g, conf->runtime_ips, conf->n_runtime_ips, "runtimeConfig.ips");
}

static void fill_result(struct cni_call *c, const struct give *g)
{
	const struct cluster_conf *conf = c->conf;
	struct cni_result *r = &c->result;

	r->routes = conf->routes;
	r->n_routes = conf->n_routes;
	r->dns = conf->dns;
	r->never_used = g->n > 0;
	for (size_t i = 0; i < g->n; i++) {
		struct cni_ipconfig *ip = arena_append(c->arena, r->ips, r->n_ips);

		ip->address = g->sets[i].ip;
		if (conf->gateway_ip.family == ip->address.family)
			ip->gateway = conf->gateway_ip;
		r->never_used &= g->sets[i].never_used;
	}
	for (size_t i = 0; i < conf->n_fixed; i++)
		*arena_append(c->arena, r->ips, r->n_ips) = conf->fixed[i];
}

/* What an ADD that fails later, or in the plugin that called it, has to take back. */
static void undo_add(struct cni_call *c, void *arg)
{
	struct give *g = arg;
	auto_store struct store s;
	struct engine e;

	if (open_store(c, &s, STORE_CHANGE) < 0 || open_engine(c, &s, &e) < 0)
		return;
	g->store = &s;
	g->e = &e;
	give_undo(g);
}

static int give(struct cni_call *c, struct give *g)
{
	auto_store struct store s;
	struct engine *e = arena_new(c->arena, struct engine);
	struct holder holder = holder_of(c);

	if (open_store(c, &s, STORE_ADD) < 0 || open_engine(c, &s, e) < 0 || engine_identify(e) < 0)
		return -1;
	give_init(g, e, &s, &holder);
	if (plan(c, g) < 0 || give_find(g) < 0)
		return -1;
	if (give_all(g) == 0)
		return 0;
	give_undo(g);
	return -1;
}

static int cluster_add(struct cni_call *c)
{
	struct give *g = arena_new(c->arena, struct give);

	if (give(c, g) < 0)
		return -1;
	undo_push(c, undo_add, g);
	fill_result(c, g);
	return 0;
}

/* ---- DEL, GC --------------------------------------------------------------------------------- */

static int cluster_del(struct cni_call *c)
{
	struct holder holder = holder_of(c);
	struct cni_steps steps = { 0 };
	auto_store struct store s;

	conf_resolve_lenient(c, false);
	if (open_store(c, &s, STORE_CHANGE) < 0)
		return -1;
	cni_step(c, &steps, store_release(&s, &holder));
	cni_step(c, &steps, reclaim_del(c, &s, &holder));
	return cni_steps_end(c, &steps);
}

static bool is_valid(const struct holder *holder, void *arg)
{
	const struct cni_call *c = arg;

	return cni_gc_is_valid(&c->req->net, holder->id, holder->ifname);
}

static int cluster_gc(struct cni_call *c)
{
	struct cni_steps steps = { 0 };
	auto_store struct store s;

	conf_resolve_lenient(c, true);
	if (open_store(c, &s, STORE_CHANGE) < 0)
		return -1;
	if (c->req->net.has_attachments)
		cni_step(c, &steps, store_gc(&s, is_valid, c));
	else
		cni_step(c, &steps, store_release_earlier_boots(&s));
	cni_step(c, &steps, reclaim_gc(c, &s, c->req->net.has_attachments ? is_valid : NULL, c));
	return cni_steps_end(c, &steps);
}

/* ---- CHECK, STATUS --------------------------------------------------------------------------- */

/* prevResult has the address that the attachment has of this range. */
static bool is_told(const struct cni_call *c, const struct give_set *set)
{
	const struct cni_result *prev = c->req->prev;

	for (size_t i = 0; i < prev->n_ips; i++)
		if (ip_equal(&prev->ips[i].address, &set->ip))
			return true;
	return false;
}

static int cluster_check(struct cni_call *c)
{
	struct holder holder = holder_of(c);
	auto_store struct store s;
	struct engine e;
	struct give g;

	if (open_store(c, &s, STORE_READ) < 0 || open_engine(c, &s, &e) < 0)
		return -1;
	give_init(&g, &e, &s, &holder);
	if (give_find(&g) < 0)
		return -1;
	for (size_t i = 0; i < g.n; i++)
		if (!g.sets[i].ip.family || !is_told(c, &g.sets[i]))
			return err_set(
				c->err, ERR_CHECK,
				"cluster: container %s holds no address of range %zu that is "
				"in prevResult",
				holder.id, i);
	return 0;
}

/* Whatever stands in the way, the answer of STATUS is that ADD would fail. */
static int cluster_status(struct cni_call *c)
{
	const struct cluster_conf *conf = c->conf;
	const struct holder nobody = { "", "" };
	auto_store struct store s;
	struct engine e;
	struct give g;

	if (open_store(c, &s, STORE_READ) == 0 && open_engine(c, &s, &e) == 0 &&
	    store_usable(conf->data_dir, c->req->net.name, c->arena, c->err) == 0) {
		give_init(&g, &e, &s, &nobody);
		return give_check_free(&g);
	}
	c->err->code = ERR_UNAVAILABLE;
	return -1;
}

static int cluster_inventory(struct cni_call *c, const struct cni_inventory *to)
{
	return inventory_networks(c, conf_defaults.data_dir, to);
}

const struct cni_plugin cluster_plugin = {
	.name = "cluster",
	.inventory = cluster_inventory,
	.ipam_tool = tool_run,
	.fields = conf_fields,
	.defaults = &conf_defaults,
	.conf_size = sizeof(struct cluster_conf),
	.args = conf_args,
	.ipam = true,
	.exclusive = true,
	.validate = conf_resolve,
	.add = cluster_add,
	.del = cluster_del,
	.check = cluster_check,
	.gc = cluster_gc,
	.status = cluster_status,
};
