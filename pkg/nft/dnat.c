/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/dnat.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>

#define TABLE           "cnic_portmap"
#define PRIORITY_DSTNAT (-100)
#define PRIORITY_SRCNAT 100
#define LOOPBACK_INDEX  1 /* in every namespace */

#define PORT_OFFSET     2 /* of the destination port in each of these protocols' headers */
#define PART            4 /* a part of a key that is shorter takes as much */

/* What differs between the families. */
struct side {
	sa_family_t family;
	struct nft_set host, any, snat;
	const char *ports; /* chain */
	struct ip loopback;
};

static const struct side sides[] = {
	{
		.family = AF_INET,
		.host = { "host4", NFT_TYPE_3(NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT), 12,
			  NFT_TYPE_2(NFT_TYPE_IPV4, NFT_TYPE_PORT), 8 },
		.any = { "any4", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8,
			 NFT_TYPE_2(NFT_TYPE_IPV4, NFT_TYPE_PORT), 8 },
		.snat = { "snat4", NFT_TYPE_IPV4, 4, NFT_DATA_VERDICT, 16 },
		.ports = "ports4",
		.loopback = { .family = AF_INET, .plen = 8, .bytes = { 127 } },
	},
	{
		.family = AF_INET6,
		.host = { "host6", NFT_TYPE_3(NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT), 24,
			  NFT_TYPE_2(NFT_TYPE_IPV6, NFT_TYPE_PORT), 20 },
		.any = { "any6", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8,
			 NFT_TYPE_2(NFT_TYPE_IPV6, NFT_TYPE_PORT), 20 },
		.snat = { "snat6", NFT_TYPE_IPV6, 16, NFT_DATA_VERDICT, 16 },
		.ports = "ports6",
		.loopback = { .family = AF_INET6, .plen = 128, .bytes = { [15] = 1 } },
	},
};

/* A table, with the conditions for each side. */
struct dnat {
	struct nft_own own;
	struct nft_cond cond[ARRAY_SIZE(sides)];
};

static const struct dnat *dnat_of(const struct nft_table *t)
{
	return (const struct dnat *)(const void *)((const char *)t -
						   offsetof(struct dnat, own.table));
}

static bool is_conditional(const struct dnat *d)
{
	return d->cond[0].n || d->cond[1].n;
}

static const struct side *side_of(sa_family_t family)
{
	return &sides[family == AF_INET6];
}

static uint32_t address_regs(const struct side *s)
{
	return s->family == AF_INET ? 1 : 4;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* ... meta l4proto . th dport, from that register on */
static void load_port(struct nl *nl, uint32_t reg)
{
	nft_meta(nl, NFT_META_L4PROTO, NFT_R(reg));
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_OFFSET, sizeof(uint16_t),
		    NFT_R(reg + 1));
}

static void translate(struct nl *nl, const struct side *s, const struct nft_set *map)
{
	nft_map(nl, map->name, NFT_R(0), NFT_R(0));
	nft_dnat(nl, s->family, NFT_R(0), NFT_R(address_regs(s)));
}

static void build_ports(struct nl *nl, const struct nft_table *t, const struct side *s)
{
	nft_chain_add(nl, t, s->ports, NULL);
	nft_chain_flush(nl, t, s->ports);
	nft_rule(nl, t, s->ports, NULL) {
		nft_family(nl, nft_nfproto(s->family));
		nft_daddr(nl, s->family, NFT_R(0));
		load_port(nl, address_regs(s));
		translate(nl, s, &s->host);
	}
	nft_rule(nl, t, s->ports, NULL) {
		nft_family(nl, nft_nfproto(s->family));
		load_port(nl, 0);
		translate(nl, s, &s->any);
	}
}

static void jump_to_ports(struct nl *nl, const struct nft_table *t, const char *chain)
{
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_family(nl, nft_nfproto(sides[i].family));
			nft_cond_put(nl, &dnat_of(t)->cond[i]);
			nft_dst_local(nl);
			nft_verdict(nl, NFT_JUMP, sides[i].ports);
		}
	}
}

