/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xt_rule.h - rules as iptables-nft 1.8 writes, lists and compares them, of the kinds that
 * forwarding needs. Comment and conntrack are matches of xtables inside nf_tables (uapi
 * linux/netfilter/xt_comment.h, xt_conntrack.h). Knows one rule at a time, and no chain's meaning.
 */
#pragma once

#include "nft/rule.h"

struct xt_rule {
	struct ip src, dst;   /* AF_UNSPEC: any */
	const char *in, *out; /* NULL: any */
	bool not_out;
	bool established; /* -m conntrack --ctstate RELATED,ESTABLISHED */
	const char *comment;
	int32_t verdict;    /* NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP */
	const char *target; /* of NFT_JUMP */
};

/* Appended, or in front; with a tag (nft.h) unless it is NULL. */
void xt_rule_put(struct nl *nl, const struct nft_table *t, const char *chain, bool first,
		 const struct xt_rule *r, const char *tag);

/*
 * Of an IPv4 or IPv6 table; its texts are the listed rule's. False: it has something that this does
 * not know.
 */
bool xt_rule_read(const struct nft_rule_info *rule, uint8_t family, struct xt_rule *r);

bool xt_rule_equal(const struct xt_rule *a, const struct xt_rule *b);

/* As iptables-save prints it behind "-A CHAIN ". */
const char *xt_rule_save(const struct xt_rule *r, struct arena *arena);
