/* SPDX-License-Identifier: Apache-2.0 */
/* elems.h - the list of an attachment's elements, before table.h adds or removes them. */
#pragma once

#include "nft/table.h"

/* The element of that key; NULL if there is none. */
const struct nft_elem *nft_elems_find(const struct nft_elems *c, const struct nft_elem *key);

/*
 * One more element, if there is room for it in elems: its key is the address, its label "<label>
 * 10.1.0.2". NULL if the set has it already.
 */
struct nft_elem *nft_elems_put(struct nft_elems *c, const char *set, const struct ip *key,
			       const char *label, struct arena *arena);

/*
 * The element goes to the subchain "<prefix>10.1.0.0/16" of its address's subnet, which is made in
 * chains if it is not there; net NULL: to "<prefix>". The colons of IPv6 are underscores, since
 * nft(8) takes none in a name.
 */
void nft_elems_goto(struct nft_elems *c, struct nft_elem *e, const char *prefix,
		    const struct ip *net, nft_subchain_build build);
