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

/* The block's number, from k on, of one that has an address to give. */
static bool has_addresses(const struct claim *c, uint64_t k)
{
	struct range_set ignored = { 0 };
	struct ip block = pool_block(c->pool, c->length, k);

	return pool_cut(c->pool, &block, c->e->arena, &ignored);
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
	uint64_t k;

	*got = false;
	if (!c.n)
		return 0;
	if (engine_contact(e) < 0)
		return -1;
	k = start_of(e, c.n);
	for (uint64_t tries = 0; tries < TRIES && tries < 2 * c.n + 2; tries++) {
		struct ip block = pool_block(p, c.length, k);
		struct engine_txn *t;

		if (!has_addresses(&c, k) || state_has_block(&e->state, &block)) {
			k = (k + 1) % c.n;
			continue;
		}
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
	t = engine_begin(e, STATE_BLOCK_RETURN, false);
	t->pending.ip = *base;
	kv_then(&t->txn, (struct kv_op){ .kind = KV_DELETE,
					 .key = keys_block(e->state.space, base, e->arena) });
	if (engine_send(e, t) < 0)
		return -1;
	return t->done ? 0
		       : err_set(e->err, ERR_RETRY, "the register of this node changed meanwhile");
}
