/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_nft.h"

#include <string.h>

#include "iptables_nft_del.h"
#include "iptables_rules.h"
#include "nft/expr.h"
#include "nft/list.h"

static const char FORWARD[] = "FORWARD";

/* ---- what is there --------------------------------------------------------------------------- */

/* A rule that is to go. */
struct rule_ref {
	const struct nft_table *t;
	const char *chain;
	uint64_t handle;
};

struct fw_rules_listed {
	struct fw_rules *want;
	const struct fw_forward *f;
	sa_family_t family; /* and chain: of the list under way */
	const char *chain;
	/* What contradicts what is wanted, or stands in the wrong place. */
	struct rule_ref *to_delete;
	size_t n_to_delete;
	uint64_t isolation; /* the handle of the jump to FW_CHAIN_STAGE_1, 0: none */
	struct arena *arena;
};

static void mark_to_delete(struct fw_rules_listed *l, uint64_t handle)
{
	*arena_append(l->arena, l->to_delete, l->n_to_delete) =
		(struct rule_ref){ fw_iptables_table(l->family), l->chain, handle };
}

static bool is_here(const struct fw_rules_listed *l, const struct fw_rule *w)
{
	return w->family == l->family && !strcmp(w->chain, l->chain);
}

static struct fw_rule *find(const struct fw_rules_listed *l, const struct xt_rule *r)
{
	for (size_t i = 0; i < l->want->n; i++)
		if (is_here(l, &l->want->list[i]) && xt_rule_equal(&l->want->list[i].rule, r))
			return &l->want->list[i];
	return NULL;
}

/* This network's, from when it had the other policy. */
static bool is_outdated(const struct fw_rules_listed *l, const struct xt_rule *r, const char *tag)
{
	return l->f->bridge && !strcmp(l->chain, FW_CHAIN_STAGE_1) &&
	       !strcmp(r->in, l->f->bridge) && !strcmp(tag, l->f->network);
}

/* An attachment that had the address before: it is this attachment's now, so that one is gone. */
static bool is_anothers(const struct fw_rule *w, const char *tag)
{
	return w->is_attachments && *tag && strcmp(tag, w->tag) != 0;
}

static void compare(struct fw_rules_listed *l, const struct nft_rule_info *rule)
{
	struct fw_rule *w;
	struct xt_rule r;

	if (!xt_rule_read(rule, nft_nfproto(l->family), &r))
		return;
	w = find(l, &r);
	if (w ? is_anothers(w, rule->tag) : is_outdated(l, &r, rule->tag))
		mark_to_delete(l, rule->handle);
	else if (w)
		w->missing = false;
	if (!strcmp(l->chain, FORWARD) && !strcmp(r.target, FW_CHAIN_STAGE_1))
		l->isolation = rule->handle;
}

static int scan_chain(struct nl *nl, struct fw_rules_listed *l, const char *chain)
{
	struct nft_rule_list rules;

	l->chain = chain;
	if (nft_rules(nl, fw_iptables_table(l->family), chain, &rules, l->arena) < 0)
		return -1;
	for (size_t i = 0; i < l->want->n; i++)
		if (is_here(l, &l->want->list[i]))
			l->want->list[i].missing = true;
	for (size_t i = 0; i < rules.n; i++)
		compare(l, &rules.list[i]);
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static struct fw_rule *jump_of(struct fw_rules_listed *l, const char *target)
{
	for (size_t i = 0; i < l->want->n; i++)
		if (is_here(l, &l->want->list[i]) && !strcmp(l->want->list[i].rule.target, target))
			return &l->want->list[i];
	return NULL;
}

/*
 * The jump that accepts is put in front. Isolation must come before it, so its jump, if there is
 * one, moves in front of that: it comes later in the list.
 */
static void keep_isolation_first(struct fw_rules_listed *l)
{
	struct fw_rule *accepting, *isolating, *w;

	l->chain = FORWARD;
	accepting = jump_of(l, FW_CHAIN_FORWARD);
	if (!accepting || !accepting->missing || !l->isolation)
		return;
	mark_to_delete(l, l->isolation);
	isolating = jump_of(l, FW_CHAIN_STAGE_1);
	if (isolating) {
		isolating->missing = true;
		return;
	}
	w = arena_append(l->arena, l->want->list, l->want->n);
	*w = fw_isolation_jump(l->family);
	w->missing = true;
}

static bool has_family(const struct fw_rules_listed *l)
{
	for (size_t i = 0; i < l->want->n; i++)
		if (l->want->list[i].family == l->family)
			return true;
	return false;
}

static int scan_family(struct nl *nl, struct fw_rules_listed *l)
{
	if (!has_family(l))
		return 0;
	if (scan_chain(nl, l, FORWARD) < 0 || scan_chain(nl, l, FW_CHAIN_FORWARD) < 0)
		return -1;
	if (l->f->bridge &&
	    (scan_chain(nl, l, FW_CHAIN_STAGE_1) < 0 || scan_chain(nl, l, FW_CHAIN_STAGE_2) < 0))
		return -1;
	keep_isolation_first(l);
	return 0;
}

/* What was not there at the first scan is undone. */
static void note_added(struct fw_forward *f, const struct fw_rules *want, struct arena *arena)
{
	f->added = arena_new(arena, struct fw_rules);
	for (size_t i = 0; i < want->n; i++)
		if (want->list[i].missing && want->list[i].tag)
			*arena_append(arena, f->added->list, f->added->n) = want->list[i];
}

static int scan(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct fw_rules_listed *l = arena_new(arena, struct fw_rules_listed);

	*l = (struct fw_rules_listed){ .f = f, .arena = arena };
	l->want = arena_new(arena, struct fw_rules);
	*l->want = fw_rules_of(f, arena);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		l->family = ip_families[i];
		l->isolation = 0;
		if (scan_family(nl, l) < 0)
			return -1;
	}
	if (!f->added)
		note_added(f, l->want, arena);
	f->scan = l;
	return 0;
}

