/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_table.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>

#include "nft/expr.h"

#define TABLE          "cnic_portmap"
#define BEHIND_SRCNAT  150
#define LOOPBACK_INDEX 1 /* in every namespace */

#define PORT_OFFSET    2 /* of the destination port in each of these protocols' headers */

/* fd, "cnic" */
#define LOOPBACK6                                      \
	{                                              \
		0xfd, 0x63, 0x6e, 0x69, 0x63, [15] = 1 \
	}

const struct ip portmap_loopback6 = { .family = AF_INET6, .plen = 128, .bytes = LOOPBACK6 };

const struct portmap_nft_sets portmap_nft_sets[2] = {
	{
		.host = { "host4", NFT_TYPE_3(NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT), 12,
			  NFT_TYPE_2(NFT_TYPE_IPV4, NFT_TYPE_PORT), 8 },
		.any = { "any4", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8,
			 NFT_TYPE_2(NFT_TYPE_IPV4, NFT_TYPE_PORT), 8 },
		.snat = { "snat4", NFT_TYPE_IPV4, 4, NFT_DATA_VERDICT, 16 },
		.ports = "ports4",
		.loopback = { .family = AF_INET, .plen = 8, .bytes = { 127 } },
	},
	{
		.host = { "host6", NFT_TYPE_3(NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT), 24,
			  NFT_TYPE_2(NFT_TYPE_IPV6, NFT_TYPE_PORT), 20 },
		.any = { "any6", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8,
			 NFT_TYPE_2(NFT_TYPE_IPV6, NFT_TYPE_PORT), 20 },
		.snat = { "snat6", NFT_TYPE_IPV6, 16, NFT_DATA_VERDICT, 16 },
		.ports = "ports6",
		.host_local = { "host6_lo", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8, 0, 0 },
		.any_local = { "any6_lo", NFT_TYPE_2(NFT_TYPE_PROTO, NFT_TYPE_PORT), 8, 0, 0 },
		.loopback = { .family = AF_INET6, .plen = 128, .bytes = LOOPBACK6 },
	},
};

/* A table, with the conditions for each side. */
struct dnat {
	struct nft_table_def def;
	struct condition cond[ARRAY_SIZE(portmap_nft_sets)];
};

static const struct dnat *dnat_of(const struct nft_table *t)
{
	return (const struct dnat *)(const void *)((const char *)t -
						   offsetof(struct dnat, def.table));
}

/* ---- the table ------------------------------------------------------------------------------- */

/* ... meta l4proto . th dport, from that register on */
static void load_port(struct nl *nl, uint32_t reg)
{
	nft_meta(nl, NFT_META_L4PROTO, NFT_R(reg));
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_OFFSET, sizeof(uint16_t),
		    NFT_R(reg + 1));
}

static void translate(struct nl *nl, const struct portmap_nft_sets *s, const struct nft_set *map)
{
	nft_map(nl, map->name, NFT_R(0), NFT_R(0));
	nft_dnat(nl, s->loopback.family, NFT_R(0), NFT_R(ip_len(&s->loopback) / 4));
}

static void build_ports(struct nl *nl, const struct nft_table *t, const struct portmap_nft_sets *s)
{
	nft_chain_renew(nl, t, s->ports, NULL);
	nft_rule(nl, t, s->ports, NULL) {
		nft_family(nl, nft_nfproto(s->loopback.family));
		nft_daddr(nl, s->loopback.family, NFT_R(0));
		load_port(nl, ip_len(&s->loopback) / 4);
		translate(nl, s, &s->host);
	}
	nft_rule(nl, t, s->ports, NULL) {
		nft_family(nl, nft_nfproto(s->loopback.family));
		load_port(nl, 0);
		translate(nl, s, &s->any);
	}
}

/*
 * IPv6 has its own such rule in the kernel. Packets over lo have been through the chain output,
 * with the connection's translation decided. Of chains with one priority the last to be made comes
 * first.
 */
static void build_loopback(struct nl *nl, const struct nft_table *t, const char *chain)
{
	static const struct nft_hook at = { "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST - 2 };
	uint32_t lo = LOOPBACK_INDEX;

	nft_chain_renew(nl, t, chain, &at);
	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIF, NFT_R(0));
		nft_cmp(nl, NFT_CMP_NEQ, NFT_R(0), &lo, sizeof(lo));
		nft_family(nl, NFPROTO_IPV4);
		nft_daddr_in(nl, &portmap_nft_sets[0].loopback, NFT_CMP_EQ);
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static void build_snat(struct nl *nl, const struct nft_table *t, const char *chain)
{
	static const struct nft_hook at = { "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW };
	const struct portmap_nft_sets *s = &portmap_nft_sets[1];
	const char *const local[] = { s->host_local.name, s->any_local.name };

	nft_chain_renew(nl, t, chain, &at);
	for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_family(nl, NFPROTO_IPV6);
			nft_saddr_in(nl, &ip_loopback[1]);
			nft_daddr_in(nl, &ip_loopback[1], NFT_CMP_EQ);
			load_port(nl, 0);
			nft_lookup(nl, local[i], NFT_R(0));
			nft_value(nl, NFT_R(0), s->loopback.bytes, sizeof(s->loopback.bytes));
			nft_addr6_set(nl, NFT_FIELD_SADDR, NFT_R(0));
		}
	}
}

