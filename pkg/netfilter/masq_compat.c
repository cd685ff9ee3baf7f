/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_compat.h"

#include "nft/chain.h"
#include "nft/expr.h"
#include "nft/rule.h"

static const struct nft_table table = { NFPROTO_INET, "cni_plugins_masquerade" };
static const char checks[] = "masq_checks", postrouting[] = "postrouting";

static bool is_wanted(const struct nft_rule_info *rule, void *data)
{
	const struct nft_comment_filter *filter = data;

	return filter->is(rule->comment, filter->data);
}

/* As the reference does at every ADD: its three rules anew. */
static void put_base(struct nl *nl)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_table_add(nl, &table, "Masquerading for CNI plugins");
	nft_chain_add(nl, &table, checks, NULL);
	nft_chain_renew(nl, &table, postrouting, &hook);
	for (size_t i = 0; i < ARRAY_SIZE(ip_multicast); i++) {
		nft_rule(nl, &table, postrouting, NULL) {
			nft_family(nl, nft_nfproto(ip_multicast[i].family));
			nft_daddr_in(nl, &ip_multicast[i], NFT_CMP_EQ);
			nft_verdict(nl, NFT_RETURN, NULL);
		}
	}
	nft_rule(nl, &table, postrouting, NULL) {
		nft_verdict(nl, NFT_GOTO, checks);
	}
}

/* ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16 masquerade */
static void put_rule(struct nl *nl, const struct ip *ip, const char *comment)
{
	struct ip host = *ip;

	host.plen = ip_bits(ip);
	nft_rule(nl, &table, checks, comment) {
		nft_family(nl, nft_nfproto(ip->family));
		nft_saddr_in(nl, &host);
		nft_daddr_in(nl, ip, NFT_CMP_NEQ);
		nft_masquerade(nl);
	}
}

int masq_compat_set(struct nl *nl, const struct ip *const *ips, size_t n, const char *comment,
		    struct nft_comment_filter *filter, struct arena *arena)
{
	struct nft_rule_list rules;

	for (int tries = 0;;) {
		if (nft_rules(nl, &table, checks, &rules, arena) < 0)
			return -1;
		nft_rules_keep(&rules, is_wanted, filter);
		nft_begin(nl, n + rules.n, arena);
		put_base(nl);
		for (size_t i = 0; i < rules.n; i++)
			nft_rule_del(nl, &table, checks, rules.list[i].handle);
		for (size_t i = 0; i < n; i++)
			put_rule(nl, ips[i], comment);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int masq_compat_del(struct nl *nl, struct nft_comment_filter *filter, struct arena *arena)
{
	return nft_rules_del(nl, &table, checks, is_wanted, filter, arena);
}

int masq_compat_count(struct nl *nl, struct nft_comment_filter *filter, struct arena *arena,
		      size_t *n)
{
	struct nft_rule_list rules;
	size_t jumps;

	*n = 0;
	if (nft_count_jumps(nl, &table, postrouting, checks, arena, &jumps) < 0)
		return -1;
	if (!jumps)
		return 0;
	if (nft_rules(nl, &table, checks, &rules, arena) < 0)
		return -1;
	nft_rules_keep(&rules, is_wanted, filter);
	*n = rules.n;
	return 0;
}