/*
 * IPv6 has its own such rule in the kernel. Packets over lo have been through the chain output, with the
 * connection's translation settled.
 */
static void keep_out_of_loopback(struct nl *nl, const struct nft_table *t, const char *chain)
{
	uint32_t lo = LOOPBACK_INDEX;

	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIF, NFT_R(0));
		nft_cmp(nl, NFT_CMP_NEQ, NFT_R(0), &lo, sizeof(lo));
		nft_family(nl, NFPROTO_IPV4);
		nft_daddr_in(nl, &side_of(AF_INET)->loopback, NFT_CMP_EQ);
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static void build_destination(struct nl *nl, const struct nft_table *t, const char *chain,
			      uint32_t hook)
{
	const struct nft_hook at = { "nat", hook, PRIORITY_DSTNAT - is_conditional(dnat_of(t)) };

	nft_chain_add(nl, t, chain, &at);
	nft_chain_flush(nl, t, chain);
	if (hook == NF_INET_PRE_ROUTING)
		keep_out_of_loopback(nl, t, chain);
	jump_to_ports(nl, t, chain);
}

static void build_source(struct nl *nl, const struct nft_table *t, const char *chain)
{
	static const struct nft_hook at = { "nat", NF_INET_POST_ROUTING, PRIORITY_SRCNAT };

	nft_chain_add(nl, t, chain, &at);
	nft_chain_flush(nl, t, chain);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_ct_status(nl, IPS_DST_NAT);
			nft_family(nl, nft_nfproto(sides[i].family));
			nft_daddr(nl, sides[i].family, NFT_R(0));
			nft_vmap(nl, sides[i].snat.name, NFT_R(0));
		}
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	nft_table_add(nl, t, "cnic: host ports of containers");
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		nft_set_add(nl, t, &sides[i].host);
		nft_set_add(nl, t, &sides[i].any);
		nft_set_add(nl, t, &sides[i].snat);
		build_ports(nl, t, &sides[i]);
	}
	build_destination(nl, t, "prerouting", NF_INET_PRE_ROUTING);
	build_destination(nl, t, "output", NF_INET_LOCAL_OUT);
	build_source(nl, t, "postrouting");
}

static void build_subnet(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	const struct ip *sources[] = { &s->net, &side_of(s->net.family)->loopback };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		nft_rule(nl, t, s->name, NULL) {
			nft_family(nl, nft_nfproto(s->net.family));
			nft_saddr_in(nl, sources[i]);
			nft_masquerade(nl);
		}
	}
}

static void build_all(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	nft_rule(nl, t, s->name, NULL) {
		nft_masquerade(nl);
	}
}

static const struct nft_rule_count rules[] = { { "prerouting", 3 },  { "output", 2 },
					       { "ports4", 2 },      { "ports6", 2 },
					       { "postrouting", 2 }, { 0 } };
static const char *const sets[] = { "host4", "any4", "snat4", "host6", "any6", "snat6", NULL };

static const struct dnat plain = {
	.own = {
		.table = { NFPROTO_INET, TABLE },
		.build = build,
		.rules = rules,
		.sets = sets,
	},
};

const struct nft_own *nft_dnat_own(const struct nft_cond cond[2], const char *tag,
				   struct arena *arena)
{
	struct dnat *d;

	if (!cond[0].n && !cond[1].n)
		return &plain.own;
	d = arena_new(arena, struct dnat);
	*d = plain;
	memcpy(d->cond, cond, sizeof(d->cond));
	d->own.table.name = arena_printf(arena, TABLE "_%s", tag);
	return &d->own;
}

/* ---- elements -------------------------------------------------------------------------------- */

const char *nft_dnat_protocol(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_DCCP:
		return "dccp";
	default:
		return NULL;
	}
}

static void put_port(uint8_t *at, uint16_t port)
{
	port = htons(port);
	memcpy(at, &port, sizeof(port));
}

