/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_compat.h"

#include <string.h>

#include "netfilter/masq_nft.h"
#include "nft/chain.h"
#include "nft/expr.h"

static const struct nft_table table = { NFPROTO_INET, "cni_plugins_masquerade" };
static const char checks[] = "masq_checks", postrouting[] = "postrouting";

/* The rules of the postrouting chain lead there, after one for each range of multicast. */
static const char *const leads_to[] = { NULL, NULL, checks };

_Static_assert(ARRAY_SIZE(leads_to) == ARRAY_SIZE(ip_multicast) + 1, "one each");

/* The reference makes its three rules anew at every ADD; here only where they are not. */
static void put_base(struct nl *nl)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC };

	nft_table_add(nl, &table, "Masquerading for CNI plugins");
	nft_chain_add(nl, &table, checks, NULL);
	nft_chain_renew(nl, &table, postrouting, &hook);
	for (size_t i = 0; i < ARRAY_SIZE(ip_multicast); i++)
		masq_nft_return(nl, &table, postrouting, &ip_multicast[i]);
	nft_rule(nl, &table, postrouting, NULL) {
		nft_verdict(nl, NFT_GOTO, checks);
	}
}

/* ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16 masquerade */
static void put_rule(struct nl *nl, const struct ip *ip, const char *comment)
{
	struct ip host = ip_host(ip);

	nft_rule(nl, &table, checks, comment) {
		nft_family(nl, nft_nfproto(ip->family));
		nft_saddr_in(nl, &host);
		nft_daddr_in(nl, ip, NFT_CMP_NEQ);
		nft_masquerade(nl);
	}
}

/* Instead of the attachment's rules these are there afterwards. */
static int set(struct cni_call *c, const struct cni_result *r)
{
	const struct instance *o = masq_instance(c);
	struct nft_rule_list rules;
	struct nl *nl = c->nft;

	for (int tries = 0;;) {
		if (nft_rules(nl, &table, NULL, &rules, c->arena) < 0)
			return -1;
		nft_begin(nl, r->n_ips + rules.n, c->arena);
		if (!nft_chain_leads(&rules, postrouting, leads_to, ARRAY_SIZE(leads_to)))
			put_base(nl);
		for (size_t i = 0; i < rules.n; i++)
			if (!strcmp(rules.list[i].chain, checks) &&
			    instance_has_comment(o, rules.list[i].comment))
				nft_rule_del(nl, &table, checks, rules.list[i].handle);
		for (size_t i = 0; i < r->n_ips; i++)
			put_rule(nl, &r->ips[i].address, o->comment);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

/* Rules that nothing leads to count as gone. */
static int check(struct cni_call *c)
{
	const struct instance *o = masq_instance(c);
	struct nft_rule_list rules;
	size_t jumps, n = 0;

	if (nft_count_jumps(c->nft, &table, postrouting, checks, c->arena, &jumps) < 0 ||
	    nft_rules(c->nft, &table, checks, &rules, c->arena) < 0)
		return -1;
	for (size_t i = 0; jumps && i < rules.n; i++)
		n += instance_has_comment(o, rules.list[i].comment);
	return n >= c->req->prev->n_ips ? 0 : err_set(c->err, ERR_CHECK, "rules are gone");
}

struct filter {
	nft_stale stale;
	void *data;
};

static bool is_stale(const struct nft_rule_info *rule, void *data)
{
	const struct filter *f = data;

	return f->stale(rule->comment, f->data);
}

static int gc(struct cni_call *c, nft_stale stale, void *data)
{
	struct filter f = { stale, data };

	return nft_rules_del(c->nft, &table, checks, is_stale, &f, c->arena);
}

static int del(struct cni_call *c, const struct cni_result *r)
{
	(void)r; /* its rules have the comment */
	return gc(c, instance_match_this, masq_instance(c));
}

const struct masq_backend masq_compat = { "nftables", check, set, del, gc };
