/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_rules.h"

#include <stdio.h>
#include <string.h>

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

static struct xt_rule *put(struct making *m, const char *chain, bool first, int32_t verdict,
			   const char *comment, const char *tag)
{
	struct fw_rule *w = arena_append(m->arena, m->rules.list, m->rules.n);

	*w = (struct fw_rule){ .family = m->family, .chain = chain, .first = first, .tag = tag };
	w->is_attachments = tag && tag == m->f->comment;
	w->rule.verdict = verdict;
	snprintf(w->rule.comment, sizeof(w->rule.comment), "%s", comment);
	return &w->rule;
}

static void jump(struct making *m, const char *chain, const char *target, const char *comment)
{
	struct xt_rule *r = put(m, chain, true, NFT_JUMP, comment, NULL);

	snprintf(r->target, sizeof(r->target), "%s", target);
}

static void put_name(char out[IFNAMSIZ], const char *name)
{
	snprintf(out, IFNAMSIZ, "%s", name);
}

/* From this bridge to others, and between its own ports. */
static void stage_1(struct making *m)
{
	const char *bridge = m->f->bridge, *network = m->f->network;
	const char *comment = m->f->isolated ? RULES " (ingressPolicy: isolated)"
					     : RULES " (ingressPolicy: same-bridge)";
	struct xt_rule *r = put(m, FW_CHAIN_STAGE_1, true, NFT_JUMP, comment, network);

	put_name(r->in, bridge);
	put_name(r->out, bridge);
	r->not_out = true;
	snprintf(r->target, sizeof(r->target), "%s", FW_CHAIN_STAGE_2);
	if (m->f->isolated) {
		r = put(m, FW_CHAIN_STAGE_1, true, NF_DROP, comment, network);
		put_name(r->in, bridge);
		put_name(r->out, bridge);
	}
	put(m, FW_CHAIN_STAGE_1, false, NFT_RETURN, EITHER_POLICY, NULL);
}

/* From others to this one. */
static void stage_2(struct making *m)
{
	struct xt_rule *r = put(m, FW_CHAIN_STAGE_2, true, NF_DROP, EITHER_POLICY, m->f->network);

	put_name(r->out, m->f->bridge);
	put(m, FW_CHAIN_STAGE_2, false, NFT_RETURN, EITHER_POLICY, NULL);
}

static void address(struct making *m, const struct ip *ip)
{
	struct xt_rule *r = put(m, FW_CHAIN_FORWARD, false, NF_ACCEPT, "", m->f->comment);

	r->dst = *ip;
	r->dst.plen = ip_bits(ip);
	r->established = true;
	r = put(m, FW_CHAIN_FORWARD, false, NF_ACCEPT, "", m->f->comment);
	r->src = *ip;
	r->src.plen = ip_bits(ip);
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
