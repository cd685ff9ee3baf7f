/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - tables of our own. A purpose (masquerading, host ports, ...) has one table with a few
 * rules and some sets and maps; what an attachment has in it is elements, each with its attachment
 * as comment. To add is one transaction, to remove is a list and one transaction, and a packet
 * costs one lookup whatever the number of elements. Knows nothing of any purpose and no CNI.
 */
#pragma once

#include "nft/nft.h"

/* A chain that had another name in earlier releases. */
struct nft_renamed {
	const char *before, *now;
};

struct nft_table_def {
	struct nft_table table;
	/*
	 * Makes the table, its sets and chains, and the rules of its own chains anew, also where
	 * all of it is there: adds, flushes, adds rules. Elements are not touched.
	 */
	void (*build)(struct nl *nl, const struct nft_table *t);
	const char *const *sets; /* all that hold elements; NULL-terminated */
	/*
	 * Either name is fine with CHECK, build() removes the old chain; ended by NULLs, or NULL.
	 */
	const struct nft_renamed *renamed;
};

/*
 * A chain that elements go to, shared by all of a subnet. It stays when the last of them has gone,
 * until nft_elems_gc() finds it unused.
 */
struct nft_subchain;
typedef void (*nft_subchain_build)(struct nl *nl, const struct nft_table *t,
				   const struct nft_subchain *s);
struct nft_subchain {
	char name[80];
	struct ip net;
	nft_subchain_build build;
};

/*
 * An element that another attachment of the same container wants as well is shared: in its comment
 * that stands for the first comma. When the attachment that has it leaves, it goes to another in
 * the same transaction, so that it is there all the time.
 */
#define NFT_SHARED '+'

struct nft_successor {
	const struct nft_table_def *table;
	const char *leaving;        /* the comment of the attachment that leaves */
	const struct nft_elem *key; /* and its element */
	/* To be filled in; elem stays NULL if no other wants it. */
	const struct nft_elem *elem;
	const char *comment;
};

/* Without a function shared elements just go. */
struct nft_succession {
	int (*find)(struct nft_successor *s, void *data);
	void *data;
};

struct nft_elems {
	const struct nft_table_def *table;
	const char *comment; /* the comment of each element */
	struct nft_elem *elems;
	struct nft_subchain *chains;
	size_t n_elems, n_chains;
	/*
	 * An element with another comment is ERR_IN_USE unless it is replaceable or has the same
	 * data. Otherwise it is replaced: its key (or data) is an address or a name that is now
	 * this attachment's, so the one that had it is stale.
	 */
	bool conflict_is_error;
	/*
	 * Is the other comment of an attachment of the same container? Its element stays as it is
	 * and is no error. May be NULL.
	 */
	bool (*same_container)(const char *comment, const char *other);
	struct nft_succession succession;
	const uint8_t *before; /* nft_elems_add(): what was there, by element (table_scan.h) */
};

/*
 * All of it is there afterwards, or on -1 nothing has changed. What is there as it should be is no
 * error.
 */
int nft_elems_add(struct nl *nl, struct nft_elems *c, struct arena *arena) NODISCARD;

/* What nft_elems_add() has added goes again. */
int nft_elems_undo(struct nl *nl, const struct nft_elems *c, struct arena *arena) NODISCARD;

/* Those that are there with this comment go. */
int nft_elems_del(struct nl *nl, const struct nft_elems *c, struct arena *arena) NODISCARD;

/* The same without those that `kept` has as well. */
int nft_elems_retire(struct nl *nl, struct nft_elems *c, const struct nft_elems *kept,
		     struct arena *arena) NODISCARD;

/*
 * Is everything there, rules included? Fails with ERR_CHECK and says what is missing. Changes
 * nothing.
 */
int nft_elems_check(struct nl *nl, const struct nft_elems *c, struct arena *arena) NODISCARD;

/* Puts back what is missing, rules included: nft_elems_add() alone lists no rules. */
int nft_elems_restore(struct nl *nl, struct nft_elems *c, struct arena *arena) NODISCARD;

/*
 * Goes through all elements: those that are stale go in one transaction, and with them the
 * subchains that nothing goes to any more.
 */
typedef bool (*nft_stale)(const char *comment, void *data);
int nft_elems_gc_shared(struct nl *nl, const struct nft_table_def *table, nft_stale stale,
			void *data, struct nft_succession succession,
			struct arena *arena) NODISCARD;
#define nft_elems_gc(nl, table, stale, data, arena) \
	nft_elems_gc_shared((nl), (table), (stale), (data), (struct nft_succession){ 0 }, (arena))
