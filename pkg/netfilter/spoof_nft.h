/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spoof_nft.h - frames of a bridge's port that have another source than the container's MAC
 * address, in a table of our own:
 *
 *	table bridge cnic_macspoof {
 *		set ports { type ifname; elements = { "veth1" } }
 *		set allowed { type ifname . ether_addr; elements = { "veth1" . 0a:00:00:00:00:01 } }
 *		chain prerouting {
 *			type filter hook prerouting priority dstnat; policy accept;
 *			iifname . ether saddr @allowed return
 *			iifname @ports drop
 *		}
 *	}
 */
#pragma once

#include <net/if.h>

#include "nft/table.h"

extern const struct nft_table_def spoof_nft_table;

struct nft_elems spoof_nft_elems(const char port[IFNAMSIZ], const uint8_t mac[6],
				 const char *comment, struct arena *arena);