/* Only replies: this address is no way to ::1. */
static void build_unsnat(struct nl *nl, const struct nft_table *t, const char *chain)
{
	static const struct nft_hook at = { "filter", NF_INET_LOCAL_IN, BEHIND_SRCNAT };

	nft_chain_renew(nl, t, chain, &at);
	nft_rule(nl, t, chain, NULL) {
		nft_family(nl, NFPROTO_IPV6);
		nft_daddr_in(nl, &portmap_nft_sets[1].loopback, NFT_CMP_EQ);
		nft_ct_reply(nl);
		nft_ct_status(nl, IPS_DST_NAT);
		nft_value(nl, NFT_R(0), ip_loopback[1].bytes, sizeof(ip_loopback[1].bytes));
		nft_addr6_set(nl, NFT_FIELD_DADDR, NFT_R(0));
	}
}

static void build_destination(struct nl *nl, const struct nft_table *t, const char *chain,
			      uint32_t hook)
{
	const struct condition *cond = dnat_of(t)->cond;
	const struct nft_hook at = { "nat", hook, NF_IP_PRI_NAT_DST - (cond[0].n || cond[1].n) };

	nft_chain_renew(nl, t, chain, &at);
	for (size_t i = 0; i < ARRAY_SIZE(portmap_nft_sets); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_family(nl, nft_nfproto(ip_families[i]));
			condition_put(nl, &cond[i]);
			nft_dst_local(nl);
			nft_verdict(nl, NFT_JUMP, portmap_nft_sets[i].ports);
		}
	}
}

static void build_source(struct nl *nl, const struct nft_table *t, const char *chain)
{
	static const struct nft_hook at = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_chain_renew(nl, t, chain, &at);
	for (size_t i = 0; i < ARRAY_SIZE(portmap_nft_sets); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_ct_status(nl, IPS_DST_NAT);
			nft_family(nl, nft_nfproto(ip_families[i]));
			nft_daddr(nl, ip_families[i], NFT_R(0));
			nft_vmap(nl, portmap_nft_sets[i].snat.name, NFT_R(0));
		}
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	nft_table_add(nl, t, "cnic: host ports of containers");
	for (size_t i = 0; i < ARRAY_SIZE(portmap_nft_sets); i++) {
		nft_set_add(nl, t, &portmap_nft_sets[i].host);
		nft_set_add(nl, t, &portmap_nft_sets[i].any);
		nft_set_add(nl, t, &portmap_nft_sets[i].snat);
		if (portmap_nft_sets[i].any_local.name) {
			nft_set_add(nl, t, &portmap_nft_sets[i].host_local);
			nft_set_add(nl, t, &portmap_nft_sets[i].any_local);
		}
		build_ports(nl, t, &portmap_nft_sets[i]);
	}
	build_loopback(nl, t, "loopback");
	build_destination(nl, t, "prerouting", NF_INET_PRE_ROUTING);
	build_destination(nl, t, "output", NF_INET_LOCAL_OUT);
	build_source(nl, t, "postrouting");
	build_snat(nl, t, "lo_snat");
	build_unsnat(nl, t, "lo_unsnat");
}

/* lo_away and lo_home until 0.1 */
static const struct nft_renamed renamed[] = { { "lo_away", "lo_snat" },
					      { "lo_home", "lo_unsnat" },
					      { 0 } };
static const char *const sets[] = { "host4", "any4",     "snat4",   "host6", "any6",
				    "snat6", "host6_lo", "any6_lo", NULL };

static const struct dnat plain = {
	.def = {
		.table = { NFPROTO_INET, TABLE },
		.build = build,
		.sets = sets,
		.renamed = renamed,
	},
};

const struct nft_table_def *portmap_nft_table(const struct condition cond[2], const char *tag,
					      struct arena *arena)
{
	struct dnat *d;

	if (!cond[0].n && !cond[1].n)
		return &plain.def;
	d = arena_new(arena, struct dnat);
	*d = plain;
	memcpy(d->cond, cond, sizeof(d->cond));
	d->def.table.name = arena_printf(arena, TABLE "_%s", tag);
	return &d->def;
}
