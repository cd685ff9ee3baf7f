/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/drop.h"

#include "nft/list.h"
#include "nft/rule.h"

static int is_used(struct nl *nl, const struct nft_table *t, nft_is_guest is_guest,
		   struct arena *arena, bool *used)
{
	struct nft_table_list sets;
	struct nft_rule_list rules;
	struct nft_elem_list elems;

	*used = false;
	if (nft_list_sets(nl, t, &sets, arena) < 0 || nft_rules(nl, t, NULL, &rules, arena) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++)
		*used |= is_guest(t->name, rules.list[i].chain);
	for (size_t i = 0; !*used && i < sets.n; i++) {
		if (nft_list(nl, t, sets.list[i].name, &elems, arena) < 0)
			return -1;
		*used = elems.n;
	}
	return 0;
}

static int drop(struct nl *nl, const struct nft_table *t, nft_is_guest is_guest,
		struct arena *arena)
{
	uint32_t generation;
	bool used;

	for (int tries = 0;;) {
		if (nft_generation(nl, &generation) < 0 ||
		    is_used(nl, t, is_guest, arena, &used) < 0)
			return -1;
		if (used)
			return 0;
		nft_begin_at(nl, 0, arena, generation);
		nft_table_del(nl, t);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int nft_drop_unused(struct nl *nl, const char *prefix, nft_is_guest is_guest, struct arena *arena)
{
	struct nft_table_list tables;

	if (nft_list_tables(nl, prefix, &tables, arena) < 0)
		return -1;
	for (size_t i = 0; i < tables.n; i++)
		if (drop(nl, &tables.list[i], is_guest, arena) < 0)
			return -1;
	return 0;
}
