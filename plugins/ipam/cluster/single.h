/* SPDX-License-Identifier: Apache-2.0 */
/*
 * single.h - single addresses: each of them is one transaction, for pools with fewer blocks than
 * nodes, for addresses that are asked for, and for claims, which keep theirs.
 */
#pragma once

#include "engine.h"
#include "ipam/reservation.h"

/* One address for a holder. */
struct single_want {
	const struct pool *pool;
	uint32_t set;      /* which of the configuration's ranges the pool is */
	struct ip asked;   /* AF_UNSPEC: any */
	const char *claim; /* "": none */
	struct holder holder;
	const char *boot; /* this one, as of struct index */
};

/* Stock: what this node has and gives to nobody. Asks nobody; NULL: there is none that fits. */
struct state_single *single_take_stock(struct engine *e, const struct single_want *w);

/* *ip is AF_UNSPEC if the pool has none left. 101: the address asked for is taken. */
int single_take(struct engine *e, const struct single_want *w, struct ip *ip) NODISCARD;

/* The address of the claim, or one that becomes it (*made). Code 11: another attachment has it. */
int single_take_claim(struct engine *e, const struct single_want *w, struct ip *ip,
		      bool *made) NODISCARD;

/* Back to the space, or, of a claim, to nobody. It is stock already. */
int single_return(struct engine *e, const struct state_single *single) NODISCARD;

/* The same, and the claim goes as well. */
int single_return_made(struct engine *e, const struct state_single *single) NODISCARD;

/* Does the pool have one? */
int single_is_left(struct engine *e, const struct pool *p, bool *left) NODISCARD;
