/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_scan.h - what a table of our own has of an attachment's elements: which of them are there,
 * and of which attachment. Part of table.h. Changes nothing but whether an element
 * is shared.
 */
#pragma once

#include "nft/list.h"
#include "nft/table.h"

/* UNSHARED: the same container's, and not known as shared. */
enum nft_scan_state {
	ABSENT,
	OURS,
	OURS_OTHERWISE,
	SAME_CONTAINER,
	UNSHARED,
	OTHERS_SAME,
	OTHERS,
};

struct nft_scan {
	const struct nft_elems *c;
	struct nft_elem_info *found; /* by element, and */
	uint8_t *states;             /* enum nft_scan_state */
	struct arena *arena;
};

void nft_scan_begin(struct nft_scan *l, const struct nft_elems *c, struct arena *arena);
int nft_scan(struct nl *nl, struct nft_scan *l) NODISCARD;
bool nft_scan_is_fine(uint8_t state); /* nothing to add */

/* The same container's element is shared with NFT_SHARED as separator, and not with ','. */
void nft_scan_set_shared(struct nl *nl, const struct nft_scan *l, size_t i, char separator);

const char *nft_shared_comment(const char *comment, char separator, struct arena *arena);
bool nft_is_shared(const char *comment);
