/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/chain.h"

#include <string.h>

#include "nft/list.h"

const struct nft_table nft_ipt_nat[2] = { { NFPROTO_IPV4, "nat" }, { NFPROTO_IPV6, "nat" } };
const struct nft_table nft_ipt_filter[2] = { { NFPROTO_IPV4, "filter" },
					     { NFPROTO_IPV6, "filter" } };

int nft_count_jumps(struct nl *nl, const struct nft_table *t, const char *from, const char *to,
		    struct arena *arena, size_t *n)
{
	struct nft_rule_list rules;

	if (nft_rules(nl, t, from, &rules, arena) < 0)
		return -1;
	*n = 0;
	for (size_t i = 0; i < rules.n; i++)
		*n += nft_rule_leads_to(&rules.list[i], to);
	return 0;
}

bool nft_chain_leads(const struct nft_rule_list *rules, const char *chain, const char *const *to,
		     size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < rules->n; i++) {
		const char *leads_to;

		if (strcmp(rules->list[i].chain, chain) != 0)
			continue;
		leads_to = nft_rule_target(&rules->list[i]);
		if (k == n || !leads_to != !to[k] || (to[k] && strcmp(leads_to, to[k]) != 0))
			return false;
		k++;
	}
	return k == n;
}

static int list_jumps(struct nl *nl, const struct nft_table *t, const struct nft_chain_removal *d,
		      struct nft_rule_list *jumps, struct arena *arena)
{
	*jumps = (struct nft_rule_list){ 0 };
	for (size_t i = 0; d->from[i]; i++) {
		struct nft_rule_list rules;

		if (nft_rules(nl, t, d->from[i], &rules, arena) < 0)
			return -1;
		for (size_t k = 0; k < rules.n; k++)
			if (nft_rule_leads_to(&rules.list[k], d->chain))
				*arena_append(arena, jumps->list, jumps->n) = rules.list[k];
	}
	return 0;
}

/* ENOENT if another process was quicker with a part of it. */
int nft_chain_remove(struct nl *nl, const struct nft_table *t, const struct nft_chain_removal *d,
		     struct arena *arena)
{
	for (int tries = 0;;) {
		struct nft_rule_list jumps;
		bool has;

		if (nft_has_chain(nl, t, d->chain, &has) < 0)
			return -1;
		if (!has)
			return 0;
		if (list_jumps(nl, t, d, &jumps, arena) < 0)
			return -1;
		nft_begin(nl, jumps.n, arena);
		for (size_t i = 0; i < jumps.n; i++)
			nft_rule_del(nl, t, jumps.list[i].chain, jumps.list[i].handle);
		nft_chain_flush(nl, t, d->chain);
		if (d->with)
			nft_chain_flush(nl, t, d->with);
		nft_chain_del(nl, t, d->chain);
		if (d->with)
			nft_chain_del(nl, t, d->with);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}
