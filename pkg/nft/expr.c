/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are big-endian, values as they are in the packet. */
#include "nft/expr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

struct nlattr *nft_expr_begin(struct nl *nl, const char *name)
{
	nl_str(nl, NFTA_EXPR_NAME, name);
	return nl_nest_begin(nl, NFTA_EXPR_DATA);
}

void nft_payload(struct nl *nl, enum nft_payload_bases base, uint32_t offset, uint32_t len,
		 uint32_t reg)
{
	nft_expr(nl, "payload") {
		nft_be32(nl, NFTA_PAYLOAD_DREG, reg);
		nft_be32(nl, NFTA_PAYLOAD_BASE, base);
		nft_be32(nl, NFTA_PAYLOAD_OFFSET, offset);
		nft_be32(nl, NFTA_PAYLOAD_LEN, len);
	}
}

void nft_meta(struct nl *nl, enum nft_meta_keys key, uint32_t reg)
{
	nft_expr(nl, "meta") {
		nft_be32(nl, NFTA_META_DREG, reg);
		nft_be32(nl, NFTA_META_KEY, key);
	}
}

void nft_ct(struct nl *nl, enum nft_ct_keys key, uint32_t reg)
{
	nft_expr(nl, "ct") {
		nft_be32(nl, NFTA_CT_DREG, reg);
		nft_be32(nl, NFTA_CT_KEY, key);
	}
}

void nft_cmp(struct nl *nl, enum nft_cmp_ops op, uint32_t reg, const void *data, size_t len)
{
	nft_expr(nl, "cmp") {
		nft_be32(nl, NFTA_CMP_SREG, reg);
		nft_be32(nl, NFTA_CMP_OP, op);
		nl_nest(nl, NFTA_CMP_DATA) {
			nl_put(nl, NFTA_DATA_VALUE, data, len);
		}
	}
}

void nft_mask(struct nl *nl, uint32_t reg, const void *mask, size_t len)
{
	static const uint8_t none[16];

	nft_expr(nl, "bitwise") {
		nft_be32(nl, NFTA_BITWISE_SREG, reg);
		nft_be32(nl, NFTA_BITWISE_DREG, reg);
		nft_be32(nl, NFTA_BITWISE_LEN, (uint32_t)len);
		nl_nest(nl, NFTA_BITWISE_MASK) {
			nl_put(nl, NFTA_DATA_VALUE, mask, len);
		}
		nl_nest(nl, NFTA_BITWISE_XOR) {
			nl_put(nl, NFTA_DATA_VALUE, none, len);
		}
	}
}

/* nft_lookup, nft_map, nft_vmap are one expression: without, with a register, with the verdict. */
static void lookup(struct nl *nl, const char *set, uint32_t reg, const uint32_t *dreg)
{
	nft_expr(nl, "lookup") {
		nl_str(nl, NFTA_LOOKUP_SET, set);
		nft_be32(nl, NFTA_LOOKUP_SREG, reg);
		if (dreg)
			nft_be32(nl, NFTA_LOOKUP_DREG, *dreg);
	}
}

void nft_lookup(struct nl *nl, const char *set, uint32_t reg)
{
	lookup(nl, set, reg, NULL);
}

void nft_map(struct nl *nl, const char *map, uint32_t reg, uint32_t dreg)
{
	lookup(nl, map, reg, &dreg);
}

void nft_vmap(struct nl *nl, const char *map, uint32_t reg)
{
	nft_map(nl, map, reg, NFT_REG_VERDICT);
}

void nft_value(struct nl *nl, uint32_t reg, const void *data, size_t len)
{
	nft_expr(nl, "immediate") {
		nft_be32(nl, NFTA_IMMEDIATE_DREG, reg);
		nl_nest(nl, NFTA_IMMEDIATE_DATA) {
			nl_put(nl, NFTA_DATA_VALUE, data, len);
		}
	}
}

