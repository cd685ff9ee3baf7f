/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition.h - conditions that a person writes in words, as iptables(8) or nft(8) has them, and their expressions.
 * A part of both languages: addresses and the interface that a packet comes by.
 *
 *	-s 10.0.0.0/8   ! -d 192.0.2.1   -i eth+          also by their long names
 *	ip saddr 10.0.0.0/8   ip6 daddr != fd00::/8   iifname "eth*"
 */
#ifndef CNIC_PORTMAP_CONDITION_H
#define CNIC_PORTMAP_CONDITION_H

#include <net/if.h>

#include "nft/nft.h"

enum nft_match_on { NFT_MATCH_SADDR, NFT_MATCH_DADDR, NFT_MATCH_IIFNAME };

struct nft_match {
	enum nft_match_on on;
	bool negated;
	struct ip net;
	char name[IFNAMSIZ];
	uint8_t name_len; /* of what must be equal; IFNAMSIZ: all of it */
};

struct nft_cond {
	struct nft_match *matches; /* all of them must hold */
	size_t n;
};

/* Whose words are they? By the first: iptables' begins with '-' or '!'. NULL where there is none. */
const char *nft_cond_language(const char *const *words, size_t n);

/* For packets of that family. Words that we do not know, or that mean another family, are an error. */
int nft_cond_parse(const char *const *words, size_t n, sa_family_t family, struct nft_cond *out,
		   struct arena *arena, struct err *err) NODISCARD;

/* The expressions, behind nft_family(). */
void nft_cond_put(struct nl *nl, const struct nft_cond *cond);

#endif
