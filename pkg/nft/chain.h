/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h - chains of other programs: what iptables-nft keeps in the tables "nat" and "filter" of
 * the families ip and ip6, and what the reference plugins make with nft(8). Counts the jumps to a
 * chain, and removes both without executing a program. Legacy iptables is elsewhere in the kernel
 * and not seen here.
 */
#pragma once

#include "nft/rule.h"

extern const struct nft_table nft_ipt_nat[2], nft_ipt_filter[2]; /* IPv4, IPv6 */

/* Which of the two a family's are. */
static inline int nft_ipt_index(sa_family_t family)
{
	return family == AF_INET6;
}

/* How many rules of `from` jump or go to `to`. */
int nft_count_jumps(struct nl *nl, const struct nft_table *t, const char *from, const char *to,
		    struct arena *arena, size_t *n) NODISCARD;

/*
 * Are these the chain's rules: as many, and each leads where it is said (NULL: to no chain)? For a
 * base that others make as well, which is then not made anew: what a transaction deletes is freed
 * behind a grace period, and so is what it says of a chain that is there already.
 */
bool nft_chain_leads(const struct nft_rule_list *rules, const char *chain, const char *const *to,
		     size_t n);

/*
 * The chain, and all rules of the chains named in `from` that lead to it, go in one transaction. A
 * chain that is not there is success. `with` names another chain to go with it, which only it leads
 * to; may be NULL.
 */
struct nft_chain_removal {
	const char *chain, *with;
	const char *const *from; /* NULL-terminated */
};
int nft_chain_remove(struct nl *nl, const struct nft_table *t, const struct nft_chain_removal *d,
		     struct arena *arena) NODISCARD;
