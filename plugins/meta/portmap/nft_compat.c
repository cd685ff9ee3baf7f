/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_compat.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "nft/chain.h"
#include "nft/expr.h"
#include "nft/rule.h"

static const char hostports[] = "hostports", all[] = "hostports_all",
		  masquerading[] = "masquerading";

/* What differs between the families. */
static const struct side {
	sa_family_t family;
	struct nft_table table;
} sides[] = {
	{ AF_INET, { NFPROTO_IPV4, "cni_hostport" } },
	{ AF_INET6, { NFPROTO_IPV6, "cni_hostport" } },
};

/* ---- what is there --------------------------------------------------------------------------- */

/* A rule that translates a host port, as nft(8) or we have made it, read again. */
struct translation {
	struct portmap_mapping mapping; /* what the rule compares, and where it leads */
	bool is_narrow;                 /* it compares something else, too */
};

static void take_address(struct ip *out, sa_family_t family, const struct nft_stmt *s)
{
	out->family = family;
	memcpy(out->bytes, s->data, s->len);
}

static uint16_t port_of(const struct nft_stmt *s)
{
	uint16_t port;

	memcpy(&port, s->data, sizeof(port));
	return ntohs(port);
}

static void take_match(struct translation *r, sa_family_t family, const struct nft_stmt *s)
{
	size_t len = family == AF_INET ? 4 : 16;

	if (!s->negated && s->field == NFT_FIELD_DADDR && s->len == len && s->plen == len * 8)
		take_address(&r->mapping.at, family, s);
	else if (!s->negated && s->field == NFT_FIELD_PROTOCOL)
		memcpy(&r->mapping.protocol, s->data, 1);
	else if (!s->negated && s->field == NFT_FIELD_DPORT)
		r->mapping.port = port_of(s);
	else
		r->is_narrow = true;
}

static void take_value(struct translation *r, sa_family_t family, const struct nft_stmt *s)
{
	if (s->len == sizeof(r->mapping.to_port))
		r->mapping.to_port = port_of(s);
	if (s->len == (family == AF_INET ? 4 : 16))
		take_address(&r->mapping.to, family, s);
}

static struct translation read_translation(const struct nft_rule_info *rule, sa_family_t family)
{
	struct translation r = { 0 };

	for (size_t i = 0; i < rule->n; i++) {
		const struct nft_stmt *s = &rule->stmts[i];

		if (s->kind == NFT_STMT_MATCH)
			take_match(&r, family, s);
		else if (s->kind == NFT_STMT_VALUE)
			take_value(&r, family, s);
		else if (s->kind != NFT_STMT_NAT && s->kind != NFT_STMT_VERDICT)
			r.is_narrow = true;
	}
	return r;
}

/* One family's part of the request, and what the table has of it. */
struct scan {
	const struct portmap_compat *r;
	const struct side *side;
	const struct ip *to; /* the container's address of the family, NULL: any */
	struct nft_rule_list rules;
	const struct portmap_mapping *taken; /* by another container, */
	const char *comment;                 /* this one */
};

/* The container's address. */
static const struct ip *target_of(const struct portmap_compat *r, sa_family_t family)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->mappings[i].to.family == family)
			return &r->mappings[i].to;
	return NULL;
}

static bool is_ours(const struct portmap_compat *r, const char *comment)
{
	return !strncmp(comment, r->container_id, NFT_COMMENT_MAX);
}

static bool is_same_place(const struct portmap_mapping *a, const struct portmap_mapping *b)
{
	if (a->protocol != b->protocol || a->port != b->port || a->at.family != b->at.family)
		return false;
	return a->at.family == AF_UNSPEC || ip_equal(&a->at, &b->at);
}

/* Has another container the place of one of the mappings, for all packets? */
static void find_taken(struct scan *l, const struct nft_rule_info *rule)
{
	struct translation read;

	if (!l->to || strcmp(rule->chain, hostports) != 0 || nft_rule_names(rule, l->to))
		return;
	read = read_translation(rule, l->side->family);
	for (size_t i = 0; i < l->r->n && !read.is_narrow; i++)
		if (l->r->mappings[i].to.family == l->side->family &&
		    is_same_place(&l->r->mappings[i], &read.mapping)) {
			l->taken = &l->r->mappings[i];
			l->comment = rule->comment;
		}
}

