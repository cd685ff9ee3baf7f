/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof_nft.h"

#include <string.h>

#include "net/mac.h"
#include "nft/expr.h"

/* Of uapi/netfilter_bridge.h and uapi/if_ether.h, which no two C libraries get on with. */
enum { NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED = -300 };
enum { SOURCE_AT = 6 }; /* of ethhdr's h_source */

/* A name fills four registers of 4 bytes; the address behind it begins at the fifth. */
#define AFTER_NAME IFNAMSIZ

static const struct nft_set ports = { "ports", NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0 };
static const struct nft_set allowed = { "allowed", NFT_TYPE_2(NFT_TYPE_IFNAME, NFT_TYPE_ETHER),
					AFTER_NAME + 8, 0, 0 };

static void build(struct nl *nl, const struct nft_table *t)
{
	static const char chain[] = "prerouting";
	static const struct nft_hook hook = { "filter", NF_BR_PRE_ROUTING,
					      NF_BR_PRI_NAT_DST_BRIDGED };

	nft_table_add(nl, t, "cnic: frames with a foreign source address");
	nft_set_add(nl, t, &ports);
	nft_set_add(nl, t, &allowed);
	nft_chain_renew(nl, t, chain, &hook);
	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_payload(nl, NFT_PAYLOAD_LL_HEADER, SOURCE_AT, MAC_LEN, NFT_R(AFTER_NAME / 4));
		nft_lookup(nl, allowed.name, NFT_R(0));
		nft_verdict(nl, NFT_RETURN, NULL);
	}
	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(nl, ports.name, NFT_R(0));
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static const char *const sets[] = { "allowed", "ports", NULL };

const struct nft_table_def spoof_nft_table = {
	.table = { NFPROTO_BRIDGE, "cnic_macspoof" },
	.build = build,
	.sets = sets,
};

struct nft_elems spoof_nft_elems(const char port[IFNAMSIZ], const uint8_t mac[6],
				 const char *comment, struct arena *arena)
{
	struct nft_elems c = { .table = &spoof_nft_table, .comment = comment, .n_elems = 2 };
	struct nft_elem *e = arena_array(arena, struct nft_elem, 2);

	c.elems = e;
	e[0] = (struct nft_elem){ .set = allowed.name, .key_len = (uint8_t)allowed.key_len };
	e[1] = (struct nft_elem){ .set = ports.name, .key_len = (uint8_t)ports.key_len };
	e[0].label = e[1].label = arena_printf(arena, "MAC address check of port %s", port);
	memcpy(e[0].key, port, strnlen(port, IFNAMSIZ - 1));
	memcpy(e[0].key + AFTER_NAME, mac, MAC_LEN);
	memcpy(e[1].key, port, strnlen(port, IFNAMSIZ - 1));
	return c;
}
