/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_nft.h"

#include <string.h>

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
			nft_family(nl, nft_nfproto(ip_multicast[i].family));
			nft_saddr(nl, ip_multicast[i].family, NFT_R(0));
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

static bool is_there(const struct nft_elems *c, const struct ip *ip)
{
	for (size_t i = 0; i < c->n_elems; i++)
		if (c->elems[i].key_len == ip_len(ip) &&
		    !memcmp(c->elems[i].key, ip->bytes, ip_len(ip)))
			return true;
	return false;
}

/* Of the subnet, among those there are, or a new one. */
static const char *chain_of(struct nft_elems *c, const struct ip *ip)
{
	struct nft_subchain *s = &c->chains[c->n_chains];

	nft_subchain_name(s, "to_", ip);
	for (size_t i = 0; i < c->n_chains; i++)
		if (!strcmp(c->chains[i].name, s->name))
			return c->chains[i].name;
	s->build = build_subnet;
	c->n_chains++;
	return s->name;
}

struct nft_elems masq_nft_elems(const struct ip *const *ips, size_t n, const char *comment,
				struct arena *arena)
{
	struct nft_elems c = { .table = &masq_nft_table, .comment = comment };

	c.elems = arena_array(arena, struct nft_elem, n);
	c.chains = arena_array(arena, struct nft_subchain, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct nft_elem *e = &c.elems[c.n_elems];
		char text[IP_STRLEN];

		if (is_there(&c, ips[i]))
			continue;
		e->set = ips[i]->family == AF_INET ? "v4" : "v6";
		e->label = arena_printf(arena, "masquerading of %s", ip_str(ips[i], text));
		e->key_len = (uint8_t)ip_len(ips[i]);
		memcpy(e->key, ips[i]->bytes, e->key_len);
		e->has_verdict = true;
		e->verdict = NFT_GOTO;
		e->chain = chain_of(&c, ips[i]);
		c.n_elems++;
	}
	return c;
}
