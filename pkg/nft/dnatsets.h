/* SPDX-License-Identifier: Apache-2.0 */
/* dnatsets.h - the sets of host ports: what dnat.c makes and dnatclaim.c fills. Nobody else's. */
#ifndef CNIC_NFT_DNATSETS_H
#define CNIC_NFT_DNATSETS_H

#include "nft/dnat.h"

/* What differs between the families. */
struct nft_dnat_side {
	sa_family_t family;
	struct nft_set host, any, snat;
	const char *ports;                  /* chain */
	const char *host_local, *any_local; /* sets; NULL: not needed */
	struct ip loopback;                 /* as seen behind the chain output */
};

const struct nft_dnat_side *nft_dnat_side(sa_family_t family);

extern const struct ip nft_dnat_ipv6_loopback; /* ::1 */

#endif
