/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof_compat.h"

#include <string.h>

#include "base/str.h"
#include "net/mac.h"
#include "nft/chain.h"

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

/* ---- looking --------------------------------------------------------------------------------- */

/* A rule as it should be: what it compares, if anything, and its verdict. */
struct wanted {
	const char *chain;
	const void *value;
	size_t len;
	int32_t verdict;
	const char *to;
	bool found;
};

struct reading {
	const struct wanted *w;
	bool compares, equal, decides;
};

static int value_attr(const struct nlattr *attr, void *data)
{
	struct reading *r = data;
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE && r->w->value && len >= r->w->len &&
	    !memcmp(mnl_attr_get_payload(attr), r->w->value, r->w->len))
		r->equal = true;
	return MNL_CB_OK;
}

static int cmp_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_CMP_DATA)
		(void)mnl_attr_parse_nested(attr, value_attr, data);
	return MNL_CB_OK;
}

static void on_expr(const char *name, const struct nlattr *data, void *arg)
{
	struct reading *r = arg;
	const char *to;
	int32_t verdict;

	if (!strcmp(name, "cmp")) {
		r->compares = true;
		(void)mnl_attr_parse_nested(data, cmp_attr, r);
	}
	if (!strcmp(name, "immediate") && nft_verdict_of(data, &verdict, &to))
		r->decides =
			verdict == r->w->verdict && (!r->w->to || (to && !strcmp(to, r->w->to)));
}

static void see(const struct nft_rule_info *rule, void *data)
{
	struct wanted *w = data;
	struct reading r = { .w = w };

	nft_expressions(rule, on_expr, &r);
	w->found |= r.decides && r.equal == r.compares && r.compares == !!w->value;
}

static void reset(void *data)
{
	struct wanted *w = data;

	w->found = false;
}

int spoof_compat_has(struct nl *nl, const struct spoof_compat *r, bool *has)
{
	struct wanted rules[] = {
		{ PREROUTING, r->port, strlen(r->port) + 1, NFT_JUMP, r->chain, false },
		{ r->chain, NULL, 0, NFT_JUMP, r->mac_chain, false },
		{ r->mac_chain, r->mac, MAC_LEN, NFT_RETURN, NULL, false },
		{ r->mac_chain, NULL, 0, NF_DROP, NULL, false },
	};

	*has = is_possible(r);
	for (size_t i = 0; *has && i < ARRAY_SIZE(rules); i++) {
		if (nft_rules(nl, &table, rules[i].chain, see, reset, &rules[i]) < 0)
			return -1;
		*has = rules[i].found;
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

static void put_rules(struct nl *nl, const struct spoof_compat *r)
{
	/* Of uapi/netfilter_bridge.h, see spoof.c. */
	static const struct nft_hook hook = { "filter", 0, -300 };
	const char *const chains[] = { r->chain, r->mac_chain };

	nft_table_add(nl, &table, NULL);
	nft_chain_add(nl, &table, PREROUTING, &hook);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_add(nl, &table, chains[i], NULL);
	nft_rule(nl, &table, PREROUTING, r->comment) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), r->port, IFNAMSIZ);
		nft_verdict(nl, NFT_JUMP, r->chain);
	}
	nft_rule(nl, &table, r->chain, r->comment) {
		nft_verdict(nl, NFT_JUMP, r->mac_chain);
	}
	nft_rule(nl, &table, r->mac_chain, r->comment) {
		nft_payload(nl, NFT_PAYLOAD_LL_HEADER, MAC_LEN, MAC_LEN, NFT_R(0));
		nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), r->mac, MAC_LEN);
		nft_verdict(nl, NFT_RETURN, NULL);
	}
	nft_rule(nl, &table, r->mac_chain, r->comment) {
		nft_verdict(nl, NF_DROP, NULL);
	}
}

int nft_refspoof_set(struct nl *nl, const struct spoof_compat *r, struct arena *arena)
{
	bool has;

	if (!is_possible(r))
		return err_set(nl->err, ERR_CONFIG,
			       "the container's id is too long for the reference's chains");
	if (spoof_compat_has(nl, r, &has) < 0)
		return -1;
	if (has)
		return 0;
	if (spoof_compat_del(nl, r, arena) < 0)
		return -1;
	nft_begin(nl, 0, arena);
	put_rules(nl, r);
	return nft_commit(nl);
}
