/* SPDX-License-Identifier: Apache-2.0 */
/* nft_elems.h - the elements that an attachment's mappings are in the table of nft_table.h. */
#pragma once

#include "conf.h"
#include "nft/table.h"

/* With `comment` for each. A conflict is an error. */
struct nft_elems portmap_nft_elems(const struct portmap *p, const char *comment,
				   struct arena *arena);
