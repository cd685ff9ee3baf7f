/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_compat.h - masquerading as the reference's nftables backend does it, for configurations that
 * ask for that backend and for nodes that change over: table inet cni_plugins_masquerade, a rule
 * per address in chain masq_checks with the owner as comment. Costs more the more rules there are.
 */
#ifndef CNIC_NETFILTER_MASQ_COMPAT_H
#define CNIC_NETFILTER_MASQ_COMPAT_H

#include "nft/nft.h"

/* Whose rules are meant, by their comments. */
struct nft_comment_filter {
	bool (*is)(const char *comment, void *data);
	void *data;
};

/* The owner's rules are these afterwards. */
int masq_compat_set(struct nl *nl, const struct ip *const *ips, size_t n, const char *comment,
		    const struct nft_comment_filter *filter, struct arena *arena) NODISCARD;
int masq_compat_del(struct nl *nl, const struct nft_comment_filter *w,
		    struct arena *arena) NODISCARD;

/* How many rules they have; 0 as well if nothing leads to the rules. */
int masq_compat_count(struct nl *nl, const struct nft_comment_filter *w, size_t *n) NODISCARD;

#endif
