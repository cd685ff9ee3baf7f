/* SPDX-License-Identifier: Apache-2.0 */
/* drop.h - tables of our own that are not needed any more. */
#pragma once

#include "nft/nft.h"

/* Has a chain of the table rules that are another program's? */
typedef bool (*nft_is_guest)(const char *table, const char *chain);

/*
 * Tables whose names begin so, whose sets have no elements, and that have no such chain, go; each
 * in a transaction of its own, which fails, and leaves the table, if the rule set has changed since
 * the list.
 */
int nft_drop_unused(struct nl *nl, const char *prefix, nft_is_guest is_guest,
		    struct arena *arena) NODISCARD;
