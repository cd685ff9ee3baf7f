/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition.h - conditions that a person writes in words, as iptables(8) or nft(8) has them, and
 * their expressions. A part of both languages: addresses and the interface that a packet comes by.
 *
 *	-s 10.0.0.0/8   ! -d 192.0.2.1   -i eth+          also by their long names
 *	ip saddr 10.0.0.0/8   ip6 daddr != fd00::/8   iifname "eth*"
 */
#pragma once

#include <net/if.h>

#include "nft/nft.h"

struct condition_match {
	enum nft_field on; /* NFT_FIELD_SADDR, _DADDR, _IIFNAME */
	bool negated;
	struct ip net;
	char name[IFNAMSIZ];
	uint8_t name_len; /* of what must be equal; IFNAMSIZ: all of it */
};

struct condition {
	struct condition_match *matches; /* all of them must hold */
	size_t n;
};

/*
 * "iptables" if the first word begins with '-' or '!', else "nftables". NULL where there is none.
 */
const char *condition_language(const char *const *words, size_t n);

/*
 * For packets of that family. Words that we do not know, or that mean another family, are an error.
 */
int condition_parse(const char *const *words, size_t n, sa_family_t family, struct condition *out,
		    struct arena *arena, struct err *err) NODISCARD;

/* The expressions, behind nft_family(). */
void condition_put(struct nl *nl, const struct condition *cond);