static bool is_listed(const struct nft_rule_info *rule, void *data)
{
	struct scan *l = data;

	if (is_ours(l->r, rule->comment))
		return !l->to || nft_rule_names(rule, l->to);
	find_taken(l, rule);
	return false;
}

static struct scan scan_of(const struct portmap_compat *r, size_t side)
{
	return (struct scan){ .r = r,
			      .side = &sides[side],
			      .to = target_of(r, sides[side].family) };
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
	static const char *const chains[] = { "hostip_hostports", hostports };
	static const struct nft_hook at = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_table_add(nl, t, "CNI portmap plugin");
	nft_chain_renew(nl, t, all, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		nft_chain_add(nl, t, chains[i], NULL);
		nft_rule(nl, t, all, NULL) {
			nft_verdict(nl, NFT_JUMP, chains[i]);
		}
	}
	put_hook(nl, t, "prerouting", NF_INET_PRE_ROUTING);
	put_hook(nl, t, "output", NF_INET_LOCAL_OUT);
	nft_chain_add(nl, t, masquerading, &at);
}

/* meta l4proto tcp th dport 8080 dnat to 10.1.0.2:80 */
static void put_translation(struct nl *nl, const struct portmap_mapping *m)
{
	uint16_t port = htons(m->port), to_port = htons(m->to_port);

	nft_meta(nl, NFT_META_L4PROTO, NFT_R(0));
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &m->protocol, sizeof(m->protocol));
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port), NFT_R(0));
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &port, sizeof(port));
	nft_value(nl, NFT_R(0), m->to.bytes, ip_len(&m->to));
	nft_value(nl, NFT_R(4), &to_port, sizeof(to_port));
	nft_dnat(nl, m->to.family, NFT_R(0), NFT_R(4));
}

/* That of one address goes before those of all. */
static void put_mapping(struct nl *nl, const struct scan *l, const struct portmap_mapping *m)
{
	const struct condition *cond = &l->r->cond[l->side - sides];
	const struct nft_table *t = &l->side->table;

	if (m->at.family == AF_UNSPEC) {
		nft_rule(nl, t, hostports, l->r->container_id) {
			condition_put(nl, cond);
			put_translation(nl, m);
		}
		return;
	}
	nft_rule_first(nl, t, hostports, l->r->container_id) {
		condition_put(nl, cond);
		nft_daddr(nl, m->at.family, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), m->at.bytes, ip_len(&m->at));
		put_translation(nl, m);
	}
}

/* ct status dnat ip saddr 10.1.0.0/16 ip daddr 10.1.0.2 masquerade; NULL: whatever the source is */
static void put_source(struct nl *nl, const struct scan *l, const struct ip *source)
{
	nft_rule(nl, &l->side->table, masquerading, l->r->container_id) {
		nft_ct_status(nl, IPS_DST_NAT);
		if (source)
			nft_saddr_in(nl, source);
		nft_daddr(nl, l->to->family, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), l->to->bytes, ip_len(l->to));
		nft_masquerade(nl);
	}
}

static void put_sources(struct nl *nl, const struct scan *l)
{
	struct ip subnet = ip_network(l->to);

	if (l->r->masq == PORTMAP_MASQ_ALL)
		put_source(nl, l, NULL);
	if (l->r->masq == PORTMAP_MASQ_LOCAL_SUBNET) {
		put_source(nl, l, &subnet);
		put_source(nl, l, &ip_loopback[l->side - sides]);
	}
}

static void put_side(struct nl *nl, const struct scan *l)
{
	if (!l->to)
		return;
	put_base(nl, &l->side->table);
	for (size_t i = 0; i < l->rules.n; i++)
		nft_rule_del(nl, &l->side->table, l->rules.list[i].chain, l->rules.list[i].handle);
	for (size_t i = 0; i < l->r->n; i++)
		if (l->r->mappings[i].to.family == l->side->family)
			put_mapping(nl, l, &l->r->mappings[i]);
	put_sources(nl, l);
}

