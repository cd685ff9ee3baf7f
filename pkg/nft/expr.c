/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are big-endian, values as they are in the packet. */
#include "nft/expr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/rtnetlink.h>

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

static void ct(struct nl *nl, enum nft_ct_keys key, uint32_t reg)
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
		nft_put_data(nl, NFTA_CMP_DATA, data, len);
	}
}

/* reg &= mask */
static void put_mask(struct nl *nl, uint32_t reg, const void *mask, size_t len)
{
	static const uint8_t none[16];

	nft_expr(nl, "bitwise") {
		nft_be32(nl, NFTA_BITWISE_SREG, reg);
		nft_be32(nl, NFTA_BITWISE_DREG, reg);
		nft_be32(nl, NFTA_BITWISE_LEN, (uint32_t)len);
		nft_put_data(nl, NFTA_BITWISE_MASK, mask, len);
		nft_put_data(nl, NFTA_BITWISE_XOR, none, len);
	}
}

void nft_map(struct nl *nl, const char *map, uint32_t reg, uint32_t dreg)
{
	nft_expr(nl, "lookup") {
		nl_str(nl, NFTA_LOOKUP_SET, map);
		nft_be32(nl, NFTA_LOOKUP_SREG, reg);
		if (dreg != NFT_R_NONE)
			nft_be32(nl, NFTA_LOOKUP_DREG, dreg);
	}
}

void nft_value(struct nl *nl, uint32_t reg, const void *data, size_t len)
{
	nft_expr(nl, "immediate") {
		nft_be32(nl, NFTA_IMMEDIATE_DREG, reg);
		nft_put_data(nl, NFTA_IMMEDIATE_DATA, data, len);
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

void nft_ct_bits(struct nl *nl, enum nft_ct_keys key, uint32_t bits)
{
	uint32_t none = 0;

	ct(nl, key, NFT_R(0));
	put_mask(nl, NFT_R(0), &bits, sizeof(bits));
	nft_cmp(nl, NFT_CMP_NEQ, NFT_R(0), &none, sizeof(none));
}

void nft_ct_reply(struct nl *nl)
{
	uint8_t reply = IP_CT_DIR_REPLY;

	ct(nl, NFT_CT_DIRECTION, NFT_R(0));
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

void nft_elem_learn(struct nl *nl, const char *set, uint32_t reg)
{
	nft_expr(nl, "dynset") {
		nl_str(nl, NFTA_DYNSET_SET_NAME, set);
		nft_be32(nl, NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
		nft_be32(nl, NFTA_DYNSET_SREG_KEY, reg);
	}
}

void nft_log(struct nl *nl, uint16_t group, uint32_t bytes)
{
	uint16_t number = htons(group);

	nft_expr(nl, "log") {
		nl_put(nl, NFTA_LOG_GROUP, &number, sizeof(number));
		nft_be32(nl, NFTA_LOG_SNAPLEN, bytes);
	}
}

static void reject(struct nl *nl, enum nft_reject_types type, uint8_t code)
{
	nft_expr(nl, "reject") {
		nft_be32(nl, NFTA_REJECT_TYPE, type);
		nl_u8(nl, NFTA_REJECT_ICMP_CODE, code);
	}
}

void nft_reject_tcp(struct nl *nl)
{
	reject(nl, NFT_REJECT_TCP_RST, 0);
}

void nft_reject_admin(struct nl *nl)
{
	reject(nl, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
}

uint32_t nft_addr_offset(enum nft_field which, sa_family_t family)
{
	if (family == AF_INET)
		return which == NFT_FIELD_SADDR ? 12 : 16;
	return which == NFT_FIELD_SADDR ? 8 : 24;
}

void nft_addr(struct nl *nl, enum nft_field which, sa_family_t family, uint32_t reg)
{
	nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, nft_addr_offset(which, family),
		    family == AF_INET ? 4 : 16, reg);
}

/* The header of IPv6 has no checksum of its own. */
void nft_addr6_set(struct nl *nl, enum nft_field which, uint32_t reg)
{
	nft_expr(nl, "payload") {
		nft_be32(nl, NFTA_PAYLOAD_SREG, reg);
		nft_be32(nl, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
		nft_be32(nl, NFTA_PAYLOAD_OFFSET, nft_addr_offset(which, AF_INET6));
		nft_be32(nl, NFTA_PAYLOAD_LEN, 16);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_OFFSET, 0);
		nft_be32(nl, NFTA_PAYLOAD_CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
	}
}

void nft_addr_in(struct nl *nl, enum nft_field which, const struct ip *net, enum nft_cmp_ops op)
{
	struct ip base = ip_network(net);
	uint8_t mask[sizeof(base.bytes)] = { 0 };

	for (int bit = 0; bit < net->plen; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	nft_addr(nl, which, net->family, NFT_R(0));
	if (net->plen < ip_bits(net))
		put_mask(nl, NFT_R(0), mask, ip_len(net));
	nft_cmp(nl, op, NFT_R(0), base.bytes, ip_len(net));
}
