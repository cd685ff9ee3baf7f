/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr.h - reading the attributes of nf_tables' messages. Relies on no length: what is too short
 * or has no end counts as absent.
 */
#pragma once

#include <linux/netfilter/nfnetlink.h>

#include "nft/nft.h"
#include "nl/nl.h"

/* The attributes of a message (nl/nl.h). */
#define nft_attrs_of_msg(nlh) nl_attrs_of_msg((nlh), sizeof(struct nfgenmsg))

/* The next attribute of a nest, its first for NULL; NULL: no more. */
const struct nlattr *nft_attr_next(const struct nlattr *nest, const struct nlattr *attr);
#define nft_attr_each(attr, nest)                                         \
	for (const struct nlattr *attr = nft_attr_next(nest, NULL); attr; \
	     attr = nft_attr_next(nest, attr))

/* Of an absent one 0, "", no bytes. */
uint32_t nft_attr_u32(const struct nlattr *attr);
const char *nft_attr_str(const struct nlattr *attr);
const void *nft_attr_data(const struct nlattr *nest, size_t *len); /* its NFTA_DATA_VALUE */
size_t nft_attr_copy(const struct nlattr *nest, void *out,
		     size_t size); /* if it fits; its length */

/* NFTA_DATA_VERDICT in a nest, if there is one; its chain or NULL. */
bool nft_attr_verdict(const struct nlattr *nest, int32_t *verdict, const char **chain);

/* A text of an object's user data, "" if it has none: NFT_UDATA_COMMENT or NFT_UDATA_TAG. */
const char *nft_attr_text(const struct nlattr *userdata, uint8_t type, struct arena *arena);
