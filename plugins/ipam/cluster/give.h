/* SPDX-License-Identifier: Apache-2.0 */
/*
 * give.h - an attachment's addresses, one of each range: found, given, taken back. Under the
 * store's lock.
 */
#pragma once

#include "engine.h"
#include "ipam/release.h"
#include "ipam/reserve.h"

/* One range's address. */
struct give_set {
	const struct pool *pool;
	struct ip asked; /* AF_UNSPEC: any */
	struct ip ip;    /* what it has; AF_UNSPEC: nothing yet */
	bool before;     /* it had it when the call began */
	bool made;       /* the claim that keeps it was made by this call */
	bool never_used; /* no attachment has had it since boot, for certain */
};

struct give {
	struct engine *e;
	struct store *store;
	struct holder holder;
	struct give_set *sets;
	size_t n;
	struct store_want *wants; /* reserved in the store by this call */
	size_t n_wants;
};

/* One set for each pool of the configuration. */
void give_init(struct give *g, struct engine *e, struct store *store, const struct holder *holder);

/* What the holder has already, of each set. */
int give_find(struct give *g) NODISCARD;

/* All sets have an address, or none that had none before. Codes 100, 101, 11. */
int give_all(struct give *g) NODISCARD;

/* What give_all() has given goes back, as well as it can. */
void give_undo(struct give *g);

/* Could give_all() give an address of each set? 50, or 51 if etcd cannot be reached. */
int give_check_free(struct give *g) NODISCARD;

/*
 * Single addresses of this space that `keep` says no to become stock, and go back if etcd can be
 * reached (*back: all did).
 */
int give_release_singles(struct engine *e,
			 bool (*keep)(const struct state_single *single, void *arg), void *arg,
			 bool *back) NODISCARD;
