/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/list.h"

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "nft/attr.h"

#define ASK_BATCH 64 /* the socket holds their answers */

/* A kernel without nf_tables, or without it for this family, has nothing in it either. */
static int ignore_enoent(struct nl *nl, int rc)
{
	int sys = nl->err->sys;

	if (rc == 0 || (sys != ENOENT && sys != EINVAL && !nft_is_missing(nl->err)))
		return rc;
	err_clear(nl->err);
	return 0;
}

static void begin_again(void *data)
{
	struct nft_dump *d = data;

	d->n = 0;
	arena_rewind(d->arena, &d->mark);
}

/* With room for the header that every message should have. */
static int keep(const struct nlmsghdr *nlh, void *data)
{
	struct nft_dump *d = data;
	void *copy = arena_alloc(d->arena, nlh->nlmsg_len + sizeof(struct nfgenmsg));

	*arena_append(d->arena, d->msg, d->n) = memcpy(copy, nlh, nlh->nlmsg_len);
	return MNL_CB_OK;
}

int nft_dump(struct nl *nl, struct nft_dump *d, struct arena *arena)
{
	*d = (struct nft_dump){ .arena = arena, .mark = *arena };
	return ignore_enoent(nl, nl_dump(nl, keep, begin_again, d));
}

/* ---- elements -------------------------------------------------------------------------------- */

static void read_elem(const struct nlattr *attr, struct nft_elem_info *out, struct arena *arena)
{
	const struct nl_attrs a = nl_attrs_of(attr);
	struct nft_elem *e = &out->at;

	*out = (struct nft_elem_info){ 0 };
	e->key_len = (uint8_t)nft_attr_copy(a.of[NFTA_SET_ELEM_KEY], e->key, sizeof(e->key));
	e->data_len = (uint8_t)nft_attr_copy(a.of[NFTA_SET_ELEM_DATA], e->data, sizeof(e->data));
	e->has_verdict = nft_attr_verdict(a.of[NFTA_SET_ELEM_DATA], &e->verdict, &e->chain);
	if (e->chain)
		e->chain = arena_strdup(arena, e->chain);
	out->comment = nft_attr_text(a.of[NFTA_SET_ELEM_USERDATA], NFT_UDATA_COMMENT, arena);
}

struct question {
	const struct nft_elem *e;
	struct nft_elem_info *found;
	uint32_t first; /* sequence number of the first of these n */
	size_t n;
	struct arena *arena;
};

static int take_answer(const struct nlmsghdr *nlh, void *data)
{
	const struct nl_attrs a = nft_attrs_of_msg(nlh);
	const struct question *q = data;
	uint32_t i = nlh->nlmsg_seq - q->first;
	const struct nlattr *elem =
		nl_attrs_of(a.of[NFTA_SET_ELEM_LIST_ELEMENTS]).of[NFTA_LIST_ELEM];
	struct nft_elem_info found;

	if (i >= q->n || !elem)
		return MNL_CB_OK;
	read_elem(elem, &found, q->arena);
	found.at.set = q->e[i].set;
	found.at.label = q->e[i].label;
	if (found.at.key_len)
		q->found[i] = found;
	return MNL_CB_OK;
}

static void ask_elem(struct nl *nl, const struct nft_table *t, const struct nft_elem *e)
{
	nft_msg(nl, t, NFT_MSG_GETSETELEM, 0, "look up nf_tables element");
	nl_str(nl, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nl_str(nl, NFTA_SET_ELEM_LIST_SET, e->set);
	nl_nest(nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest(nl, NFTA_LIST_ELEM) {
			nl_nest(nl, NFTA_SET_ELEM_KEY) {
				nl_put(nl, NFTA_DATA_VALUE, e->key, e->key_len);
			}
		}
	}
}

/* A request of its own for each: a message with several ends at the first that is missing. */
int nft_get(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
	    struct nft_elem_info *found, struct arena *arena)
{
	for (size_t i = 0; i < n; i++)
		found[i] = (struct nft_elem_info){ 0 };
	for (size_t i = 0; i < n;) {
		struct question q = { &e[i], &found[i], nl->seq, 0, arena };

		for (; i < n && q.n < ASK_BATCH; i++, q.n++)
			ask_elem(nl, t, &e[i]);
		if (ignore_enoent(nl, nl_query_allow(nl, ENOENT, take_answer, &q)) < 0)
			return -1;
	}
	return 0;
}

int nft_list(struct nl *nl, const struct nft_table *t, const char *set, struct nft_elem_list *out,
	     struct arena *arena)
{
	struct nft_dump d;

	*out = (struct nft_elem_list){ 0 };
	nft_msg(nl, t, NFT_MSG_GETSETELEM, NLM_F_DUMP, "list nf_tables elements");
	nl_str(nl, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nl_str(nl, NFTA_SET_ELEM_LIST_SET, set);
	if (nft_dump(nl, &d, arena) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++) {
		const struct nl_attrs a = nft_attrs_of_msg(d.msg[i]);
		struct nft_elem_info found;

		nft_attr_each(attr, a.of[NFTA_SET_ELEM_LIST_ELEMENTS])
		{
			read_elem(attr, &found, arena);
			found.at.set = set;
			if (found.at.key_len)
				*arena_append(arena, out->list, out->n) = found;
		}
	}
	return 0;
}

/* ---- tables, sets, chains -------------------------------------------------------------------- */

static int dump_names(struct nl *nl, uint16_t attr, const char *prefix, struct nft_table_list *out,
		      struct arena *arena)
{
	struct nft_dump d;

	*out = (struct nft_table_list){ 0 };
	if (nft_dump(nl, &d, arena) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++) {
		const struct nfgenmsg *header = mnl_nlmsg_get_payload(d.msg[i]);
		const char *name = nft_attr_str(nft_attrs_of_msg(d.msg[i]).of[attr]);

		if (*name && !strncmp(name, prefix, strlen(prefix)))
			*arena_append(arena, out->list, out->n) =
				(struct nft_table){ header->nfgen_family, name };
	}
	return 0;
}

int nft_list_tables(struct nl *nl, const char *prefix, struct nft_table_list *out,
		    struct arena *arena)
{
	static const struct nft_table any = { .family = AF_UNSPEC };

	nft_msg(nl, &any, NFT_MSG_GETTABLE, NLM_F_DUMP, "list nf_tables tables");
	return dump_names(nl, NFTA_TABLE_NAME, prefix, out, arena);
}

int nft_list_sets(struct nl *nl, const struct nft_table *t, struct nft_table_list *out,
		  struct arena *arena)
{
	nft_msg(nl, t, NFT_MSG_GETSET, NLM_F_DUMP, "list nf_tables sets");
	nl_str(nl, NFTA_SET_TABLE, t->name);
	return dump_names(nl, NFTA_SET_NAME, "", out, arena);
}

static int exists(const struct nlmsghdr *nlh, void *data)
{
	bool *has = data;

	(void)nlh;
	*has = true;
	return MNL_CB_OK;
}

int nft_has_chain(struct nl *nl, const struct nft_table *t, const char *chain, bool *has)
{
	*has = false;
	nft_msg(nl, t, NFT_MSG_GETCHAIN, 0, "look up nf_tables chain");
	nl_str(nl, NFTA_CHAIN_TABLE, t->name);
	nl_str(nl, NFTA_CHAIN_NAME, chain);
	return ignore_enoent(nl, nl_query_allow(nl, ENOENT, exists, has));
}
