/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taken.h - what a transaction that was refused has read of the blocks and single addresses that
 * are taken, and what is free by that. A list that was cut says nothing of what is behind it: what
 * is found there is worth a try.
 */
#pragma once

#include "etcd/kv.h"
#include "pool.h"

#define TAKEN_LIMIT 512 /* keys of a list */

struct taken {
	struct ip *list; /* in order */
	size_t n;
};

/* The addresses of the keys of two lists, of which the second goes on before the first. */
void taken_read(struct taken *t, const struct kv_found *from, const struct kv_found *until,
		struct arena *arena);

/* One more. */
void taken_add(struct taken *t, const struct ip *ip, struct arena *arena);

/* The first block at or behind number k, going round at n, that is not among them; false: none. */
bool taken_next_block(const struct taken *blocks, const struct pool *p, uint8_t length, uint64_t k,
		      uint64_t n, uint64_t *out);

/*
 * The first address of the set at or behind `from`, going round, that is not among the addresses
 * and in none of the blocks, whose prefix has `length`; false: none.
 */
bool taken_next_address(const struct taken *blocks, const struct taken *addrs,
			const struct range_set *set, uint8_t length, const struct ip *from,
			struct ip *out);
