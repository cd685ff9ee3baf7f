/* SPDX-License-Identifier: Apache-2.0 */
/* sbr - source based routing: what has an address of the interface goes by routes of its own. */
#include <linux/rtnetlink.h>

#include "move.h"
#include "nl/addr.h"
#include "nl/route_copy.h"
#include "nl/table.h"
#include "sys/lock.h"

struct sbr_conf {
	uint32_t table; /* 0 = not given */
	struct ip *gateways;
	size_t n_gateways;
	bool add_source_hints;
};

struct gateway_item {
	struct ip ip;
};

static const struct json_field gateway_item[] = { F_IP("", struct gateway_item, ip), F_END };

static const struct json_field sbr_fields[] = {
	F_UINT("table", struct sbr_conf, table, .min = 1),
	F_LIST("gateways", struct sbr_conf, gateways, gateway_item, .max = 2),
	F_BOOL("addSourceHints", struct sbr_conf, add_source_hints),
	F_END,
};

static int refuse_with_table(struct cni_call *c, const char *key)
{
	return err_config(c->err, "%s: not together with table, whose routes are not sbr's", key);
}

static int sbr_validate(struct cni_call *c)
{
	const struct sbr_conf *conf = c->conf;

	if (conf->n_gateways == 2 && conf->gateways[0].family == conf->gateways[1].family)
		return err_config(c->err, "gateways: two of IPv%d",
				  conf->gateways[0].family == AF_INET ? 4 : 6);
	if (conf->table && conf->n_gateways)
		return refuse_with_table(c, "gateways");
	if (conf->table && conf->add_source_hints)
		return refuse_with_table(c, "addSourceHints");
	if (c->req->command != CNI_STATUS && !c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, sbr goes behind an interface's plugin in a chain");
	return 0;
}

static int list_sources(struct cni_call *c, const struct cni_result *r, struct source_list *out)
{
	const struct sbr_conf *conf = c->conf;
	const struct sbr_gateways gateways = { conf->gateways, conf->n_gateways };

	source_list(c, r, &gateways, out);
	if (!out->n_source)
		return err_config(c->err, "prevResult.ips: none is of %s", c->req->ifname);
	return 0;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* Which tables are free is the namespace's matter; the reference locks the same inode. */
static int lock_namespace(struct cni_call *c)
{
	return lock_fd(c->netns_fd, c->req->netns, c->err);
}

static void choose_tables(struct cni_call *c, struct move *m)
{
	const struct sbr_conf *conf = c->conf;
	struct table_set used;

	table_set_init(&used, SOURCE_TABLE_MIN, &m->rules, &m->routes, m->sources.n_source,
		       c->arena);
	for (size_t i = 0; i < m->sources.n_source; i++)
		m->sources.source[i].table = conf->table ? conf->table : table_set_take(&used);
}

static int sbr_add(struct cni_call *c)
{
	const struct sbr_conf *conf = c->conf;
	struct move *m = arena_new(c->arena, struct move);
	struct link l;

	c->result = *c->req->prev;
	if (list_sources(c, &c->result, &m->sources) < 0 || lock_namespace(c) < 0 ||
	    nl_link_get(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	m->oif = l.index;
	m->own_tables = !conf->table;
	m->keeps_subnets = conf->add_source_hints;
	if (move_list(c, m) < 0)
		return -1;
	choose_tables(c, m);
	undo_push(c, move_undo, m);
	return move_do(c, m);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* What the runtime says the addresses were. */
static void sources_of_prev(struct cni_call *c, struct source_list *out)
{
	static const struct sbr_gateways none;
	struct cni_result *prev = arena_new(c->arena, struct cni_result);

	if (c->req->net.prev_result &&
	    cni_result_parse(c->req->net.prev_result, c->req->net.version, true, "prevResult", prev,
			     c->err) < 0) {
		err_clear(c->err);
		return;
	}
	source_list(c, prev, &none, out);
}

/* And what they are. Rules go with the namespace; without one, or the interface, routes have. */
static int sbr_del(struct cni_call *c)
{
	const struct sbr_conf *conf = c->conf;
	struct addr_list addrs = { .arena = c->arena };
	struct cni_steps steps = { 0 };
	struct move m = { 0 };
	struct link l;

	if (!c->sandbox)
		return 0;
	sources_of_prev(c, &m.sources);
	if (nl_link_get_allow(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	m.oif = l.index;
	if (l.index && nl_addr_list(c->sandbox, l.index, AF_UNSPEC, &addrs) < 0)
		return -1;
	if (move_list(c, &m) < 0)
		return -1;
	for (size_t i = 0; i < m.sources.n_source; i++)
		move_remove(c, &steps, &m, &m.sources.source[i].ip, conf->table);
	for (size_t i = 0; i < addrs.n_addr; i++)
		move_remove(c, &steps, &m, &addrs.addr[i].ip, conf->table);
	return cni_steps_end(c, &steps);
}

/* ---- CHECK, STATUS --------------------------------------------------------------------------- */

/* The table of an address's rule. */
static int check_rule(struct cni_call *c, const struct move *m, const struct source *s,
		      uint32_t *table)
{
	const struct sbr_conf *conf = c->conf;
	const char *wanted =
		conf->table ? arena_printf(c->arena, "%u", conf->table) : "a table from 100 on";
	const char *found = "none";
	char ip[IP_STRLEN];

	for (size_t i = 0; i < m->rules.n_rule; i++) {
		const struct rule *r = &m->rules.rule[i];

		*table = r->table;
		if (source_has_rule(r, &s->ip, conf->table))
			return 0;
		if (r->src.plen && ip_equal(&r->src, &s->ip))
			found = arena_printf(c->arena, "%u", r->table);
	}
	return err_set(c->err, ERR_CHECK, "rule from %s: wanted lookup %s, found %s",
		       ip_str(&s->ip, ip), wanted, found);
}

/* A default route that the result has was there before sbr's, and stays (move.c, add_default). */
static bool is_of_result(const struct cni_result *r, int family, const struct ip *gw)
{
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *v = &r->routes[i];

		if (v->dst.plen || v->dst.family != family || v->gw.family != gw->family)
			continue;
		if (v->gw.family ? ip_equal(&v->gw, gw) : v->has_scope)
			return true;
	}
	return false;
}

/* The address's gateway is asked for where there is one, by its table's default route. */
static int check_default(struct cni_call *c, const struct move *m, const struct source *s,
			 uint32_t table)
{
	const char *found = "none";
	char ip[IP_STRLEN], wanted[IP_STRLEN], buf[IP_STRLEN];

	for (size_t i = 0; i < m->routes.n_route; i++) {
		const struct route *r = &m->routes.route[i];
		struct ip gw = nl_route_gateway(r, m->oif);

		if (r->table != table || r->dst.plen || r->dst.family != s->ip.family ||
		    !nl_route_is_via(r, m->oif))
			continue;
		if (gw.family == s->gateway.family && ip_equal(&gw, &s->gateway))
			return 0;
		if (!s->fixed && is_of_result(c->req->prev, s->ip.family, &gw))
			return 0;
		found = arena_strdup(c->arena, ip_str(&gw, buf));
	}
	return err_set(c->err, ERR_CHECK, "default route of %s, table %u: wanted via %s, found %s",
		       ip_str(&s->ip, ip), table, ip_str(&s->gateway, wanted), found);
}

static int sbr_check(struct cni_call *c)
{
	const struct sbr_conf *conf = c->conf;
	struct move m = { 0 };
	struct link l;

	if (list_sources(c, c->req->prev, &m.sources) < 0 ||
	    nl_link_get(c->sandbox, c->req->ifname, &l) < 0)
		return -1;
	m.oif = l.index;
	if (move_list(c, &m) < 0)
		return -1;
	for (size_t i = 0; i < m.sources.n_source; i++) {
		const struct source *s = &m.sources.source[i];
		uint32_t table;

		if (check_rule(c, &m, s, &table) < 0)
			return -1;
		if (!conf->table && s->gateway.family && check_default(c, &m, s, table) < 0)
			return -1;
	}
	return 0;
}

/* Can the kernel have rules? */
static int sbr_status(struct cni_call *c)
{
	struct rule_list rules = { .arena = c->arena };

	if (nl_rule_list(c->host, &rules) < 0) {
		c->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return 0;
}

/* GC: all that ADD leaves is the namespace's, and goes with it. */
const struct cni_plugin sbr_plugin = {
	.name = "sbr",
	.fields = sbr_fields,
	.conf_size = sizeof(struct sbr_conf),
	.validate = sbr_validate,
	.add = sbr_add,
	.del = sbr_del,
	.check = sbr_check,
	.status = sbr_status,
};
