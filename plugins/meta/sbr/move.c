/* SPDX-License-Identifier: Apache-2.0 */
#include "move.h"

#include <linux/rtnetlink.h>
#include <stdio.h>

#include "nl/route_copy.h"

#define IP6_METRIC_DEFAULT 1024 /* IP6_RT_PRIO_USER, of the kernel's net/ip6_route.h */

/* ---- what is there --------------------------------------------------------------------------- */

int move_list(struct cni_call *c, struct move *m)
{
	m->rules = (struct rule_list){ .arena = c->arena };
	m->routes = (struct route_list){ .arena = c->arena, .whole = true };
	if (nl_rule_list(c->sandbox, &m->rules) < 0 ||
	    nl_route_list(c->sandbox, AF_UNSPEC, &m->routes) < 0)
		return -1;
	nl_route_sort(&m->routes, m->oif);
	m->n_detached = m->routes.n_route;
	return 0;
}

static bool has_rule(const struct move *m, const struct ip *ip, uint32_t table)
{
	for (size_t i = 0; i < m->rules.n_rule; i++)
		if (source_has_rule(&m->rules.rule[i], ip, table))
			return true;
	return false;
}

static bool is_moved(const struct move *m, const struct route *r)
{
	return r->table == RT_TABLE_MAIN && nl_route_is_via(r, m->oif);
}

/* ---- into the tables ------------------------------------------------------------------------- */

/* An equal default route is one of those that were there. */
static int add_default(struct cni_call *c, const struct move *m, const struct source *s)
{
	const struct route via_gw = {
		.dst = { .family = s->ip.family },
		.gw = s->gateway,
		.oif = m->oif,
		.table = s->table,
	};
	char gw[IP_STRLEN];

	if (!s->gateway.family)
		return 0;
	nl_route_add(c->sandbox, &via_gw, NLM_F_EXCL);
	if (nl_commit_allow(c->sandbox, s->fixed ? 0 : EEXIST) < 0)
		return err_wrap(c->err, "default route via %s", ip_str(&s->gateway, gw));
	return 0;
}

static int fill_table(struct cni_call *c, const struct move *m, const struct source *s)
{
	for (size_t i = 0; i < m->routes.n_route; i++) {
		const struct route *r = &m->routes.route[i];

		if (!is_moved(m, r) || !source_takes(s, &m->sources, r, m->oif))
			continue;
		nl_route_copy(c->sandbox, r, m->oif, s->table);
		if (nl_commit_allow(c->sandbox, EEXIST) < 0)
			return -1;
	}
	return add_default(c, m, s);
}

static int add_rules(struct cni_call *c, struct move *m)
{
	for (size_t i = 0; i < m->sources.n_source; i++) {
		const struct source *s = &m->sources.source[i];
		const struct rule rule = { .src = ip_host(&s->ip), .table = s->table };

		m->n_ruled = i + 1;
		if (has_rule(m, &s->ip, s->table))
			continue;
		nl_rule_add(c->sandbox, &rule);
		if (nl_commit(c->sandbox) < 0)
			return -1;
	}
	return 0;
}

/* ---- out of the main table ------------------------------------------------------------------- */

/*
 * IPv6's default metric is said: a route to remove is found by it, not by src, beside the kernel's
 * own.
 */
static struct route hint_of(const struct move *m, const struct source *s)
{
	bool v6 = s->ip.family == AF_INET6;

	return (struct route){
		.dst = ip_network(&s->ip),
		.src = ip_host(&s->ip),
		.oif = m->oif,
		.scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.priority = v6 ? IP6_METRIC_DEFAULT : 0,
		.protocol = RTPROT_BOOT,
	};
}

static bool is_hint(const struct move *m, const struct route *r, const struct source *s)
{
	return r->src.family && ip_equal(&r->src, &s->ip) && r->dst.plen == s->ip.plen &&
	       cidr_contains(&s->ip, &r->dst) && !nl_route_gateway(r, m->oif).family;
}

static bool has_hint(const struct move *m, const struct source *s)
{
	for (size_t i = 0; i < m->routes.n_route; i++)
		if (is_moved(m, &m->routes.route[i]) && is_hint(m, &m->routes.route[i], s))
			return true;
	return false;
}

/* ip route append SUBNET dev IF scope link src IP */
static int add_hints(struct cni_call *c, struct move *m)
{
	for (size_t i = 0; i < m->sources.n_source; i++) {
		const struct source *s = &m->sources.source[i];
		const struct route hint = hint_of(m, s);

		m->n_hinted = i + 1;
		if (has_hint(m, s))
			continue;
		nl_route_add(c->sandbox, &hint, NLM_F_APPEND);
		if (nl_commit(c->sandbox) < 0)
			return -1;
	}
	return 0;
}

