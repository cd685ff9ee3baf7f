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

#include "nft/table.h"

extern const struct nft_table_def masq_nft_table;

/* These addresses, each with its subnet's prefix length, are masqueraded outside their subnet. */
struct nft_elems masq_nft_elems(const struct ip *const *ips, size_t n, const char *comment,
				struct arena *arena);
