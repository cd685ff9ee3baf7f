/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h - expressions: what a rule is made of, between the braces of nft_rule(). The comment at
 * each shows it as nft(8) prints it.
 */
#pragma once

#include "nft/nft.h"

/* nft_expr(nl, "masq") { attributes } */
#define nft_expr(nl, name)          \
	nl_nest(nl, NFTA_LIST_ELEM) \
	NFT_BLOCK_(nl, nft_expr_begin((nl), (name)), __COUNTER__)
struct nlattr *nft_expr_begin(struct nl *nl, const char *name);

/* Registers of 4 bytes; one value may fill several from there on. */
#define NFT_R(n) ((uint32_t)NFT_REG32_00 + (n))

void nft_payload(struct nl *nl, enum nft_payload_bases base, uint32_t offset, uint32_t len,
		 uint32_t reg);
void nft_meta(struct nl *nl, enum nft_meta_keys key, uint32_t reg);
void nft_cmp(struct nl *nl, enum nft_cmp_ops op, uint32_t reg, const void *data, size_t len);
/* map @map, into dreg; vmap @map; ... @set, which has no value */
void nft_map(struct nl *nl, const char *map, uint32_t reg, uint32_t dreg);
#define nft_vmap(nl, map, reg)   nft_map((nl), (map), (reg), NFT_REG_VERDICT)
#define nft_lookup(nl, set, reg) nft_map((nl), (set), (reg), NFT_R_NONE)
#define NFT_R_NONE               UINT32_MAX
void nft_value(struct nl *nl, uint32_t reg, const void *data, size_t len); /* 10.1.0.2, into reg */
void nft_verdict(struct nl *nl, int32_t code, const char *chain);          /* accept, goto chain */
uint8_t nft_nfproto(sa_family_t family); /* NFPROTO_IPV4, NFPROTO_IPV6 */
/* meta nfproto ipv4, only where the table is inet */
void nft_family(struct nl *nl, uint8_t family);
void nft_dst_local(struct nl *nl); /* fib daddr type local */
/* ct status dnat; ct state established,related */
void nft_ct_bits(struct nl *nl, enum nft_ct_keys key, uint32_t bits);
#define nft_ct_status(nl, bits) nft_ct_bits((nl), NFT_CT_STATUS, (bits))
#define nft_ct_state(nl, bits)  nft_ct_bits((nl), NFT_CT_STATE, (bits))
void nft_ct_reply(struct nl *nl);   /* ct direction reply */
void nft_masquerade(struct nl *nl); /* masquerade */
/* dnat ip to ..., the address from one register, the port from another */
void nft_dnat(struct nl *nl, sa_family_t family, uint32_t address, uint32_t port);
void nft_counter(struct nl *nl); /* counter */
/* add @set { ... }, from a register; of a set that is full the rule ends here */
void nft_elem_learn(struct nl *nl, const char *set, uint32_t reg);
/* log group 1 snaplen 64: for nflog.h, so many bytes of the packet from its IP header on */
void nft_log(struct nl *nl, uint16_t group, uint32_t bytes);
void nft_reject_tcp(struct nl *nl);   /* reject with tcp reset */
void nft_reject_admin(struct nl *nl); /* reject with icmpx admin-prohibited, in an inet table */

/* Where NFT_FIELD_SADDR or NFT_FIELD_DADDR is in the header of a packet of that family. */
uint32_t nft_addr_offset(enum nft_field which, sa_family_t family);
/* That address into reg; in an inet table after nft_family(). */
void nft_addr(struct nl *nl, enum nft_field which, sa_family_t family, uint32_t reg);
#define nft_saddr(nl, family, reg) nft_addr((nl), NFT_FIELD_SADDR, (family), (reg))
#define nft_daddr(nl, family, reg) nft_addr((nl), NFT_FIELD_DADDR, (family), (reg))
/* ip6 saddr set ..., from a register; the checksums of what is inside follow */
void nft_addr6_set(struct nl *nl, enum nft_field which, uint32_t reg);
/* ip saddr 10.1.0.0/16, ip daddr != 10.1.0.0/16, by the prefix length */
void nft_addr_in(struct nl *nl, enum nft_field which, const struct ip *net, enum nft_cmp_ops op);
#define nft_saddr_in(nl, net)     nft_addr_in((nl), NFT_FIELD_SADDR, (net), NFT_CMP_EQ)
#define nft_daddr_in(nl, net, op) nft_addr_in((nl), NFT_FIELD_DADDR, (net), (op))