void nft_verdict(struct nl *nl, int32_t code, const char *chain)
{
	nft_expr(nl, "immediate") {
		nft_be32(nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		nft_put_verdict(nl, NFTA_IMMEDIATE_DATA, code, chain);
	}
}

uint8_t nft_nfproto(sa_family_t family)
{
	return family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

void nft_family(struct nl *nl, uint8_t family)
{
	nft_meta(nl, NFT_META_NFPROTO, NFT_R(0));
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &family, sizeof(family));
}

void nft_dst_local(struct nl *nl)
{
	uint32_t local = RTN_LOCAL; /* in host order: fib's registers are not packet data */

	nft_expr(nl, "fib") {
		nft_be32(nl, NFTA_FIB_DREG, NFT_R(0));
		nft_be32(nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		nft_be32(nl, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	}
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &local, sizeof(local));
}

static void ct_bits(struct nl *nl, enum nft_ct_keys key, uint32_t bits)
{
	uint32_t none = 0;

	nft_ct(nl, key, NFT_R(0));
	nft_mask(nl, NFT_R(0), &bits, sizeof(bits));
	nft_cmp(nl, NFT_CMP_NEQ, NFT_R(0), &none, sizeof(none));
}

void nft_ct_status(struct nl *nl, uint32_t bits)
{
	ct_bits(nl, NFT_CT_STATUS, bits);
}

void nft_ct_state(struct nl *nl, uint32_t bits)
{
	ct_bits(nl, NFT_CT_STATE, bits);
}

void nft_ct_reply(struct nl *nl)
{
	uint8_t reply = IP_CT_DIR_REPLY;

	nft_ct(nl, NFT_CT_DIRECTION, NFT_R(0));
	nft_cmp(nl, NFT_CMP_EQ, NFT_R(0), &reply, sizeof(reply));
}

void nft_masquerade(struct nl *nl)
{
	nft_expr(nl, "masq") {
	}
}

void nft_dnat(struct nl *nl, sa_family_t family, uint32_t address_reg, uint32_t port_reg)
{
	nft_expr(nl, "nat") {
		nft_be32(nl, NFTA_NAT_TYPE, NFT_NAT_DNAT);
		nft_be32(nl, NFTA_NAT_FAMILY, nft_nfproto(family));
		nft_be32(nl, NFTA_NAT_REG_ADDR_MIN, address_reg);
		nft_be32(nl, NFTA_NAT_REG_PROTO_MIN, port_reg);
	}
}

void nft_counter(struct nl *nl)
{
	nft_expr(nl, "counter") {
	}
}

static void address(struct nl *nl, sa_family_t family, bool destination, uint32_t reg)
{
	if (family == AF_INET)
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, destination ? 16 : 12, 4, reg);
	else
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, destination ? 24 : 8, 16, reg);
}

/* The header of IPv6 has no checksum of its own. */
static void set_address6(struct nl *nl, uint32_t offset, uint32_t reg)
{
	nft_expr(nl, "payload") {
		nft_be32(nl, NFTA_PAYLOAD_SREG, reg);
		nft_be32(nl, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
		nft_be32(nl, NFTA_PAYLOAD_OFFSET, offset);
		nft_be32(nl, NFTA_PAYLOAD_LEN, 16);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_OFFSET, 0);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
	}
}

void nft_saddr6_set(struct nl *nl, uint32_t reg)
{
	set_address6(nl, 8, reg);
}

void nft_daddr6_set(struct nl *nl, uint32_t reg)
{
	set_address6(nl, 24, reg);
}

void nft_saddr(struct nl *nl, sa_family_t family, uint32_t reg)
{
	address(nl, family, false, reg);
}

void nft_daddr(struct nl *nl, sa_family_t family, uint32_t reg)
{
	address(nl, family, true, reg);
}

void nft_cmp_prefix(struct nl *nl, const struct ip *net, enum nft_cmp_ops op)
{
	struct ip mask = { .family = net->family, .plen = net->plen }, base = ip_network(net);

	memset(mask.bytes, 0, sizeof(mask.bytes));
	mask = ip_broadcast(&mask); /* host bits set, */
	for (size_t i = 0; i < sizeof(mask.bytes); i++)
		mask.bytes[i] = (uint8_t)~mask.bytes[i]; /* which is the mask turned round */
	if (net->plen < ip_bits(net))
		nft_mask(nl, NFT_R(0), mask.bytes, ip_len(net));
	nft_cmp(nl, op, NFT_R(0), base.bytes, ip_len(net));
}

void nft_saddr_in(struct nl *nl, const struct ip *net)
{
	nft_saddr(nl, net->family, NFT_R(0));
	nft_cmp_prefix(nl, net, NFT_CMP_EQ);
}

void nft_daddr_in(struct nl *nl, const struct ip *net, enum nft_cmp_ops op)
{
	nft_daddr(nl, net->family, NFT_R(0));
	nft_cmp_prefix(nl, net, op);
}
