/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_compat.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>

#include "nft/chain.h"
#include "nft/expr.h"
#include "nft/list.h"

static const char hostports[] = "hostports", all[] = "hostports_all",
		  masquerading[] = "masquerading", prerouting[] = "prerouting", output[] = "output";
static const char *const all_leads_to[] = { "hostip_hostports", hostports };
static const char *const hook_leads_to[] = { all };

static const struct nft_table tables[] = { { NFPROTO_IPV4, "cni_hostport" },
					   { NFPROTO_IPV6, "cni_hostport" } };

/* ---- what is there --------------------------------------------------------------------------- */

/* A rule that translates a host port, as nft(8) or we have made it, read again. */
struct translation {
	struct portmap_mapping mapping; /* what the rule compares, and where it leads */
	bool is_narrow;                 /* it compares something else, too */
};

/* What a statement says of the mapping; false: it compares something else. */
static bool read_stmt(struct portmap_mapping *m, sa_family_t family, const struct nft_stmt *s)
{
	struct ip ip = { .family = family };
	bool is_address = s->len == ip_len(&ip), is_port = s->len == sizeof(uint16_t);
	uint16_t port = 0;

	if (s->negated)
		return false;
	if (is_address)
		memcpy(ip.bytes, s->data, s->len);
	if (is_port)
		memcpy(&port, s->data, s->len);
	if (s->kind == NFT_STMT_VALUE && is_port)
		m->to_port = ntohs(port);
	else if (s->kind == NFT_STMT_VALUE && is_address)
		m->to = ip;
	else if (s->kind != NFT_STMT_MATCH)
		return s->kind == NFT_STMT_VALUE || s->kind == NFT_STMT_NAT ||
		       s->kind == NFT_STMT_VERDICT;
	else if (s->field == NFT_FIELD_DADDR && is_address && s->plen == ip_bits(&ip))
		m->at = ip;
	else if (s->field == NFT_FIELD_PROTOCOL)
		memcpy(&m->protocol, s->data, sizeof(m->protocol));
	else if (s->field == NFT_FIELD_DPORT)
		m->port = ntohs(port);
	else
		return false;
	return true;
}

/* Behind its first n_conditions statements. */
static struct translation read_translation(const struct nft_rule_info *rule, size_t n_conditions,
					   sa_family_t family)
{
	struct translation r = { 0 };

	for (size_t i = n_conditions; i < rule->n; i++)
		r.is_narrow |= !read_stmt(&r.mapping, family, &rule->stmts[i]);
	return r;
}

/* What is asked for of one family, and what the table has of it. */
struct scan {
	const struct portmap *conf;
	const char *container_id; /* the comment of its rules */
	size_t family;            /* of ip_families */
	const struct ip *to;      /* the container's address, NULL: any */
	struct nft_rule_list rules;
	bool has_base;
	const struct portmap_mapping *taken; /* by another container, */
	const char *comment;                 /* this one */
};

static struct scan scan_of(const struct portmap *conf, const char *container_id, size_t family)
{
	struct scan l = { .conf = conf, .container_id = container_id, .family = family };

	for (size_t i = 0; i < conf->list.n && !l.to; i++)
		if (conf->list.mapping[i].to.family == ip_families[family])
			l.to = &conf->list.mapping[i].to;
	return l;
}

static bool is_ours(const struct scan *l, const struct nft_rule_info *rule)
{
	return !strncmp(rule->comment, l->container_id, NFT_COMMENT_MAX);
}

