/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "nft/chain.h"

#define RULES         "CNI firewall plugin rules"
#define OVERRIDES     "CNI firewall plugin admin overrides"
#define EITHER_POLICY RULES " (ingressPolicy: same-bridge|isolated)"

static const char FORWARD[] = "FORWARD";
const char FW_CHAIN_FORWARD[] = "CNI-FORWARD", FW_CHAIN_STAGE_1[] = "CNI-ISOLATION-STAGE-1",
	   FW_CHAIN_STAGE_2[] = "CNI-ISOLATION-STAGE-2";

const struct nft_table *fw_iptables_table(sa_family_t family)
{
	return &nft_ipt_filter[nft_ipt_index(family)];
}

struct making {
	struct fw_rules rules;
	const struct fw_forward *f;
	sa_family_t family;
	struct arena *arena;
};

static struct xt_rule *put(struct making *m, const char *chain, bool first, int32_t verdict)
{
	struct fw_rule *w = arena_append(m->arena, m->rules.list, m->rules.n);

	memset(w, 0, sizeof(*w));
	w->family = m->family;
	w->chain = chain;
	w->first = first;
	w->rule.verdict = verdict;
	return &w->rule;
}

static struct fw_rule *last(struct making *m)
{
	return &m->rules.list[m->rules.n - 1];
}

static void jump(struct making *m, const char *chain, const char *target, const char *comment)
{
	struct xt_rule *r = put(m, chain, true, NFT_JUMP);

	snprintf(r->target, sizeof(r->target), "%s", target);
	snprintf(r->comment, sizeof(r->comment), "%s", comment);
}

static void put_name(char out[IFNAMSIZ], const char *name)
{
	snprintf(out, IFNAMSIZ, "%s", name);
}

static void policy_comment(struct xt_rule *r, const struct fw_forward *f)
{
	snprintf(r->comment, sizeof(r->comment), RULES " (ingressPolicy: %s)",
		 f->isolated ? "isolated" : "same-bridge");
}

/* From this bridge to others, and between its own ports. */
static void stage_1(struct making *m)
{
	const struct fw_forward *f = m->f;
	struct xt_rule *r = put(m, FW_CHAIN_STAGE_1, true, NFT_JUMP);

	put_name(r->in, f->bridge);
	put_name(r->out, f->bridge);
	r->not_out = true;
	policy_comment(r, f);
	snprintf(r->target, sizeof(r->target), "%s", FW_CHAIN_STAGE_2);
	last(m)->tag = f->network;
	if (f->isolated) {
		r = put(m, FW_CHAIN_STAGE_1, true, NF_DROP);
		put_name(r->in, f->bridge);
		put_name(r->out, f->bridge);
		policy_comment(r, f);
		last(m)->tag = f->network;
	}
	r = put(m, FW_CHAIN_STAGE_1, false, NFT_RETURN);
	snprintf(r->comment, sizeof(r->comment), "%s", EITHER_POLICY);
}

/* From others to this one. */
static void stage_2(struct making *m)
{
	struct xt_rule *r = put(m, FW_CHAIN_STAGE_2, true, NF_DROP);

	put_name(r->out, m->f->bridge);
	snprintf(r->comment, sizeof(r->comment), "%s", EITHER_POLICY);
	last(m)->tag = m->f->network;
	r = put(m, FW_CHAIN_STAGE_2, false, NFT_RETURN);
	snprintf(r->comment, sizeof(r->comment), "%s", EITHER_POLICY);
}

static void address(struct making *m, const struct ip *ip)
{
	struct xt_rule *r = put(m, FW_CHAIN_FORWARD, false, NF_ACCEPT);

	r->dst = *ip;
	r->dst.plen = ip_bits(ip);
	r->established = true;
	last(m)->own = true;
	last(m)->tag = m->f->comment;
	r = put(m, FW_CHAIN_FORWARD, false, NF_ACCEPT);
	r->src = *ip;
	r->src.plen = ip_bits(ip);
	last(m)->own = true;
	last(m)->tag = m->f->comment;
}

static bool has_family(const struct fw_forward *f, sa_family_t family)
{
	for (size_t i = 0; i < f->n_ips; i++)
		if (f->ips[i]->family == family)
			return true;
	return !f->n_ips;
}

/* The jump to isolation is made after the one that accepts: in front of it. */
static void family(struct making *m)
{
	const struct fw_forward *f = m->f;

	if (!f->policy_only) {
		jump(m, FORWARD, FW_CHAIN_FORWARD, RULES);
		jump(m, FW_CHAIN_FORWARD, f->admin, OVERRIDES);
	}
	if (f->bridge) {
		stage_1(m);
		stage_2(m);
		jump(m, FORWARD, FW_CHAIN_STAGE_1, EITHER_POLICY);
	}
	for (size_t i = 0; !f->policy_only && i < f->n_ips; i++)
		if (f->ips[i]->family == m->family)
			address(m, f->ips[i]);
}

struct fw_rules fw_rules_of(const struct fw_forward *f, struct arena *arena)
{
	struct making m = { .f = f, .arena = arena };

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		m.family = ip_families[i];
		if (has_family(f, m.family))
			family(&m);
	}
	return m.rules;
}

struct fw_rule fw_isolation_jump(sa_family_t family_of)
{
	struct fw_rule w = { .family = family_of, .chain = FORWARD, .first = true };

	w.rule.verdict = NFT_JUMP;
	snprintf(w.rule.target, sizeof(w.rule.target), "%s", FW_CHAIN_STAGE_1);
	snprintf(w.rule.comment, sizeof(w.rule.comment), "%s", EITHER_POLICY);
	return w;
}
