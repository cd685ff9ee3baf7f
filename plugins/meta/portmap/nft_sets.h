/* SPDX-License-Identifier: Apache-2.0 */
/* nft_sets.h - the sets of host ports, which nft_table.c makes and nft_elems.c fills. */
#ifndef CNIC_PORTMAP_NFT_SETS_H
#define CNIC_PORTMAP_NFT_SETS_H

#include "nft_table.h"

/* What differs between the families. */
struct portmap_nft_sets {
	sa_family_t family;
	struct nft_set host, any, snat;
	const char *ports;                  /* chain */
	const char *host_local, *any_local; /* sets; NULL: not needed */
	struct ip loopback;                 /* as seen behind the chain output */
};

const struct portmap_nft_sets *portmap_nft_sets(sa_family_t family);

#endif
