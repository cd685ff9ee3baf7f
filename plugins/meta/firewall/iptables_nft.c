/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_nft.h"

#include <string.h>

#include "iptables_rules.h"
#include "nft/expr.h"
#include "nft/list.h"

#define RULE_ELEMS 4 /* of the room that nft_begin() counts in */

static struct fw_rule *find(const struct fw_rules *rules, sa_family_t family, const char *chain,
			    const struct xt_rule *r)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct fw_rule *w = &rules->list[i];

		if (w->family == family && !strcmp(w->chain, chain) && xt_rule_equal(&w->rule, r))
			return w;
	}
	return NULL;
}

/* ---- what is there --------------------------------------------------------------------------- */

/* This network's, from when it had the other policy. */
static bool is_outdated(const struct fw_forward *f, const struct nft_rule_info *rule,
			const struct xt_rule *r)
{
	return f->bridge && !strcmp(rule->chain, FW_CHAIN_STAGE_1) && r->in &&
	       !strcmp(r->in, f->bridge) && !strcmp(rule->tag, f->network);
}

/* An attachment that had the address before: it is this attachment's now, so that one is gone. */
static bool is_anothers(const struct fw_rule *w, const char *tag)
{
	return w->is_attachments && *tag && strcmp(tag, w->tag) != 0;
}

/*
 * What contradicts what is wanted is to go. The jump to isolation is that, whatever its comment:
 * older releases of the reference have another.
 */
static void compare(struct fw_forward *f, sa_family_t family, const struct nft_rule_info *rule)
{
	struct fw_rule *w;
	struct xt_rule r;

	if (!xt_rule_read(rule, nft_nfproto(family), &r))
		return;
	if (r.target && !strcmp(r.target, FW_CHAIN_STAGE_1))
		r.comment = FW_EITHER_POLICY;
	w = find(&f->want, family, rule->chain, &r);
	if (w ? is_anothers(w, rule->tag) : is_outdated(f, rule, &r)) {
		*arena_append(f->c->arena, f->outdated.list, f->outdated.n) = (struct fw_rule){
			.family = family, .chain = rule->chain, .handle = rule->handle
		};
	} else if (w) {
		w->n++;
		w->handle = rule->handle;
	}
}

static bool has_rules(const struct fw_forward *f, sa_family_t family, const char *chain)
{
	for (size_t i = 0; i < f->want.n; i++)
		if (f->want.list[i].family == family && !strcmp(f->want.list[i].chain, chain))
			return true;
	return false;
}

static int count(struct fw_forward *f)
{
	static const char *const chains[] = { FW_CHAIN_BASE, FW_CHAIN_FORWARD, FW_CHAIN_STAGE_1,
					      FW_CHAIN_STAGE_2 };
	struct nft_rule_list rules;

	f->outdated.n = 0;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(chains); i++) {
		sa_family_t family = ip_families[i / ARRAY_SIZE(chains)];
		const char *chain = chains[i % ARRAY_SIZE(chains)];

		if (!has_rules(f, family, chain))
			continue;
		if (nft_rules(f->c->nft, fw_iptables_table(family), chain, &rules, f->c->arena) < 0)
			return -1;
		for (size_t k = 0; k < rules.n; k++)
			compare(f, family, &rules.list[k]);
	}
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* iptables-nft makes a base chain when it first has a rule, and no other. */
static void put_base(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, 0 };

	nft_table_add(nl, t, NULL);
	nft_chain_add(nl, t, FW_CHAIN_BASE, &hook);
}

static void put_rules(struct nl *nl, const struct fw_forward *f)
{
	for (size_t i = 0; i < f->want.n; i++) {
		struct fw_rule *w = &f->want.list[i];
		const struct nft_table *t = fw_iptables_table(w->family);

		if (!w->missing)
			continue;
		xt_rule_put(nl, t, w->chain, w->first, &w->rule, w->tag);
		if (w->moves)
			nft_rule_del(nl, t, w->chain, w->handle);
		w->missing = false;
	}
}

/* A chain is there where one of our rules leads to it. */
static int make(struct fw_forward *f, uint32_t at)
{
	bool has_base[ARRAY_SIZE(ip_families)];
	struct nl *nl = f->c->nft;

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (nft_has_chain(nl, fw_iptables_table(ip_families[i]), FW_CHAIN_BASE,
				  &has_base[i]) < 0)
			return -1;
	nft_begin_at(nl, (f->want.n + f->outdated.n) * RULE_ELEMS, f->c->arena, at);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (!has_base[i] && has_rules(f, ip_families[i], FW_CHAIN_BASE))
			put_base(nl, fw_iptables_table(ip_families[i]));
	for (size_t i = 0; i < f->want.n; i++) {
		const struct fw_rule *w = &f->want.list[i];

		if (w->missing && w->rule.target)
			nft_chain_add(nl, fw_iptables_table(w->family), w->rule.target, NULL);
	}
	put_rules(nl, f);
	for (size_t i = 0; i < f->outdated.n; i++)
		nft_rule_del(nl, fw_iptables_table(f->outdated.list[i].family),
			     f->outdated.list[i].chain, f->outdated.list[i].handle);
	return nft_commit(nl);
}

static int complete(struct fw_forward *f)
{
	struct nl *nl = f->c->nft;
	uint32_t at;

	for (int tries = 0;;) {
		if (nft_generation(nl, &at) < 0 || fw_rules_scan(f, count) < 0)
			return -1;
		if ((!fw_rules_missing(f, true) && !f->outdated.n) || make(f, at) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ERESTART))
			return -1;
	}
}