static const char *name_of(const struct nft_mapping *m, struct arena *arena)
{
	const char *protocol = nft_dnat_protocol(m->protocol);
	char text[IP_STRLEN];

	if (m->at.family == AF_UNSPEC)
		return arena_printf(arena, "host port %u/%s", m->port, protocol);
	return arena_printf(arena,
			    m->at.family == AF_INET ? "host port %s:%u/%s" : "host port [%s]:%u/%s",
			    ip_str(&m->at, text), m->port, protocol);
}

static void put_mapping(struct nft_elem *e, const struct nft_mapping *m, struct arena *arena)
{
	const struct side *s = side_of(m->to.family);
	const struct nft_set *set = m->at.family == AF_UNSPEC ? &s->any : &s->host;
	uint8_t *key = e->key;

	e->set = set->name;
	e->what = name_of(m, arena);
	if (m->at.family != AF_UNSPEC) {
		memcpy(key, m->at.bytes, ip_len(&m->at));
		key += ip_len(&m->at);
	}
	key[0] = m->protocol;
	put_port(key + PART, m->port);
	e->key_len = (uint8_t)set->key_len;
	memcpy(e->data, m->to.bytes, ip_len(&m->to));
	put_port(e->data + ip_len(&m->to), m->to_port);
	e->data_len = (uint8_t)set->data_len;
}

/* Of the mappings that have, or have not, an address on the host: one set after the other. */
static void put_mappings(struct nft_claim *c, const struct nft_mapping *m, size_t n, bool any,
			 struct arena *arena)
{
	for (size_t i = 0; i < n; i++)
		if ((m[i].at.family == AF_UNSPEC) == any)
			put_mapping(&c->elems[c->n_elems++], &m[i], arena);
}

static struct nft_subchain *chain_of(struct nft_claim *c, const struct ip *to,
				     enum nft_dnat_masq masq)
{
	struct nft_subchain *s = &c->chains[c->n_chains];

	if (masq == NFT_DNAT_MASQ_ALL) {
		snprintf(s->name, sizeof(s->name), "from_all");
		s->build = build_all;
		s->rules = 1;
	} else {
		nft_subchain_name(s, "from_", to);
		s->build = build_subnet;
		s->rules = 2;
	}
	for (size_t i = 0; i < c->n_chains; i++)
		if (!strcmp(c->chains[i].name, s->name))
			return &c->chains[i];
	c->n_chains++;
	return s;
}

static bool is_there(const struct nft_claim *c, size_t from, const struct ip *ip)
{
	for (size_t i = from; i < c->n_elems; i++)
		if (c->elems[i].key_len == ip_len(ip) &&
		    !memcmp(c->elems[i].key, ip->bytes, ip_len(ip)))
			return true;
	return false;
}

static void put_source(struct nft_claim *c, const struct ip *to, enum nft_dnat_masq masq,
		       struct arena *arena)
{
	struct nft_elem *e = &c->elems[c->n_elems++];
	char text[IP_STRLEN];

	e->set = side_of(to->family)->snat.name;
	e->what = arena_printf(arena, "masquerading towards %s", ip_str(to, text));
	e->key_len = (uint8_t)ip_len(to);
	memcpy(e->key, to->bytes, e->key_len);
	e->given = true;
	e->has_verdict = true;
	e->verdict = NFT_GOTO;
	e->chain = chain_of(c, to, masq)->name;
}

struct nft_claim nft_dnat_claim(const struct nft_own *own, const struct nft_mapping *m, size_t n,
				enum nft_dnat_masq masq, struct arena *arena)
{
	struct nft_claim c = { .own = own, .exclusive = true };

	c.elems = arena_array(arena, struct nft_elem, n * 2);
	c.chains = arena_array(arena, struct nft_subchain, n + 1);
	put_mappings(&c, m, n, true, arena);
	put_mappings(&c, m, n, false, arena);
	if (masq == NFT_DNAT_MASQ_NONE)
		return c;
	for (size_t i = 0, from = c.n_elems; i < n; i++)
		if (!is_there(&c, from, &m[i].to))
			put_source(&c, &m[i].to, masq, arena);
	return c;
}
