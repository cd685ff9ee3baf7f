/* SPDX-License-Identifier: Apache-2.0 */
/* table_list.h - what a table of our own has of a claim: for own.c and ownremove.c. */
#ifndef CNIC_NFT_TABLE_LIST_H
#define CNIC_NFT_TABLE_LIST_H

#include "nft/table.h"

enum nft_look_state { ABSENT, OURS, OURS_OTHERWISE, KINS, OTHERS_SAME, OTHERS };

struct nft_look {
	const struct nft_claim *c;
	uint8_t *states;        /* by element: enum nft_look_state */
	const char **owners;    /* of those that are there */
	struct nft_elem **kins; /* as they are there */
	struct arena *arena;
};

void nft_look_begin(struct nft_look *l, const struct nft_claim *c, struct arena *arena);
int nft_look(struct nl *nl, struct nft_look *l) NODISCARD;
bool nft_look_is_fine(uint8_t state);

/* A kin's element, with the mark NFT_SHARED in its comment or, ',', without. */
void nft_look_mark(struct nl *nl, const struct nft_look *l, size_t i, char mark);
bool nft_look_is_unmarked(const struct nft_look *l, size_t i); /* kin's, and not known as shared */

const char *nft_marked(const char *owner, char mark, struct arena *arena);
bool nft_is_shared(const char *owner);

#endif