/* Notes in passing that another container has the place of a mapping, for all packets. */
static bool is_listed(const struct nft_rule_info *rule, void *data)
{
	struct scan *l = data;
	const struct portmap_list *list = &l->conf->list;
	struct translation read;

	if (is_ours(l, rule))
		return !l->to || nft_rule_names(rule, l->to);
	if (!l->to || strcmp(rule->chain, hostports) != 0 || nft_rule_names(rule, l->to))
		return false;
	read = read_translation(rule, 0, l->to->family);
	for (size_t i = 0; i < list->n && !read.is_narrow; i++)
		if (list->mapping[i].to.family == l->to->family &&
		    !portmap_by_place(&list->mapping[i], &read.mapping)) {
			l->taken = &list->mapping[i];
			l->comment = rule->comment;
		}
	return false;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void put_hook(struct nl *nl, const struct nft_table *t, const char *chain, uint32_t hook)
{
	const struct nft_hook at = { "nat", hook, NF_IP_PRI_NAT_DST };

	nft_chain_renew(nl, t, chain, &at);
	nft_rule(nl, t, chain, NULL) {
		nft_dst_local(nl);
		nft_verdict(nl, NFT_JUMP, all);
	}
}

static void put_base(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook at = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_table_add(nl, t, "CNI portmap plugin");
	nft_chain_renew(nl, t, all, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(all_leads_to); i++) {
		nft_chain_add(nl, t, all_leads_to[i], NULL);
		nft_rule(nl, t, all, NULL) {
			nft_verdict(nl, NFT_JUMP, all_leads_to[i]);
		}
	}
	put_hook(nl, t, prerouting, NF_INET_PRE_ROUTING);
	put_hook(nl, t, output, NF_INET_LOCAL_OUT);
	nft_chain_add(nl, t, masquerading, &at);
}

/* meta l4proto tcp th dport 8080 dnat to 10.1.0.2:80; that of one address goes before the others */
static void put_mapping(struct nl *nl, const struct scan *l, const struct portmap_mapping *m)
{
	uint16_t port = htons(m->port), to_port = htons(m->to_port);
	bool first = m->at.family != AF_UNSPEC;

	nft_rule_at(nl, &tables[l->family], hostports, l->container_id, first) {
		condition_put(nl, &l->conf->cond[l->family]);
		if (first)
			nft_daddr_in(nl, &m->at, NFT_CMP_EQ);
		nft_meta(nl, NFT_META_L4PROTO, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &m->protocol, sizeof(m->protocol));
		nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port), NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &port, sizeof(port));
		nft_value(nl, NFT_R(0), m->to.bytes, ip_len(&m->to));
		nft_value(nl, NFT_R(4), &to_port, sizeof(to_port));
		nft_dnat(nl, m->to.family, NFT_R(0), NFT_R(4));
	}
}

/* ct status dnat ip saddr 10.1.0.0/16 ip daddr 10.1.0.2 masquerade; NULL: whatever the source is */
static void put_source(struct nl *nl, const struct scan *l, const struct ip *source)
{
	struct ip to = ip_host(l->to);

	nft_rule(nl, &tables[l->family], masquerading, l->container_id) {
		nft_ct_status(nl, IPS_DST_NAT);
		if (source)
			nft_saddr_in(nl, source);
		nft_daddr_in(nl, &to, NFT_CMP_EQ);
		nft_masquerade(nl);
	}
}

static void put_family(struct nl *nl, const struct scan *l)
{
	const struct portmap *conf = l->conf;
	const struct nft_table *t = &tables[l->family];
	struct ip subnet;

	if (!l->to)
		return;
	if (!l->has_base)
		put_base(nl, t);
	for (size_t i = 0; i < l->rules.n; i++)
		nft_rule_del(nl, t, l->rules.list[i].chain, l->rules.list[i].handle);
	for (size_t i = 0; i < conf->list.n; i++)
		if (conf->list.mapping[i].to.family == l->to->family)
			put_mapping(nl, l, &conf->list.mapping[i]);
	if (!conf->snat)
		return;
	/* two, also of masqAll: 1.9.1's CHECK counts them */
	subnet = ip_network(l->to);
	put_source(nl, l, conf->masq_all ? NULL : &subnet);
	put_source(nl, l, &ip_loopback[l->family]);
}

/* All that put_base() makes; the chain of what is masqueraded may be empty. */
static int look_for_base(struct cni_call *c, struct scan *l)
{
	l->has_base =
		nft_chain_leads(&l->rules, all, all_leads_to, ARRAY_SIZE(all_leads_to)) &&
		nft_chain_leads(&l->rules, prerouting, hook_leads_to, ARRAY_SIZE(hook_leads_to)) &&
		nft_chain_leads(&l->rules, output, hook_leads_to, ARRAY_SIZE(hook_leads_to));
	return l->has_base ? nft_has_chain(c->nft, &tables[l->family], masquerading, &l->has_base)
			   : 0;
}

static int scan_family(struct cni_call *c, struct scan *l)
{
	if (l->to && (nft_rules(c->nft, &tables[l->family], NULL, &l->rules, c->arena) < 0 ||
		      look_for_base(c, l) < 0))
		return -1;
	nft_rules_keep(&l->rules, is_listed, l);
	if (!l->taken)
		return 0;
	return err_set(c->err, ERR_IN_USE, "%s is held by another container (%s)",
		       portmap_mapping_name(l->taken, c->arena), l->comment);
}

