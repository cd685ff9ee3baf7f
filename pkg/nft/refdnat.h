/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refdnat.h - what the reference's nftables backend makes of host ports: tables ip and ip6 cni_hostport, a rule per
 * mapping in chain hostports and some per address in chain masquerading, the container's id as comment. For
 * nodes that change over: looks and removes, makes none.
 */
#ifndef CNIC_NFT_REFDNAT_H
#define CNIC_NFT_REFDNAT_H

#include "nft/nft.h"

/* How many mappings a container has there, of one family; 0 as well if nothing leads to them. */
int nft_refdnat_count(struct nl *nl, sa_family_t family, const char *container_id,
		      size_t *n) NODISCARD;

/* All rules of the container, of both families. */
int nft_refdnat_remove(struct nl *nl, const char *container_id, struct arena *arena) NODISCARD;

#endif
