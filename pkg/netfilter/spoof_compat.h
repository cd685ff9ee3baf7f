/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spoof_compat.h - macspoofchk as the reference has it, for nodes that change over:
 *
 *	table bridge nat {
 *		chain PREROUTING {
 *			type filter hook prerouting priority dstnat; policy accept;
 *			iifname "veth1" jump cni-br-iface-ID-eth0
 *		}
 *		chain cni-br-iface-ID-eth0 { jump cni-br-iface-ID-eth0-mac }
 *		chain cni-br-iface-ID-eth0-mac {
 *			ether saddr 0a:00:00:00:00:01 return
 *			drop
 *		}
 *	}
 *
 * with the comment macspoofchk-ID-eth0 at each rule.
 */
#pragma once

#include <net/if.h>

#include "nft/nft.h"

/* One port's. A chain's name that is too long is one that the reference could not make either. */
struct spoof_compat {
	const char *chain, *mac_chain, *comment;
	char port[IFNAMSIZ];
	uint8_t mac[6];
};

/* The names of the chains, of the attachment. */
struct spoof_compat spoof_compat_of(const char *container_id, const char *ifname,
				    struct arena *arena);

/* Is each rule there, with this port and this MAC address? */
int spoof_compat_has(struct nl *nl, const struct spoof_compat *r, struct arena *arena,
		     bool *has) NODISCARD;

/* They are there afterwards, once. */
int spoof_compat_set(struct nl *nl, const struct spoof_compat *r, struct arena *arena) NODISCARD;

int spoof_compat_del(struct nl *nl, const struct spoof_compat *r, struct arena *arena) NODISCARD;