static int set(struct cni_call *c, const struct portmap *conf)
{
	for (int tries = 0;;) {
		struct scan scans[] = { scan_of(conf, c->req->container_id, 0),
					scan_of(conf, c->req->container_id, 1) };
		uint32_t generation;

		if (nft_generation(c->nft, &generation) < 0 || scan_family(c, &scans[0]) < 0 ||
		    scan_family(c, &scans[1]) < 0)
			return -1;
		nft_begin_at(c->nft, conf->list.n * 3 + scans[0].rules.n + scans[1].rules.n,
			     c->arena, generation);
		put_family(c->nft, &scans[0]);
		put_family(c->nft, &scans[1]);
		if (nft_commit(c->nft) == 0)
			return 0;
		if (!nft_should_retry(c->nft, &tries, ENOENT))
			return -1;
	}
}

static void undo(struct cni_call *c, void *arg)
{
	(void)arg;
	if (portmap_compat_del(c, c->req->container_id, c->conf) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

int portmap_compat_add(struct cni_call *c, const struct portmap *conf)
{
	if (portmap_compat_check(c, conf) < 0) {
		if (c->err->code != ERR_CHECK)
			return -1;
		err_clear(c->err);
		undo_push(c, undo, NULL);
	}
	return set(c, conf);
}

/* ---- checking and removing ------------------------------------------------------------------- */

static bool is_condition(const struct nft_stmt *s, const struct condition_match *m)
{
	struct ip net = ip_network(&m->net);
	const void *data = m->on == NFT_FIELD_IIFNAME ? m->name : (const void *)net.bytes;
	size_t len = m->on == NFT_FIELD_IIFNAME ? m->name_len : ip_len(&net);

	return s->kind == NFT_STMT_MATCH && s->field == m->on && s->negated == m->negated &&
	       (m->on == NFT_FIELD_IIFNAME || s->plen == net.plen) && s->len == len &&
	       !memcmp(s->data, data, len);
}

/* Does it have the conditions, which come first, and translate so? */
static bool is_mapping(const struct scan *l, const struct nft_rule_info *rule,
		       const struct condition *cond, const struct portmap_mapping *m)
{
	struct translation read = read_translation(rule, cond->n, l->to->family);

	for (size_t i = 0; i < cond->n; i++)
		if (i >= rule->n || !is_condition(&rule->stmts[i], &cond->matches[i]))
			return false;
	return !read.is_narrow && !portmap_by_place(m, &read.mapping) &&
	       m->to_port == read.mapping.to_port && m->to.family == read.mapping.to.family &&
	       ip_equal(&m->to, &read.mapping.to);
}

/* The reference has the conditions elsewhere than in the rule. */
static bool has_mapping(const struct scan *l, const struct portmap_mapping *m)
{
	static const struct condition none;

	for (size_t i = 0; i < l->rules.n; i++) {
		const struct nft_rule_info *rule = &l->rules.list[i];

		if (is_ours(l, rule) && !strcmp(rule->chain, hostports) &&
		    (is_mapping(l, rule, &l->conf->cond[l->family], m) ||
		     is_mapping(l, rule, &none, m)))
			return true;
	}
	return m->to.family != l->to->family;
}

/* Rules that lead to the ports, that masquerade, and that translate. */
static int has_family(struct cni_call *c, struct scan *l, bool *has)
{
	bool jumps = false, snat = !l->conf->snat;

	*has = true;
	if (!l->to)
		return 0;
	if (nft_rules(c->nft, &tables[l->family], NULL, &l->rules, c->arena) < 0)
		return -1;
	for (size_t i = 0; i < l->rules.n; i++) {
		const struct nft_rule_info *rule = &l->rules.list[i];

		jumps |= !strcmp(rule->chain, all) && nft_rule_leads_to(rule, hostports);
		snat |= !strcmp(rule->chain, masquerading) && is_ours(l, rule) &&
			nft_rule_names(rule, l->to);
	}
	*has = jumps && snat;
	for (size_t i = 0; *has && i < l->conf->list.n; i++)
		*has = has_mapping(l, &l->conf->list.mapping[i]);
	return 0;
}

int portmap_compat_check(struct cni_call *c, const struct portmap *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct scan l = scan_of(conf, c->req->container_id, i);
		bool has;

		if (has_family(c, &l, &has) < 0)
			return -1;
		if (!has)
			return err_set(c->err, ERR_CHECK,
				       "nf_tables: rules of the host ports are gone");
	}
	return 0;
}

int portmap_compat_del(struct cni_call *c, const char *container_id, const struct portmap *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct scan l = scan_of(conf, container_id, i);

		if ((!conf->list.n || l.to) &&
		    nft_rules_del(c->nft, &tables[i], NULL, is_listed, &l, c->arena) < 0)
			return -1;
	}
	return 0;
}
