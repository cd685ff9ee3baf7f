/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_rules.h"

#include <string.h>

#include "nft/chain.h"

#define OVERRIDES "CNI firewall plugin admin overrides"

const struct nft_table *fw_iptables_table(sa_family_t family)
{
	return &nft_ipt_filter[nft_ipt_index(family)];
}

/* ---- what should be there -------------------------------------------------------------------- */

static struct fw_rule *put(struct fw_forward *f, sa_family_t family, const char *chain, bool first,
			   const char *tag, struct xt_rule rule)
{
	struct fw_rule *w = arena_append(f->c->arena, f->want.list, f->want.n);

	*w = (struct fw_rule){ family, chain, first, tag, .rule = rule };
	return w;
}

static void jump(struct fw_forward *f, sa_family_t family, const char *chain, const char *target,
		 const char *comment)
{
	put(f, family, chain, true, NULL,
	    (struct xt_rule){ .verdict = NFT_JUMP, .target = target, .comment = comment });
}

/* From this bridge to others, between its own ports, and from others to this one. */
static void policy(struct fw_forward *f, sa_family_t family)
{
	const char *comment = f->isolated ? FW_RULES " (ingressPolicy: isolated)"
					  : FW_RULES " (ingressPolicy: same-bridge)";
	struct xt_rule between = { .in = f->bridge, .out = f->bridge, .comment = comment };
	struct xt_rule from = between, to = { .out = f->bridge, .comment = FW_EITHER_POLICY };
	const struct xt_rule others = { .verdict = NFT_RETURN, .comment = FW_EITHER_POLICY };

	from.not_out = true;
	from.verdict = NFT_JUMP;
	from.target = FW_CHAIN_STAGE_2;
	between.verdict = to.verdict = NF_DROP;
	put(f, family, FW_CHAIN_STAGE_1, true, f->network, from);
	if (f->isolated)
		put(f, family, FW_CHAIN_STAGE_1, true, f->network, between);
	put(f, family, FW_CHAIN_STAGE_1, false, NULL, others);
	put(f, family, FW_CHAIN_STAGE_2, true, f->network, to);
	put(f, family, FW_CHAIN_STAGE_2, false, NULL, others);
}

static void address(struct fw_forward *f, const struct ip *ip)
{
	struct xt_rule to = { .dst = ip_host(ip), .established = true, .verdict = NF_ACCEPT };
	struct xt_rule from = { .src = ip_host(ip), .verdict = NF_ACCEPT };

	put(f, ip->family, FW_CHAIN_FORWARD, false, f->comment, to)->is_attachments = true;
	put(f, ip->family, FW_CHAIN_FORWARD, false, f->comment, from)->is_attachments = true;
}

static bool has_family(const struct fw_forward *f, sa_family_t family)
{
	for (size_t i = 0; i < f->n_ips; i++)
		if (f->ips[i]->family == family)
			return true;
	return !f->n_ips;
}

/*
 * The jump to isolation is made after the one that accepts: in front of it. Without a policy it is
 * there for others, or need not be.
 */
void fw_rules_init(struct fw_forward *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		sa_family_t family = ip_families[i];

		if (!has_family(f, family))
			continue;
		if (!f->policy_only) {
			jump(f, family, FW_CHAIN_BASE, FW_CHAIN_FORWARD, FW_RULES);
			jump(f, family, FW_CHAIN_FORWARD, f->admin, OVERRIDES);
		}
		if (f->bridge)
			policy(f, family);
		jump(f, family, FW_CHAIN_BASE, FW_CHAIN_STAGE_1, FW_EITHER_POLICY);
		for (size_t k = 0; !f->policy_only && k < f->n_ips; k++)
			if (f->ips[k]->family == family)
				address(f, f->ips[k]);
	}
}

/* ---- what is missing ------------------------------------------------------------------------- */

static bool leads_to(const struct fw_rule *w, const char *chain)
{
	return !strcmp(w->chain, FW_CHAIN_BASE) && !strcmp(w->rule.target, chain);
}

/*
 * The jump that accepts is put in front. Isolation must come before it, so its jump, if there is
 * one, moves in front of that: it comes later in the list.
 */
static void compare(struct fw_forward *f)
{
	bool accepts = true;

	for (size_t i = 0; i < f->want.n; i++) {
		struct fw_rule *w = &f->want.list[i];

		w->missing = !w->n;
		if (leads_to(w, FW_CHAIN_FORWARD))
			accepts = w->n;
		if (leads_to(w, FW_CHAIN_STAGE_1)) {
			w->moves = w->n && !accepts;
			w->missing = w->moves || (!w->n && f->bridge);
		}
		w->added |= !f->scanned && w->missing && w->tag;
	}
}

int fw_rules_scan(struct fw_forward *f, int (*count)(struct fw_forward *f))
{
	if (!f->scanned) {
		f->want.n = 0;
		fw_rules_init(f);
	}
	for (size_t i = 0; i < f->want.n; i++)
		f->want.list[i].n = 0;
	if (count(f) < 0)
		return -1;
	compare(f);
	f->scanned = true;
	return 0;
}

const struct fw_rule *fw_rules_missing(const struct fw_forward *f, bool with_own)
{
	for (size_t i = 0; i < f->want.n; i++)
		if (f->want.list[i].missing && (with_own || !f->want.list[i].is_attachments))
			return &f->want.list[i];
	return NULL;
}

int fw_rules_check(const struct fw_forward *f, const char *kind)
{
	const struct fw_rule *w = fw_rules_missing(f, true);

	if (!w)
		return 0;
	return err_set(f->c->err, ERR_CHECK, "%s%s: rule gone: -A %s", kind,
		       w->family == AF_INET ? "iptables" : "ip6tables",
		       fw_rule_line(w, f->c->arena));
}

const char *fw_rule_line(const struct fw_rule *w, struct arena *arena)
{
	return arena_printf(arena, "%s %s", w->chain, xt_rule_save(&w->rule, arena));
}
