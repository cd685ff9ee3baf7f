/* SPDX-License-Identifier: Apache-2.0 */
/* table_list.h - what a table of our own has of a claim: for own.c and ownremove.c. */
#ifndef CNIC_NFT_TABLE_LIST_H
#define CNIC_NFT_TABLE_LIST_H

#include "nft/table.h"

enum nft_scan_state { ABSENT, OURS, OURS_OTHERWISE, SAME_CONTAINER, OTHERS_SAME, OTHERS };

struct nft_scan {
	const struct nft_elems *c;
	uint8_t *states;        /* by element: enum nft_scan_state */
	const char **comments;  /* of those that are there */
	struct nft_elem **kins; /* as they are there */
	struct arena *arena;
};

void nft_scan_begin(struct nft_scan *l, const struct nft_elems *c, struct arena *arena);
int nft_scan(struct nl *nl, struct nft_scan *l) NODISCARD;
bool nft_scan_is_fine(uint8_t state);

/* A kin's element, with the mark NFT_SHARED in its comment or, ',', without. */
void nft_scan_set_shared(struct nl *nl, const struct nft_scan *l, size_t i, char mark);
bool nft_scan_is_unshared(const struct nft_scan *l, size_t i); /* kin's, and not known as shared */

const char *nft_shared_comment(const char *comment, char mark, struct arena *arena);
bool nft_is_shared(const char *comment);

#endif