/* Beside the hints: IPv4's routes that need no gateway, IPv6's link-local ones. */
static bool stays(const struct move *m, const struct route *r)
{
	if (!m->keeps_subnets)
		return false;
	for (size_t i = 0; i < m->sources.n_source; i++)
		if (is_hint(m, r, &m->sources.source[i]))
			return true;
	return r->dst.family == AF_INET ? r->scope == RT_SCOPE_LINK
					: r->dst.plen && IN6_IS_ADDR_LINKLOCAL(&r->dst.v6);
}

static int detach(struct cni_call *c, struct move *m)
{
	while (m->n_detached > 0) {
		const struct route *r = &m->routes.route[--m->n_detached];

		if (!is_moved(m, r) || stays(m, r))
			continue;
		nl_route_detach(c->sandbox, r, m->oif);
		if (nl_route_commit(c->sandbox) < 0)
			return -1;
	}
	return 0;
}

/* No packet finds a rule whose table is not complete. */
int move_do(struct cni_call *c, struct move *m)
{
	for (size_t i = 0; m->own_tables && i < m->sources.n_source; i++)
		if (fill_table(c, m, &m->sources.source[i]) < 0)
			return -1;
	if (add_rules(c, m) < 0)
		return -1;
	if (m->keeps_subnets && add_hints(c, m) < 0)
		return -1;
	return m->own_tables ? detach(c, m) : 0;
}

/* ---- and back -------------------------------------------------------------------------------- */

static void remove_routes(struct cni_call *c, struct cni_steps *steps, const struct move *now,
			  uint32_t table)
{
	for (size_t i = now->routes.n_route; i-- > 0;) {
		const struct route *r = &now->routes.route[i];

		if (r->table != table || !nl_route_is_via(r, now->oif))
			continue;
		nl_route_detach(c->sandbox, r, now->oif);
		cni_step(c, steps, nl_route_commit(c->sandbox));
	}
}

/* Somebody else's table: it has more than the interface's routes, which may have gone with it. */
static bool is_foreign(const struct move *m, uint32_t table)
{
	for (size_t i = 0; i < m->routes.n_route; i++)
		if (m->routes.route[i].table == table &&
		    (!m->oif || !nl_route_is_via(&m->routes.route[i], m->oif)))
			return true;
	return false;
}

void move_remove(struct cni_call *c, struct cni_steps *steps, const struct move *m,
		 const struct ip *ip, uint32_t table)
{
	for (size_t i = 0; i < m->rules.n_rule; i++) {
		const struct rule *r = &m->rules.rule[i];

		if (!source_has_rule(r, ip, table) || (!table && is_foreign(m, r->table)))
			continue;
		nl_rule_del(c->sandbox, r);
		cni_step(c, steps, nl_commit_allow(c->sandbox, ENOENT));
		if (!table && m->oif)
			remove_routes(c, steps, m, r->table);
	}
}

static void undo_main(struct cni_call *c, struct cni_steps *steps, const struct move *m)
{
	for (size_t i = m->n_detached; i < m->routes.n_route; i++) {
		if (!is_moved(m, &m->routes.route[i]) || stays(m, &m->routes.route[i]))
			continue;
		nl_route_attach(c->sandbox, &m->routes.route[i], m->oif);
		cni_step(c, steps, nl_route_commit(c->sandbox));
	}
	for (size_t i = 0; i < m->n_hinted; i++) {
		const struct route hint = hint_of(m, &m->sources.source[i]);

		if (has_hint(m, &m->sources.source[i]))
			continue;
		nl_route_del(c->sandbox, &hint);
		cni_step(c, steps, nl_commit_allow(c->sandbox, ESRCH));
	}
}

static void undo_rules(struct cni_call *c, struct cni_steps *steps, const struct move *m)
{
	for (size_t i = 0; i < m->n_ruled; i++) {
		const struct source *s = &m->sources.source[i];
		const struct rule rule = { .src = ip_host(&s->ip), .table = s->table };

		if (has_rule(m, &s->ip, s->table))
			continue;
		nl_rule_del(c->sandbox, &rule);
		cni_step(c, steps, nl_commit_allow(c->sandbox, ENOENT));
	}
}

/* The main table first, the tables that were empty last: there is a route all the time. */
void move_undo(struct cni_call *c, void *move)
{
	const struct move *m = move;
	struct move now = { .oif = m->oif };
	struct cni_steps steps = { 0 };

	undo_main(c, &steps, m);
	undo_rules(c, &steps, m);
	if (m->own_tables)
		cni_step(c, &steps, move_list(c, &now));
	for (size_t i = 0; m->own_tables && i < m->sources.n_source; i++)
		remove_routes(c, &steps, &now, m->sources.source[i].table);
	if (cni_steps_end(c, &steps) < 0)
		fprintf(stderr, "rollback: sbr, %s: %s\n", c->req->ifname, c->err->msg);
}
