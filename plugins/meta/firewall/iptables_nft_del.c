/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_nft_del.h"

#include <string.h>

#include "iptables_rules.h"
#include "nft/expr.h"

/* ---- going through chains -------------------------------------------------------------------- */

struct rule_scan;

/* Is this rule to go? r is NULL if it is none of xt_rule.h. */
typedef bool (*is_match)(const struct rule_scan *s, const struct xt_rule *r, const char *tag);

struct rule_scan {
	is_match match;
	const void *about;
	nft_stale stale;
	void *data;
	sa_family_t family; /* and chain: of the list under way */
	const char *chain;
};

static bool matches(const struct nft_rule_info *rule, void *data)
{
	const struct rule_scan *s = data;
	struct xt_rule r;
	bool known = xt_rule_read(rule, nft_nfproto(s->family), &r);

	return s->match(s, known ? &r : NULL, rule->tag);
}

static int delete_rules(struct nl *nl, struct rule_scan *s, const char *const *chains,
			struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		s->family = ip_families[i];
		for (size_t k = 0; chains[k]; k++) {
			s->chain = chains[k];
			if (nft_rules_del(nl, fw_iptables_table(s->family), s->chain, matches, s,
					  arena) < 0)
				return -1;
		}
	}
	return 0;
}

/* ---- an attachment's ------------------------------------------------------------------------- */

static const char *const forward_only[] = { FW_CHAIN_FORWARD, NULL };
static const char *const with_stages[] = { FW_CHAIN_FORWARD, FW_CHAIN_STAGE_1, FW_CHAIN_STAGE_2,
					   NULL };
static const char *const stages[] = { FW_CHAIN_STAGE_1, FW_CHAIN_STAGE_2, NULL };

static bool is_added(const struct rule_scan *s, const struct xt_rule *r, const char *tag)
{
	const struct fw_rules *added = s->about;

	for (size_t i = 0; r && i < added->n; i++)
		if (added->list[i].family == s->family && !strcmp(added->list[i].chain, s->chain) &&
		    !strcmp(added->list[i].tag, tag) && xt_rule_equal(&added->list[i].rule, r))
			return true;
	return false;
}

int fw_iptables_undo(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct rule_scan s = { .match = is_added, .about = f->added };

	return f->added && f->added->n ? delete_rules(nl, &s, with_stages, arena) : 0;
}

struct owned {
	const char *comment;
	const struct fw_rules *rules;
};

/* One without a tag is the reference's, or has been saved and restored since we made it. */
static bool is_owned(const struct rule_scan *s, const struct xt_rule *r, const char *tag)
{
	const struct owned *o = s->about;

	if (*tag)
		return !strcmp(tag, o->comment);
	for (size_t i = 0; r && i < o->rules->n; i++)
		if (o->rules->list[i].is_attachments && o->rules->list[i].family == s->family &&
		    xt_rule_equal(&o->rules->list[i].rule, r))
			return true;
	return false;
}

int fw_iptables_del(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct fw_rules rules = fw_rules_of(f, arena);
	struct owned o = { f->comment, &rules };
	struct rule_scan s = { .match = is_owned, .about = &o };

	return delete_rules(nl, &s, forward_only, arena);
}

/* ---- gc -------------------------------------------------------------------------------------- */

static bool is_stale(const struct rule_scan *s, const struct xt_rule *r, const char *tag)
{
	(void)r;
	return *tag && s->stale(tag, s->data);
}

int fw_iptables_gc(struct nl *nl, nft_stale stale, void *data, struct arena *arena)
{
	struct rule_scan s = { .match = is_stale, .stale = stale, .data = data };

	return delete_rules(nl, &s, forward_only, arena);
}

static bool is_of_network(const struct rule_scan *s, const struct xt_rule *r, const char *tag)
{
	(void)r;
	return !strcmp(tag, s->about);
}

/* A successor that is not isolated has no use for the rule between ports. */
static bool is_needed(const struct xt_rule *r, const struct fw_forward *successor)
{
	return successor && (successor->isolated || !*r->in || !*r->out || r->not_out);
}

/* The rules of a network in a chain, once more, with the successor's tag. */
static int pass_on(struct nl *nl, const struct rule_scan *s, fw_successor successor,
		   struct arena *arena)
{
	const struct nft_table *t = fw_iptables_table(s->family);
	struct nft_rule_list rules;

	if (nft_rules(nl, t, s->chain, &rules, arena) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++) {
		const struct fw_forward *next;
		struct xt_rule r;

		if (!is_of_network(s, NULL, rules.list[i].tag) ||
		    !xt_rule_read(&rules.list[i], nft_nfproto(s->family), &r))
			continue;
		next = successor(*r.in ? r.in : r.out, s->data);
		if (!is_needed(&r, next))
			continue;
		nft_begin(nl, 4, arena);
		xt_rule_put(nl, t, s->chain, true, &r, next->network);
		if (nft_commit(nl) < 0)
			return -1;
	}
	return 0;
}

/* First the successor has its own, then the others go. */
int fw_iptables_reassign(struct nl *nl, const char *network, fw_successor successor, void *data,
			 struct arena *arena)
{
	struct rule_scan s = { .match = is_of_network, .about = network, .data = data };

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		s.family = ip_families[i];
		for (size_t k = 0; stages[k]; k++) {
			s.chain = stages[k];
			if (pass_on(nl, &s, successor, arena) < 0)
				return -1;
		}
	}
	return delete_rules(nl, &s, stages, arena);
}
