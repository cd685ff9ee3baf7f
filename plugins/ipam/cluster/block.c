/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include <string.h>

#include "base/sha512.h"
#include "keys.h"
#include "taken.h"

#define TRIES 64

void block_local_set(const struct engine *e, const struct pool *p, struct range_set *set)
{
	const struct state *s = &e->state;

	*set = (struct range_set){ 0 };
	for (size_t i = 0; i < s->n_blocks; i++)
		if (s->pending.what != STATE_BLOCK_RETURN ||
		    !cidr_equal(&s->pending.ip, &s->blocks[i].base))
			(void)pool_cut(p, &s->blocks[i].base, e->arena, set);
}

/* ---- claiming -------------------------------------------------------------------------------- */

/* Nodes begin at different places; one alone at the first. */
static uint64_t start_of(const struct engine *e, uint64_t n)
{
	uint8_t sum[SHA512_LEN];
	struct sha512 s;
	uint64_t k = 0;

	if (!conf_has_etcd(e->conf))
		return 0;
	sha512_begin(&s);
	sha512_add(&s, e->state.uuid, strlen(e->state.uuid));
	sha512_add(&s, e->network, strlen(e->network));
	sha512_end(&s, sum);
	for (int i = 0; i < 8; i++)
		k = k << 8 | sum[i];
	return k % n;
}

struct claim {
	struct engine *e;
	const struct pool *pool;
	uint8_t length;
	uint64_t n; /* of blocks that may be claimed */
};

static struct kv_op list(const char *key, const char *end, uint32_t limit)
{
	return (struct kv_op){
		.kind = KV_GET, .key = key, .end = end, .limit = limit, .keys_only = true
	};
}

static struct engine_txn *make(const struct claim *c, const struct ip *block)
{
	struct engine *e = c->e;
	const char *space = e->state.space;
	struct engine_txn *t = engine_begin(e, STATE_BLOCK_CLAIM, true);
	struct ip last = ip_broadcast(block), low = pool_block(c->pool, c->length, 0);
	struct ip high = pool_block(c->pool, c->length, c->n - 1);
	const char *key = keys_block(space, block, e->arena);
	const char *from = keys_addr(space, block, e->arena);
	const char *to = keys_behind(keys_addr(space, &last, e->arena), e->arena);
	const char *first = keys_block(space, &low, e->arena);
	const char *end = keys_behind(keys_block(space, &high, e->arena), e->arena);

	t->pending.ip = *block;
	kv_if_mod(&t->txn, key, 0);
	kv_if_none(&t->txn, from, to);
	kv_then(&t->txn,
		(struct kv_op){ .kind = KV_PUT, .key = key, .value = engine_value(e, "", false) });
	kv_else(&t->txn, list(key, end, TAKEN_LIMIT));
	kv_else(&t->txn, list(first, key, TAKEN_LIMIT));
	kv_else(&t->txn, list(from, to, 1));
	return t;
}

static bool has_addresses(const struct claim *c, const struct ip *block)
{
	struct range_set ignored = { 0 };

	return pool_cut(c->pool, block, c->e->arena, &ignored);
}

/* The number of the first block behind this one that has an address to give, going round. */
static uint64_t next_with_addresses(const struct claim *c, const struct ip *block)
{
	const struct range_set *free = &c->pool->free;
	struct ip last = ip_broadcast(block);
	uint64_t k = 0;

	for (size_t i = free->n_ranges; i-- > 0 && ip_cmp(&free->ranges[i].start, &last) > 0;) {
		struct ip next = pool_block_of(&free->ranges[i].start, c->length);

		k = pool_block_number(c->pool, &next);
	}
	return k < c->n ? k : 0;
}

/* From k on, going round, one that has an address to give and is not ours; false: none. */
static bool find_candidate(const struct claim *c, uint64_t *k)
{
	const struct state *s = &c->e->state;
	size_t most = s->n_blocks + c->pool->free.n_ranges + 1;

	for (size_t i = 0; i <= most; i++) {
		struct ip block = pool_block(c->pool, c->length, *k);

		if (!has_addresses(c, &block))
			*k = next_with_addresses(c, &block);
		else if (state_has_block(s, &block))
			*k = (*k + 1) % c->n;
		else
			return true;
	}
	return false;
}

/* Behind k if that one has single addresses in it. */
static bool choose(const struct claim *c, const struct engine_txn *t, uint64_t *k)
{
	const struct kv_found *f = &t->result.found[ENGINE_FIRST];
	struct taken blocks;

	taken_read(&blocks, &f[0], &f[1], c->e->arena);
	if (f[2].n)
		*k = (*k + 1) % c->n;
	return taken_next_block(&blocks, c->pool, c->length, *k, c->n, k);
}

int block_claim(struct engine *e, const struct pool *p, bool *got)
{
	struct claim c = { e, p, conf_block_length(e->conf, p), conf_blocks(e->conf, p) };
	uint64_t first, k, farthest = 0; /* once round, and all has been looked at */

	*got = false;
	if (!c.n)
		return 0;
	if (engine_contact(e) < 0)
		return -1;
	first = k = start_of(e, c.n);
	for (int tries = 0; tries < TRIES && find_candidate(&c, &k); tries++) {
		uint64_t far = (k + c.n - first) % c.n;
		struct ip block = pool_block(p, c.length, k);
		struct engine_txn *t;

		if (far < farthest)
			return 0;
		farthest = far;
		t = make(&c, &block);
		if (engine_send(e, t) < 0)
			return -1;
		*got = t->done;
		if (t->done || !choose(&c, t, &k))
			return 0;
	}
	return 0;
}

/* ---- giving back ----------------------------------------------------------------------------- */

int block_return(struct engine *e, const struct ip *base)
{
	struct engine_txn *t;

	if (engine_contact(e) < 0)
		return -1;
	if (!state_has_block(&e->state, base)) /* of a copy, whose original has it */
		return 0;
	t = engine_begin(e, STATE_BLOCK_RETURN, false);
	t->pending.ip = *base;
	kv_then(&t->txn, (struct kv_op){ .kind = KV_DELETE,
					 .key = keys_block(e->state.space, base, e->arena) });
	if (engine_send(e, t) < 0)
		return -1;
	return t->done ? 0
		       : err_set(e->err, ERR_RETRY, "the register of this node changed meanwhile");
}