static int ready(struct fw_forward *f, bool *is_ready)
{
	if (fw_rules_scan(f, count) < 0)
		return -1;
	*is_ready = !fw_rules_missing(f, false) && !f->outdated.n;
	return 0;
}

/*
 * No other process makes this attachment's rules: no generation is needed. ENOENT: the chain they
 * stand in has been removed.
 */
static int add(struct fw_forward *f)
{
	struct nl *nl = f->c->nft;

	if (!f->scanned)
		return complete(f);
	nft_begin(nl, f->want.n * RULE_ELEMS, f->c->arena);
	put_rules(nl, f);
	if (nft_commit(nl) == 0)
		return 0;
	if (nl->err->sys != ENOENT)
		return -1;
	err_clear(nl->err);
	return complete(f);
}

static int verify(struct fw_forward *f)
{
	return fw_rules_scan(f, count) < 0 ? -1 : fw_rules_check(f, "");
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Which rules are to go: by what they say, by their tag, or both. */
struct removal {
	const struct fw_forward *f;
	sa_family_t family; /* of the list under way */
	nft_stale stale;
	void *data;
};

static int delete_rules(struct cni_call *c, const char *chain, nft_rule_match match,
			struct removal *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		r->family = ip_families[i];
		if (nft_rules_del(c->nft, fw_iptables_table(r->family), chain, match, r, c->arena))
			return -1;
	}
	return 0;
}

/* The wanted rule that it is, if any. */
static const struct fw_rule *find_wanted(const struct removal *r, const struct nft_rule_info *rule)
{
	struct xt_rule read;

	return xt_rule_read(rule, nft_nfproto(r->family), &read)
		       ? find(&r->f->want, r->family, rule->chain, &read)
		       : NULL;
}

static bool is_added(const struct nft_rule_info *rule, void *data)
{
	const struct fw_rule *w = find_wanted(data, rule);

	return w && w->added && !strcmp(w->tag, rule->tag);
}

static int undo(struct fw_forward *f)
{
	static const char *const chains[] = { FW_CHAIN_FORWARD, FW_CHAIN_STAGE_1,
					      FW_CHAIN_STAGE_2 };
	struct removal r = { .f = f };

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		if (delete_rules(f->c, chains[i], is_added, &r) < 0)
			return -1;
	return 0;
}

/* One without a tag is the reference's, or has been saved and restored since we made it. */
static bool is_owned(const struct nft_rule_info *rule, void *data)
{
	const struct removal *r = data;
	const struct fw_rule *w = *rule->tag ? NULL : find_wanted(r, rule);

	return *rule->tag ? !strcmp(rule->tag, r->f->comment) : w && w->is_attachments;
}

static int release(struct fw_forward *f)
{
	struct removal r = { .f = f };

	if (!f->scanned)
		fw_rules_init(f);
	return delete_rules(f->c, FW_CHAIN_FORWARD, is_owned, &r);
}

static bool is_stale(const struct nft_rule_info *rule, void *data)
{
	const struct removal *r = data;

	return *rule->tag && r->stale(rule->tag, r->data);
}

static int gc(struct cni_call *c, nft_stale stale, void *data)
{
	struct removal r = { .stale = stale, .data = data };

	return delete_rules(c, FW_CHAIN_FORWARD, is_stale, &r);
}

/* ---- a network that is no more --------------------------------------------------------------- */

/* The rule with the successor's tag. One that is not isolated needs none between ports. */
static void pass_on(struct nl *nl, const struct nft_table *t, const struct nft_rule_info *rule,
		    fw_successor successor, void *data)
{
	const struct fw_forward *next;
	struct xt_rule r;

	if (!xt_rule_read(rule, t->family, &r) || (!r.in && !r.out))
		return;
	next = successor(r.in ? r.in : r.out, data);
	if (next && (next->isolated || !r.in || !r.out || r.not_out))
		xt_rule_put(nl, t, rule->chain, true, &r, next->network);
}

/* In one transaction for each chain: what goes to a successor is there all the time. */
static int reassign(struct cni_call *c, const struct nft_table *t, const char *chain,
		    const char *network, fw_successor successor, void *data)
{
	struct nft_rule_list rules;

	for (int tries = 0;;) {
		if (nft_rules(c->nft, t, chain, &rules, c->arena) < 0)
			return -1;
		nft_begin(c->nft, rules.n * RULE_ELEMS, c->arena);
		for (size_t i = 0; i < rules.n; i++) {
			if (strcmp(rules.list[i].tag, network) != 0)
				continue;
			pass_on(c->nft, t, &rules.list[i], successor, data);
			nft_rule_del(c->nft, t, chain, rules.list[i].handle);
		}
		if (nft_commit(c->nft) == 0)
			return 0;
		if (!nft_should_retry(c->nft, &tries, ENOENT))
			return -1;
	}
}

static int policy_reassign(struct cni_call *c, const char *network, fw_successor successor,
			   void *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct nft_table *t = fw_iptables_table(ip_families[i]);

		if (reassign(c, t, FW_CHAIN_STAGE_1, network, successor, data) < 0 ||
		    reassign(c, t, FW_CHAIN_STAGE_2, network, successor, data) < 0)
			return -1;
	}
	return 0;
}

const struct fw_backend fw_iptables_nft = {
	.name = "iptables",
	.ready = ready,
	.prepare = complete,
	.add = add,
	.undo = undo,
	.release = release,
	.verify = verify,
	.restore = complete,
	.gc = gc,
	.policy_reassign = policy_reassign,
};