static int scan_side(struct nl *nl, struct scan *l, struct arena *arena)
{
	char text[IP_STRLEN];

	if (l->to && nft_rules(nl, &l->side->table, NULL, &l->rules, arena) < 0)
		return -1;
	nft_rules_keep(&l->rules, is_listed, l);
	if (!l->taken)
		return 0;
	return err_set(nl->err, ERR_IN_USE, "host port %s%s%u/%s is held by another container (%s)",
		       l->taken->at.family ? ip_str(&l->taken->at, text) : "",
		       l->taken->at.family ? " " : "", l->taken->port,
		       portmap_protocol_name(l->taken->protocol), l->comment);
}

int portmap_compat_set(struct nl *nl, const struct portmap_compat *r, struct arena *arena)
{
	for (int tries = 0;;) {
		struct scan scans[] = { scan_of(r, 0), scan_of(r, 1) };
		uint32_t generation;

		if (nft_generation(nl, &generation) < 0 || scan_side(nl, &scans[0], arena) < 0 ||
		    scan_side(nl, &scans[1], arena) < 0)
			return -1;
		nft_begin_at(nl, r->n * 3 + scans[0].rules.n + scans[1].rules.n, arena, generation);
		put_side(nl, &scans[0]);
		put_side(nl, &scans[1]);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

/* ---- checking and removing ------------------------------------------------------------------- */

static bool is_same(const struct portmap_mapping *a, const struct portmap_mapping *b)
{
	return is_same_place(a, b) && a->to_port == b->to_port && a->to.family == b->to.family &&
	       ip_equal(&a->to, &b->to);
}

/* The reference has its conditions elsewhere than in the rule. */
static bool translates(const struct scan *l, const struct nft_rule_info *rule,
		       const struct portmap_mapping *m)
{
	struct translation read;

	if (!is_ours(l->r, rule->comment) || strcmp(rule->chain, hostports) != 0)
		return false;
	read = read_translation(rule, l->side->family);
	return (!read.is_narrow || l->r->cond[l->side - sides].n) && is_same(m, &read.mapping);
}

static bool masquerades(const struct scan *l, const struct nft_rule_info *rule)
{
	return is_ours(l->r, rule->comment) && !strcmp(rule->chain, masquerading) &&
	       nft_rule_names(rule, l->to);
}

static bool has_mapping(const struct scan *l, const struct portmap_mapping *m)
{
	for (size_t i = 0; i < l->rules.n; i++)
		if (translates(l, &l->rules.list[i], m))
			return true;
	return m->to.family != l->side->family;
}

static int has_side(struct nl *nl, const struct portmap_compat *r, size_t side, struct arena *arena,
		    bool *has)
{
	struct scan l = scan_of(r, side);
	bool snat = r->masq == PORTMAP_MASQ_NONE;
	size_t jumps;

	*has = true;
	if (!l.to)
		return 0;
	if (nft_count_jumps(nl, &l.side->table, all, hostports, arena, &jumps) < 0 ||
	    nft_rules(nl, &l.side->table, NULL, &l.rules, arena) < 0)
		return -1;
	for (size_t i = 0; i < l.rules.n; i++)
		snat |= masquerades(&l, &l.rules.list[i]);
	*has = jumps && snat;
	for (size_t i = 0; i < r->n; i++)
		*has &= has_mapping(&l, &r->mappings[i]);
	return 0;
}

int portmap_compat_has(struct nl *nl, const struct portmap_compat *r, struct arena *arena,
		       bool *has)
{
	if (has_side(nl, r, 0, arena, has) < 0)
		return -1;
	return *has ? has_side(nl, r, 1, arena, has) : 0;
}

int portmap_compat_del(struct nl *nl, const struct portmap_compat *r, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		struct scan l = scan_of(r, i);

		if ((!r->n || l.to) &&
		    nft_rules_del(nl, &l.side->table, NULL, is_listed, &l, arena) < 0)
			return -1;
	}
	return 0;
}
