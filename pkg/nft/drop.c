/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/drop.h"

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* ---- what is there --------------------------------------------------------------------------- */

/* Tables or sets, by their names. */
struct names {
	uint16_t attr;
	const char *prefix;
	struct nft_table *list;
	size_t n;
	struct arena *arena;
};

static int name_attr(const struct nlattr *attr, void *data)
{
	struct names *s = data;
	const char *name;

	if (mnl_attr_get_type(attr) != s->attr || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	name = mnl_attr_get_str(attr);
	if (!strncmp(name, s->prefix, strlen(s->prefix)))
		arena_append(s->arena, s->list, s->n)->name = arena_strdup(s->arena, name);
	return MNL_CB_OK;
}

static int take_name(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	struct names *s = data;
	size_t before = s->n;

	(void)mnl_attr_parse(nlh, sizeof(*header), name_attr, s);
	if (s->n > before)
		s->list[before].family = header->nfgen_family;
	return MNL_CB_OK;
}

static void no_names(void *data)
{
	struct names *s = data;

	s->n = 0;
}

static int list_tables(struct nl *nl, struct names *tables)
{
	static const struct nft_table any = { .family = AF_UNSPEC };

	nft_msg(nl, &any, NFT_MSG_GETTABLE, NLM_F_DUMP, "list nf_tables tables");
	return nl_dump(nl, take_name, no_names, tables);
}

static int list_sets(struct nl *nl, const struct nft_table *t, struct names *sets)
{
	nft_msg(nl, t, NFT_MSG_GETSET, NLM_F_DUMP, "list nf_tables sets");
	nl_str(nl, NFTA_SET_TABLE, t->name);
	return nl_dump(nl, take_name, no_names, sets);
}

struct use {
	const struct nft_table *t;
	nft_is_guest is_guest;
	bool used;
};

static void see_elem(const struct nft_elem_info *found, void *data)
{
	struct use *u = data;

	(void)found;
	u->used = true;
}

static void on_rule(const struct nft_rule_info *rule, void *data)
{
	struct use *u = data;

	u->used |= u->is_guest(u->t->name, rule->chain);
}

static void reset(void *data)
{
	struct use *u = data;

	u->used = false;
}

static int is_used(struct nl *nl, struct use *u, struct arena *arena)
{
	struct names sets = { .attr = NFTA_SET_NAME, .prefix = "", .arena = arena };

	if (list_sets(nl, u->t, &sets) < 0 || nft_rules(nl, u->t, NULL, on_rule, reset, u) < 0)
		return -1;
	for (size_t i = 0; !u->used && i < sets.n; i++)
		if (nft_list(nl, u->t, sets.list[i].name, see_elem, reset, u) < 0)
			return -1;
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */

static int drop(struct nl *nl, const struct nft_table *t, nft_is_guest is_guest,
		struct arena *arena)
{
	struct use u = { t, is_guest, false };
	uint32_t generation;

	for (int tries = 0;;) {
		if (nft_generation(nl, &generation) < 0 || is_used(nl, &u, arena) < 0)
			return -1;
		if (u.used)
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
	struct names tables = { .attr = NFTA_TABLE_NAME, .prefix = prefix, .arena = arena };

	if (list_tables(nl, &tables) < 0)
		return -1;
	for (size_t i = 0; i < tables.n; i++)
		if (drop(nl, &tables.list[i], is_guest, arena) < 0)
			return -1;
	return 0;
}
