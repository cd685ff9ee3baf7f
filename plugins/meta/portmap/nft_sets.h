/* SPDX-License-Identifier: Apache-2.0 */
/* nft_sets.h - the sets of host ports, which nft_table.c makes and nft_elems.c fills. */
#pragma once

#include "nft/nft.h"

/* What differs between the families. */
struct portmap_nft_sets {
	sa_family_t family;
	struct nft_set host, any, snat;
	struct nft_set host_local, any_local; /* without a name: not needed */
	const char *ports;                    /* chain */
	struct ip loopback;                   /* as seen behind the chain output */
};

const struct portmap_nft_sets *portmap_nft_sets(sa_family_t family);
