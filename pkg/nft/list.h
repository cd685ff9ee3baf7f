/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - what nf_tables has: elements by key, all elements of a set, tables and sets by name. A
 * dump is gathered into the arena, whole, before any of it is used. Changes nothing.
 */
#pragma once

#include "nft/nft.h"

struct nft_elem_info {
	struct nft_elem at;
	const char *comment; /* NULL: there is no such element */
};

struct nft_elem_list {
	struct nft_elem_info *list;
	size_t n;
};

/* found[i] is what has the key of e[i]. A set or table that does not exist holds none. */
int nft_get(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
	    struct nft_elem_info *found, struct arena *arena) NODISCARD;

/* All elements of a set. No such set: none. */
int nft_list(struct nl *nl, const struct nft_table *t, const char *set, struct nft_elem_list *out,
	     struct arena *arena) NODISCARD;

struct nft_table_list {
	struct nft_table *list;
	size_t n;
};

/* Tables of all families whose names begin so; the sets of a table, each as if it were one. */
int nft_list_tables(struct nl *nl, const char *prefix, struct nft_table_list *out,
		    struct arena *arena) NODISCARD;
int nft_list_sets(struct nl *nl, const struct nft_table *t, struct nft_table_list *out,
		  struct arena *arena) NODISCARD;

int nft_has_chain(struct nl *nl, const struct nft_table *t, const char *chain, bool *has) NODISCARD;

/*
 * The messages of a dump, each kept in the arena; those of one that was interrupted are given back.
 * Nothing to dump, or no nf_tables for it: none.
 */
struct nft_dump {
	struct arena *arena, mark;
	const struct nlmsghdr **msg;
	size_t n;
};
int nft_dump(struct nl *nl, struct nft_dump *d, struct arena *arena) NODISCARD;
