/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq_compat.h"

#include <string.h>

#include "nft/chain.h"

#define PRIORITY_SRCNAT 100

static const struct nft_table table = { NFPROTO_INET, "cni_plugins_masquerade" };
static const char checks[] = "masq_checks", postrouting[] = "postrouting";

static const struct ip multicast[] = {
	{ .family = AF_INET, .plen = 4, .bytes = { 224 } },
	{ .family = AF_INET6, .plen = 8, .bytes = { 0xff } },
};

struct found_rules {
	const struct nft_comment_filter *filter;
	struct arena *arena; /* NULL: only count */
	uint64_t *handles;
	size_t n;
};

static void see(const struct nft_rule_info *rule, void *data)
{
	struct found_rules *f = data;

	if (!f->filter->is(rule->comment, f->filter->data))
		return;
	if (f->arena)
		*arena_append(f->arena, f->handles, f->n) = rule->handle;
	else
		f->n++;
}

static void reset(void *data)
{
	struct found_rules *f = data;

	f->n = 0;
}

/* As the reference does at every ADD: its three rules anew. */
static void put_base(struct nl *nl)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, PRIORITY_SRCNAT };

	nft_table_add(nl, &table, "Masquerading for CNI plugins");
	nft_chain_add(nl, &table, checks, NULL);
	nft_chain_add(nl, &table, postrouting, &hook);
	nft_chain_flush(nl, &table, postrouting);
	for (size_t i = 0; i < ARRAY_SIZE(multicast); i++) {
		nft_rule(nl, &table, postrouting, NULL) {
			nft_family(nl, nft_nfproto(multicast[i].family));
			nft_daddr_in(nl, &multicast[i], NFT_CMP_EQ);
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

static void put_deletions(struct nl *nl, const struct found_rules *f)
{
	for (size_t i = 0; i < f->n; i++)
		nft_rule_del(nl, &table, checks, f->handles[i]);
}

int masq_compat_set(struct nl *nl, const struct ip *const *ips, size_t n, const char *comment,
		    const struct nft_comment_filter *filter, struct arena *arena)
{
	for (int tries = 0;;) {
		struct found_rules f = { .filter = filter, .arena = arena };

		if (nft_rules(nl, &table, checks, see, reset, &f) < 0)
			return -1;
		nft_begin(nl, n + f.n, arena);
		put_base(nl);
		put_deletions(nl, &f);
		for (size_t i = 0; i < n; i++)
			put_rule(nl, ips[i], comment);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int masq_compat_del(struct nl *nl, const struct nft_comment_filter *w, struct arena *arena)
{
	for (int tries = 0;;) {
		struct found_rules f = { .filter = w, .arena = arena };

		if (nft_rules(nl, &table, checks, see, reset, &f) < 0)
			return -1;
		nft_begin(nl, f.n, arena);
		put_deletions(nl, &f);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int masq_compat_count(struct nl *nl, const struct nft_comment_filter *w, size_t *n)
{
	struct found_rules f = { .filter = w };
	size_t jumps;

	*n = 0;
	if (nft_count_jumps(nl, &table, postrouting, checks, NULL, &jumps) < 0)
		return -1;
	if (!jumps)
		return 0;
	if (nft_rules(nl, &table, checks, see, reset, &f) < 0)
		return -1;
	*n = f.n;
	return 0;
}
