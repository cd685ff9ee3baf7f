/* SPDX-License-Identifier: Apache-2.0 */
/* nft_elems.h - the elements that an attachment's mappings are in the table of nft_table.h. */
#pragma once

#include "nft_table.h"

/*
 * No two of the mappings have the same place on the host. Those of one family should stand
 * together. A conflict is an error.
 */
struct nft_elems portmap_nft_elems(const struct nft_table_def *table,
				   const struct portmap_mapping *m, size_t n,
				   enum portmap_masq_mode masq, struct arena *arena);
