/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_compat.h - masquerading as the reference's nftables backend does it, for configurations that
 * ask for that backend and for nodes that change over: table inet cni_plugins_masquerade, a rule
 * per address in chain masq_checks with the attachment as comment. Costs more the more rules there
 * are.
 */
#pragma once

#include "nft/nft.h"

/* Which rules are meant, by their comments. */
struct nft_comment_filter {
	bool (*is)(const char *comment, void *data);
	void *data;
};

/* Instead of the rules that the filter lets through these are there afterwards. */
int masq_compat_set(struct nl *nl, const struct ip *const *ips, size_t n, const char *comment,
		    struct nft_comment_filter *filter, struct arena *arena) NODISCARD;
int masq_compat_del(struct nl *nl, struct nft_comment_filter *filter,
		    struct arena *arena) NODISCARD;

/* How many there are; 0 as well if nothing leads to them. */
int masq_compat_count(struct nl *nl, struct nft_comment_filter *filter, struct arena *arena,
		      size_t *n) NODISCARD;
