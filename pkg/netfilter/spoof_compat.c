/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof_compat.h"

#include <string.h>

#include "net/mac.h"
#include "nft/chain.h"
#include "nft/expr.h"
#include "nft/list.h"
#include "nft/rule.h"

static const struct nft_table table = { NFPROTO_BRIDGE, "nat" };
static const char PREROUTING[] = "PREROUTING";

struct spoof_compat spoof_compat_of(const char *container_id, const char *ifname,
				    struct arena *arena)
{
	const char *id = arena_printf(arena, "%s-%s", container_id, ifname);

	return (struct spoof_compat){
		.chain = arena_printf(arena, "cni-br-iface-%s", id),
		.mac_chain = arena_printf(arena, "cni-br-iface-%s-mac", id),
		.comment = arena_printf(arena, "macspoofchk-%s", id),
	};
}

static bool is_possible(const struct spoof_compat *r)
{
	return strlen(r->mac_chain) < NFT_NAME_MAXLEN;
}

/* A rule as it should be: what it compares, if anything, and its verdict. */
struct wanted {
	const char *chain;
	const void *value;
	size_t len;
	int32_t verdict;
	const char *to;
};

#define RULES 4

static void wanted_of(const struct spoof_compat *r, struct wanted wanted[RULES])
{
	wanted[0] = (struct wanted){ PREROUTING, r->port, IFNAMSIZ, NFT_JUMP, r->chain };
	wanted[1] = (struct wanted){ r->chain, NULL, 0, NFT_JUMP, r->mac_chain };
	wanted[2] = (struct wanted){ r->mac_chain, r->mac, MAC_LEN, NFT_RETURN, NULL };
	wanted[3] = (struct wanted){ r->mac_chain, NULL, 0, NF_DROP, NULL };
}

/* ---- listing --------------------------------------------------------------------------------- */

static bool is_wanted(const struct nft_rule_info *rule, const struct wanted *w)
{
	bool compares = false, equal = false, decides = false;

	for (size_t i = 0; i < rule->n; i++) {
		const struct nft_stmt *s = &rule->stmts[i];

		if (s->kind == NFT_STMT_MATCH) {
			compares = true;
			equal |= w->value && s->len >= w->len && !memcmp(s->data, w->value, w->len);
		}
		if (s->kind == NFT_STMT_VERDICT)
			decides = s->verdict == w->verdict &&
				  (!w->to || (s->name && !strcmp(s->name, w->to)));
	}
	return !strcmp(rule->chain, w->chain) && decides && equal == compares &&
	       compares == !!w->value;
}

static bool has_rule(const struct nft_rule_list *rules, const struct wanted *w)
{
	for (size_t i = 0; i < rules->n; i++)
		if (is_wanted(&rules->list[i], w))
			return true;
	return false;
}

int spoof_compat_has(struct nl *nl, const struct spoof_compat *r, struct arena *arena, bool *has)
{
	struct wanted wanted[RULES];
	struct nft_rule_list rules;

	wanted_of(r, wanted);
	*has = is_possible(r);
	for (size_t i = 0; *has && i < RULES; i++) {
		if (nft_rules(nl, &table, wanted[i].chain, &rules, arena) < 0)
			return -1;
		*has = has_rule(&rules, &wanted[i]);
	}
	return 0;
}

/* ---- making and removing --------------------------------------------------------------------- */

int spoof_compat_del(struct nl *nl, const struct spoof_compat *r, struct arena *arena)
{
	static const char *const from[] = { PREROUTING, NULL };
	const struct nft_chain_removal d = { .chain = r->chain,
					     .with = r->mac_chain,
					     .from = from };

	return is_possible(r) ? nft_chain_remove(nl, &table, &d, arena) : 0;
}

static void put_rules(struct nl *nl, const struct spoof_compat *r, bool has_prerouting)
{
	/* Of uapi/netfilter_bridge.h, see spoof.c. */
	static const struct nft_hook hook = { "filter", 0, -300 };
	struct wanted wanted[RULES];

	nft_table_add(nl, &table, NULL);
	if (!has_prerouting)
		nft_chain_add(nl, &table, PREROUTING, &hook);
	nft_chain_add(nl, &table, r->chain, NULL);
	nft_chain_add(nl, &table, r->mac_chain, NULL);
	wanted_of(r, wanted);
	for (const struct wanted *w = wanted; w < wanted + RULES; w++) {
		nft_rule(nl, &table, w->chain, r->comment) {
			if (w->value == r->port)
				nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
			if (w->value == r->mac)
				nft_payload(nl, NFT_PAYLOAD_LL_HEADER, MAC_LEN, MAC_LEN, NFT_R(0));
			if (w->value)
				nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), w->value, w->len);
			nft_verdict(nl, w->verdict, w->to);
		}
	}
}

int spoof_compat_set(struct nl *nl, const struct spoof_compat *r, struct arena *arena)
{
	bool has, has_prerouting;

	if (!is_possible(r))
		return err_config(nl->err,
				  "the container's id is too long for the reference's chains");
	if (spoof_compat_has(nl, r, arena, &has) < 0)
		return -1;
	if (has)
		return 0;
	for (int tries = 0;;) {
		if (spoof_compat_del(nl, r, arena) < 0 ||
		    nft_has_chain(nl, &table, PREROUTING, &has_prerouting) < 0)
			return -1;
		nft_begin(nl, 0, arena);
		put_rules(nl, r, has_prerouting);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}
