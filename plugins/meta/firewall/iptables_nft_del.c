/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of forwarding in the chains of iptables go: by what they say, by their mark, or both. */
#include <string.h>

#include "base/str.h"
#include "iptables_nft.h"
#include "nft/chain.h"

#define DELETE_BATCH 48 /* of NL_BATCH messages */

static const sa_family_t families[] = { AF_INET, AF_INET6 };

const struct nft_table *fw_iptables_table(sa_family_t family)
{
	return &nft_ipt_filter[nft_ipt_index(family)];
}

/* ---- going through chains -------------------------------------------------------------------- */

struct rule_scan;

/* Is this rule to go? r is NULL if it could not be read. */
typedef bool (*is_match)(struct rule_scan *h, const struct xt_rule *r, const char *mark);

struct rule_scan {
	is_match match;
	const void *about;
	nft_stale stale;
	fw_successor successor;
	void *data;
	sa_family_t family; /* and chain: of the dump under way */
	const char *chain;
	struct fw_rule_ref *to_delete;
	struct fw_rule *again; /* put back, with another's mark */
	size_t n, n_before, n_again, n_again_before;
	struct arena *arena;
};

static void see(const struct nft_rule_info *seen, void *data)
{
	struct rule_scan *h = data;
	char mark[NFT_COMMENT_MAX * 2];
	struct xt_rule r;
	bool known = xt_rule_read(seen, nft_nfproto(h->family), &r);

	nft_tag_of(seen->userdata, mark, sizeof(mark));
	if (h->match(h, known ? &r : NULL, mark))
		*arena_append(h->arena, h->to_delete, h->n) =
			(struct fw_rule_ref){ fw_iptables_table(h->family), h->chain,
					      seen->handle };
}

static void reset(void *data)
{
	struct rule_scan *h = data;

	h->n = h->n_before;
	h->n_again = h->n_again_before;
}

static int go_through(struct nl *nl, struct rule_scan *h, const char *const *chains)
{
	h->n = h->n_again = 0;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		h->family = families[i];
		for (size_t k = 0; chains[k]; k++) {
			h->chain = chains[k];
			h->n_before = h->n;
			h->n_again_before = h->n_again;
			if (nft_rules(nl, fw_iptables_table(h->family), h->chain, see, reset, h) <
			    0)
				return -1;
		}
	}
	return 0;
}

static int delete_rules(struct nl *nl, const struct rule_scan *h)
{
	for (size_t i = 0; i < h->n;) {
		nft_begin(nl, 0, h->arena);
		for (size_t k = 0; k < DELETE_BATCH && i < h->n; k++, i++)
			nft_rule_del(nl, h->to_delete[i].t, h->to_delete[i].chain,
				     h->to_delete[i].handle);
		if (nft_commit(nl) < 0)
			return -1;
	}
	return 0;
}

/* ENOENT: somebody was quicker with one of them. */
static int rule_scan(struct nl *nl, struct rule_scan *h, const char *const *chains)
{
	for (int tries = 0;;) {
		if (go_through(nl, h, chains) < 0)
			return -1;
		if (delete_rules(nl, h) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

/* ---- an attachment's ------------------------------------------------------------------------- */

static const char *const forward_only[] = { FW_CHAIN_FORWARD, NULL };
static const char *const with_stages[] = { FW_CHAIN_FORWARD, FW_CHAIN_STAGE_1, FW_CHAIN_STAGE_2,
					   NULL };
static const char *const stages[] = { FW_CHAIN_STAGE_1, FW_CHAIN_STAGE_2, NULL };

static bool is_added(struct rule_scan *h, const struct xt_rule *r, const char *mark)
{
	const struct fw_rules *added = h->about;

	for (size_t i = 0; r && i < added->n; i++)
		if (added->list[i].family == h->family && !strcmp(added->list[i].chain, h->chain) &&
		    !strcmp(added->list[i].mark, mark) && xt_rule_equal(&added->list[i].rule, r))
			return true;
	return false;
}

int fw_iptables_undo(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct rule_scan h = { .match = is_added, .about = f->added, .arena = arena };

	return f->added && f->added->n ? rule_scan(nl, &h, with_stages) : 0;
}

struct owned {
	const char *comment;
	const struct fw_rules *rules;
};

/* One without a mark is the reference's, or has been saved and restored since we made it. */
static bool is_owned(struct rule_scan *h, const struct xt_rule *r, const char *mark)
{
	const struct owned *o = h->about;

	if (*mark)
		return !strcmp(mark, o->comment);
	for (size_t i = 0; r && i < o->rules->n; i++)
		if (o->rules->list[i].own && o->rules->list[i].family == h->family &&
		    xt_rule_equal(&o->rules->list[i].rule, r))
			return true;
	return false;
}

int fw_iptables_del(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct fw_rules rules = fw_rules_of(f, arena);
	struct owned o = { f->comment, &rules };
	struct rule_scan h = { .match = is_owned, .about = &o, .arena = arena };

	return rule_scan(nl, &h, forward_only);
}

/* ---- collecting ------------------------------------------------------------------------------ */

static bool is_stale(struct rule_scan *h, const struct xt_rule *r, const char *mark)
{
	(void)r;
	return *mark && h->stale(mark, h->data);
}

int fw_iptables_gc(struct nl *nl, nft_stale stale, void *data, struct arena *arena)
{
	struct rule_scan h = { .match = is_stale, .stale = stale, .data = data, .arena = arena };

	return rule_scan(nl, &h, forward_only);
}

/* An successor that is not isolated has no use for the rule between ports. */
static bool is_inherited(struct rule_scan *h, const struct xt_rule *r, const char *mark)
{
	const struct fw_forward *successor;
	struct fw_rule *w;

	if (strcmp(mark, h->about) != 0)
		return false;
	successor = r ? h->successor(*r->in ? r->in : r->out, h->data) : NULL;
	if (!successor)
		return true;
	w = arena_append(h->arena, h->again, h->n_again);
	*w = (struct fw_rule){ .family = h->family,
			       .chain = h->chain,
			       .first = true,
			       .rule = *r,
			       .mark = successor->network };
	if (!successor->isolated && *r->in && *r->out && !r->not_out)
		h->n_again--;
	return true;
}

static int pass_on(struct nl *nl, const struct rule_scan *h)
{
	for (size_t i = 0; i < h->n_again; i++) {
		const struct fw_rule *w = &h->again[i];

		nft_begin(nl, 4, h->arena);
		xt_rule_put(nl, fw_iptables_table(w->family), w->chain, w->first, &w->rule,
			    w->mark);
		if (nft_commit(nl) < 0)
			return -1;
	}
	return 0;
}

/* First the successor has its own, then the others go. */
int fw_iptables_reassign(struct nl *nl, const char *network, fw_successor successor, void *data,
			 struct arena *arena)
{
	struct rule_scan h = { .match = is_inherited,
			       .about = network,
			       .successor = successor,
			       .data = data,
			       .arena = arena };

	if (go_through(nl, &h, stages) < 0 || pass_on(nl, &h) < 0)
		return -1;
	return rule_scan(nl, &h, stages);
}
