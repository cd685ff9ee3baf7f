/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_nft.h"

#include "nft/elems.h"
#include "nft/expr.h"

static const struct nft_set masq_sets[] = {
	{ "v4", NFT_TYPE_IPV4, 4, NFT_DATA_VERDICT, 16 },
	{ "v6", NFT_TYPE_IPV6, 16, NFT_DATA_VERDICT, 16 },
};

void masq_nft_return(struct nl *nl, const struct nft_table *t, const char *chain,
		     const struct ip *net)
{
	nft_rule(nl, t, chain, NULL) {
		nft_family(nl, nft_nfproto(net->family));
		nft_daddr_in(nl, net, NFT_CMP_EQ);
		nft_verdict(nl, NFT_RETURN, NULL);
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };
	static const char chain[] = "postrouting";

	nft_table_add(nl, t, "cnic: masquerade containers outside their subnets");
	for (size_t i = 0; i < ARRAY_SIZE(masq_sets); i++)
		nft_set_add(nl, t, &masq_sets[i]);
	nft_chain_renew(nl, t, chain, &hook);
	for (size_t i = 0; i < ARRAY_SIZE(ip_multicast); i++)
		masq_nft_return(nl, t, chain, &ip_multicast[i]);
	for (size_t i = 0; i < ARRAY_SIZE(masq_sets); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_family(nl, nft_nfproto(ip_families[i]));
			nft_saddr(nl, ip_families[i], NFT_R(0));
			nft_vmap(nl, masq_sets[i].name, NFT_R(0));
		}
	}
}

static void build_subnet(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	masq_nft_return(nl, t, s->name, &s->net);
	nft_rule(nl, t, s->name, NULL) {
		nft_masquerade(nl);
	}
}

static const char *const sets[] = { "v4", "v6", NULL };

const struct nft_table_def masq_nft_table = {
	.table = { NFPROTO_INET, "cnic_masquerade" },
	.build = build,
	.sets = sets,
};

struct nft_elems masq_nft_elems(const struct cni_result *r, const char *comment,
				struct arena *arena)
{
	struct nft_elems c = { .table = &masq_nft_table, .comment = comment };

	c.elems = arena_array(arena, struct nft_elem, r->n_ips + 1);
	c.chains = arena_array(arena, struct nft_subchain, r->n_ips + 1);
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip *ip = &r->ips[i].address;
		struct nft_elem *e = nft_elems_put(&c, masq_sets[ip->family == AF_INET6].name, ip,
						   "masquerading of", arena);

		if (e)
			nft_elems_goto(&c, e, "to_", ip, build_subnet);
	}
	return c;
}

/* ---- the backend ----------------------------------------------------------------------------- */

static struct nft_elems elems_of(struct cni_call *c, const struct cni_result *r)
{
	return masq_nft_elems(r, masq_instance(c)->comment, c->arena);
}

static int check(struct cni_call *c)
{
	const struct nft_elems elems = elems_of(c, c->req->prev);

	return nft_elems_check(c->nft, &elems, c->arena);
}

static int set(struct cni_call *c, const struct cni_result *r)
{
	struct nft_elems elems = elems_of(c, r);

	return nft_elems_restore(c->nft, &elems, c->arena);
}

static int gc(struct cni_call *c, nft_stale stale, void *data)
{
	return nft_elems_gc(c->nft, &masq_nft_table, stale, data, c->arena);
}

static int del(struct cni_call *c, const struct cni_result *r)
{
	struct nft_elems elems;

	if (!r)
		return gc(c, instance_match_this, masq_instance(c));
	elems = elems_of(c, r);
	return nft_elems_del(c->nft, &elems, c->arena);
}

const struct masq_backend masq_nft = { "own", check, set, del, gc };
