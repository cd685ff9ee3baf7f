/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_nft.h - masquerading, in a table of our own:
 *
 *	table inet cnic_masquerade {
 *		map v4 { type ipv4_addr : verdict; elements = { 10.1.0.2 : goto to_10.1.0.0/16 } }
 *		map v6 { type ipv6_addr : verdict }
 *		chain postrouting {
 *			type nat hook postrouting priority srcnat; policy accept;
 *			ip daddr 224.0.0.0/4 return
 *			ip6 daddr ff00::/8 return
 *			ip saddr vmap @v4
 *			ip6 saddr vmap @v6
 *		}
 *		chain to_10.1.0.0/16 {
 *			ip daddr 10.1.0.0/16 return
 *			masquerade
 *		}
 *	}
 */
#pragma once

#include "netfilter/masq.h"

extern const struct masq_backend masq_nft;
extern const struct nft_table_def masq_nft_table;

/* A result's addresses are masqueraded outside their subnet, by their prefix length. */
struct nft_elems masq_nft_elems(const struct cni_result *r, const char *comment,
				struct arena *arena);

/* The rule "ip daddr 10.1.0.0/16 return". */
void masq_nft_return(struct nl *nl, const struct nft_table *t, const char *chain,
		     const struct ip *net);