static const struct fw_rule *first_missing(const struct fw_rules_listed *l, bool with_own)
{
	for (size_t i = 0; i < l->want->n; i++)
		if (l->want->list[i].missing && (with_own || !l->want->list[i].is_attachments))
			return &l->want->list[i];
	return NULL;
}

/* iptables-nft makes a base chain when it first has a rule, and no other. */
static void put_chains(struct nl *nl, const struct fw_forward *f, const struct nft_table *t,
		       bool has_base)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, 0 };

	nft_table_add(nl, t, NULL);
	if (!has_base)
		nft_chain_add(nl, t, FORWARD, &hook);
	if (!f->policy_only) {
		nft_chain_add(nl, t, FW_CHAIN_FORWARD, NULL);
		nft_chain_add(nl, t, f->admin, NULL);
	}
	if (f->bridge) {
		nft_chain_add(nl, t, FW_CHAIN_STAGE_1, NULL);
		nft_chain_add(nl, t, FW_CHAIN_STAGE_2, NULL);
	}
}

#define RULE_ELEMS 4 /* of the room that nft_begin() counts in */

static void put_rules(struct nl *nl, const struct fw_rules_listed *l)
{
	for (size_t i = 0; i < l->want->n; i++) {
		struct fw_rule *w = &l->want->list[i];

		if (!w->missing)
			continue;
		xt_rule_put(nl, fw_iptables_table(w->family), w->chain, w->first, &w->rule, w->tag);
		w->missing = false;
	}
}

static int make(struct nl *nl, struct fw_rules_listed *l, uint32_t at)
{
	bool has_base[ARRAY_SIZE(ip_families)];

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (nft_has_chain(nl, fw_iptables_table(ip_families[i]), FORWARD, &has_base[i]) < 0)
			return -1;
	nft_begin_at(nl, (l->want->n + l->n_to_delete) * RULE_ELEMS, l->arena, at);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		l->family = ip_families[i];
		if (has_family(l))
			put_chains(nl, l->f, fw_iptables_table(ip_families[i]), has_base[i]);
	}
	put_rules(nl, l);
	for (size_t i = 0; i < l->n_to_delete; i++)
		nft_rule_del(nl, l->to_delete[i].t, l->to_delete[i].chain, l->to_delete[i].handle);
	return nft_commit(nl);
}

static int complete(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	uint32_t at;

	for (int tries = 0;;) {
		if (nft_generation(nl, &at) < 0 || scan(nl, f, arena) < 0)
			return -1;
		if (!first_missing(f->scan, true) && !f->scan->n_to_delete)
			return 0;
		if (make(nl, f->scan, at) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ERESTART))
			return -1;
	}
}

static int ready(struct nl *nl, struct fw_forward *f, struct arena *arena, bool *is_ready)
{
	if (scan(nl, f, arena) < 0)
		return -1;
	*is_ready = !first_missing(f->scan, false) && !f->scan->n_to_delete;
	return 0;
}

/*
 * No other process makes this attachment's rules: no generation is needed. ENOENT: the chain they
 * stand in has been removed.
 */
static int add(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	if (!f->scan)
		return complete(nl, f, arena);
	if (!first_missing(f->scan, true))
		return 0;
	nft_begin(nl, f->scan->want->n * RULE_ELEMS, arena);
	put_rules(nl, f->scan);
	if (nft_commit(nl) == 0)
		return 0;
	if (nl->err->sys != ENOENT)
		return -1;
	err_clear(nl->err);
	return complete(nl, f, arena);
}

static int verify(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	const struct fw_rule *w;
	char text[XT_SAVED_SIZE];

	if (scan(nl, f, arena) < 0)
		return -1;
	w = first_missing(f->scan, true);
	if (!w)
		return 0;
	xt_rule_save(&w->rule, text);
	return err_set(nl->err, ERR_CHECK, "%s: rule gone: -A %s %s",
		       w->family == AF_INET ? "iptables" : "ip6tables", w->chain, text);
}

const struct fw_backend fw_iptables_nft = {
	.name = "iptables",
	.ready = ready,
	.prepare = complete,
	.add = add,
	.undo = fw_iptables_undo,
	.release = fw_iptables_del,
	.verify = verify,
	.restore = complete,
	.gc = fw_iptables_gc,
	.policy_reassign = fw_iptables_reassign,
};
