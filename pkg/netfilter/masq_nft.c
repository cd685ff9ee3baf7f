/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_nft.h"

#include "nft/elems.h"
#include "nft/expr.h"

static const struct nft_set masq_sets[] = {
	{ "v4", NFT_TYPE_IPV4, 4, NFT_DATA_VERDICT, 16 },
	{ "v6", NFT_TYPE_IPV6, 16, NFT_DATA_VERDICT, 16 },
};

static void build(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };
	static const char chain[] = "postrouting";

	nft_table_add(nl, t, "cnic: masquerade containers outside their subnets");
	for (size_t i = 0; i < ARRAY_SIZE(masq_sets); i++)
		nft_set_add(nl, t, &masq_sets[i]);
	nft_chain_renew(nl, t, chain, &hook);
	for (size_t i = 0; i < ARRAY_SIZE(ip_multicast); i++) {
		nft_rule(nl, t, chain, NULL) {
			nft_family(nl, nft_nfproto(ip_multicast[i].family));
			nft_daddr_in(nl, &ip_multicast[i], NFT_CMP_EQ);
			nft_verdict(nl, NFT_RETURN, NULL);
		}
	}
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
	nft_rule(nl, t, s->name, NULL) {
		nft_family(nl, nft_nfproto(s->net.family));
		nft_daddr_in(nl, &s->net, NFT_CMP_EQ);
		nft_verdict(nl, NFT_RETURN, NULL);
	}
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

struct nft_elems masq_nft_elems(const struct ip *const *ips, size_t n, const char *comment,
				struct arena *arena)
{
	struct nft_elems c = { .table = &masq_nft_table, .comment = comment };

	c.elems = arena_array(arena, struct nft_elem, n + 1);
	c.chains = arena_array(arena, struct nft_subchain, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct nft_elem *e = nft_elems_put(&c, ips[i]->family == AF_INET ? "v4" : "v6",
						   ips[i], "masquerading of", arena);

		if (e)
			nft_elems_goto(&c, e, "to_", ips[i], build_subnet);
	}
	return c;
}
