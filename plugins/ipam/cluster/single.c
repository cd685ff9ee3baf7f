/* SPDX-License-Identifier: Apache-2.0 */
#include "single.h"

#include <string.h>
#include <sys/random.h>

#include "journal.h"
#include "keys.h"
#include "taken.h"
#include "json/decode.h"

#define TRIES 200 /* each that fails is another node's success */

/* ---- stock ----------------------------------------------------------------------------------- */

static bool is_under_way(const struct engine *e, const struct ip *ip)
{
	const struct state_pending *p = &e->state.pending;

	return p->what == STATE_SINGLE_RETURN && ip_equal(&p->single.ip, ip);
}

struct state_single *single_take_stock(struct engine *e, const struct single_want *w)
{
	for (size_t i = 0; i < e->state.n_singles; i++) {
		struct state_single *s = &e->state.singles[i];

		if (*s->id || strcmp(s->claim, w->claim) != 0 || is_under_way(e, &s->ip) ||
		    (*s->claim && s->set != w->set) || !range_set_find(&w->pool->free, &s->ip) ||
		    (w->asked.family && !ip_equal(&w->asked, &s->ip)))
			continue;
		s->id = w->holder.id;
		s->ifname = w->holder.ifname;
		s->boot = w->boot;
		e->dirty = true;
		return s;
	}
	return NULL;
}

/* ---- one transaction ------------------------------------------------------------------------- */

static struct kv_op list(const char *key, const char *end)
{
	return (struct kv_op){
		.kind = KV_GET, .key = key, .end = end, .limit = TAKEN_LIMIT, .keys_only = true
	};
}

static struct ip block_of(const struct engine *e, const struct single_want *w, const struct ip *ip)
{
	return pool_block_of(ip, conf_block_length(e->conf, w->pool));
}

/* What of addresses and blocks is taken, from this one on and before it. */
static void read_taken(struct engine *e, struct engine_txn *t, const struct single_want *w,
		       const struct ip *ip)
{
	const char *space = e->state.space;
	struct ip block = block_of(e, w, ip), low = block_of(e, w, &w->pool->start);
	struct ip high = block_of(e, w, &w->pool->end);
	const char *addr = keys_addr(space, ip, e->arena);
	const char *at = keys_block(space, &block, e->arena);

	kv_else(&t->txn,
		list(addr, keys_behind(keys_addr(space, &w->pool->end, e->arena), e->arena)));
	kv_else(&t->txn, list(keys_addr(space, &w->pool->start, e->arena), addr));
	kv_else(&t->txn, list(at, keys_behind(keys_block(space, &high, e->arena), e->arena)));
	kv_else(&t->txn, list(keys_block(space, &low, e->arena), at));
}

static const char *print_claim(struct engine *e, const struct ip *ip)
{
	struct json *o = json_object();
	char text[IP_STRLEN];

	(void)e;
	json_add_str(o, "addr", ip_str(ip, text));
	return json_print(o);
}

static struct engine_txn *begin_take(struct engine *e, const struct single_want *w,
				     const struct ip *ip)
{
	struct engine_txn *t = engine_begin(e, STATE_SINGLE_TAKE, true);

	t->pending.single = (struct state_single){ *ip,      w->holder.id, w->holder.ifname,
						   w->claim, w->set,       w->boot };
	return t;
}

/* The address is free, and in nobody's block; a claim is made along where it has none. */
static struct engine_txn *make(struct engine *e, const struct single_want *w, const struct ip *ip)
{
	struct engine_txn *t = begin_take(e, w, ip);
	const char *addr = keys_addr(e->state.space, ip, e->arena);
	struct ip block = block_of(e, w, ip);
	const char *claim = keys_claim(e->state.space, w->claim, w->set, e->arena);

	kv_if_mod(&t->txn, addr, 0);
	kv_if_mod(&t->txn, keys_block(e->state.space, &block, e->arena), 0);
	kv_then(&t->txn, (struct kv_op){ .kind = KV_PUT,
					 .key = addr,
					 .value = engine_value(e, w->claim, false) });
	read_taken(e, t, w, ip);
	if (!*w->claim)
		return t;
	kv_if_mod(&t->txn, claim, 0);
	kv_then(&t->txn,
		(struct kv_op){ .kind = KV_PUT, .key = claim, .value = print_claim(e, ip) });
	kv_else(&t->txn, (struct kv_op){ .kind = KV_GET, .key = claim });
	return t;
}

/* ---- any address ----------------------------------------------------------------------------- */

/* What is left to single addresses alone; all of the pool if that is nothing. */
static struct range_set preferred(const struct engine *e, const struct pool *p)
{
	uint8_t length = conf_block_length(e->conf, p);
	uint64_t n = conf_blocks(e->conf, p), all = pool_count_blocks(p, length);
	struct range_set set = { 0 };
	struct ip first;

	if (!n || n >= all)
		return p->free;
	first = pool_block(p, length, n);
	for (size_t i = 0; i < p->free.n_ranges; i++) {
		struct range r = p->free.ranges[i];

		if (ip_cmp(&first, &r.end) > 0)
			continue;
		if (ip_cmp(&first, &r.start) > 0) {
			first.plen = r.start.plen;
			r.start = first;
		}
		*arena_append(e->arena, set.ranges, set.n_ranges) = r;
	}
	return set.n_ranges ? set : p->free;
}

static struct ip random_of(const struct range_set *set)
{
	uint64_t n = pool_count(set), r = 0;

	(void)!getrandom(&r, sizeof(r), 0);
	return pool_address(set, n == UINT64_MAX ? r >> 2 : r % n);
}

/*
 * False: nothing of the set is free, for certain where no list was cut. What an attachment here
 * has is not, whatever the space says: it has it since before the node was released.
 */
static bool next_free(struct engine *e, const struct single_want *w, const struct range_set *set,
		      const struct kv_found *f, const struct ip *from, struct ip *out)
{
	uint8_t length = conf_block_length(e->conf, w->pool);
	struct taken addrs, blocks;
	struct ip at = *from;
	struct reservation r;

	taken_read(&addrs, &f[0], &f[1], e->arena);
	taken_read(&blocks, &f[2], &f[3], e->arena);
	while (taken_next_address(&blocks, &addrs, set, length, &at, out)) {
		out->plen = w->pool->subnet.plen;
		if (!journal_has(e->store, out, &r))
			return true;
		taken_add(&addrs, out, e->arena);
		at = *out;
	}
	return false;
}

/* Of the space nothing has been read yet. */
static const struct kv_found nothing[4];

enum outcome { TAKEN, NONE_LEFT, CLAIM_THERE };

/* 1: the outcome is known; 0: somebody has the address, and *f is what the failure has read. */
static int try_one(struct engine *e, const struct single_want *w, const struct ip *ip,
		   const struct kv_found **f, enum outcome *outcome)
{
	struct engine_txn *t = make(e, w, ip);

	if (engine_send(e, t) < 0)
		return -1;
	*outcome = TAKEN;
	if (t->done)
		return 1;
	*f = &t->result.found[ENGINE_FIRST];
	*outcome = CLAIM_THERE;
	return *w->claim && (*f)[4].n;
}

static bool is_cut(const struct kv_found *f)
{
	return f[0].more || f[1].more || f[2].more || f[3].more;
}

/*
 * From a random address on. Where a list was cut, what is behind it is looked at next, until that
 * is where it began; else another random one now and then, since others search as well.
 */
static int take_of(struct engine *e, const struct single_want *w, const struct range_set *set,
		   struct ip *ip, enum outcome *outcome)
{
	struct ip first = random_of(set);
	int rounds = 0;

	*outcome = NONE_LEFT;
	if (!next_free(e, w, set, nothing, &first, ip))
		return 0;
	for (int tries = 0; tries < TRIES; tries++) {
		const struct kv_found *f;
		struct ip from = *ip;
		int known = try_one(e, w, ip, &f, outcome);

		if (known)
			return known < 0 ? -1 : 0;
		*outcome = NONE_LEFT;
		if (!is_cut(f) && tries % 4 == 0)
			first = from = random_of(set);
		if (!next_free(e, w, set, f, &from, ip))
			return 0;
		rounds = (is_cut(f) ? rounds : 0) + (ip_cmp(ip, &from) < 0);
		if (is_cut(f) && (rounds > 1 || (rounds && ip_cmp(ip, &first) >= 0)))
			return 0;
	}
	return err_set(e->err, ERR_RETRY, "%d addresses went to others one after the other", TRIES);
}

/* The lists of the failure are for the pool, so that either set can be searched by them. */
static int take_any(struct engine *e, const struct single_want *w, struct ip *ip,
		    enum outcome *outcome)
{
	struct range_set first = preferred(e, w->pool);

	if (take_of(e, w, &first, ip, outcome) < 0)
		return -1;
	if (*outcome == NONE_LEFT && first.ranges != w->pool->free.ranges &&
	    take_of(e, w, &w->pool->free, ip, outcome) < 0)
		return -1;
	if (*outcome != TAKEN)
		ip->family = AF_UNSPEC;
	return 0;
}

/* ---- the one asked for ----------------------------------------------------------------------- */

static int take_asked(struct engine *e, const struct single_want *w, struct ip *ip,
		      enum outcome *outcome)
{
	struct range_set one = { &(struct range){ .start = w->asked, .end = w->asked }, 1 };
	const struct kv_found *f = nothing;
	char text[IP_STRLEN];

	for (int tries = 0; tries < 3 && next_free(e, w, &one, f, &w->asked, ip); tries++) {
		int known = try_one(e, w, ip, &f, outcome);

		if (known)
			return known < 0 ? -1 : 0;
	}
	return err_set(e->err, ERR_IN_USE,
		       "requested ip %s is not free, or in another node's block", ip_str(ip, text));
}

int single_take(struct engine *e, const struct single_want *w, struct ip *ip)
{
	enum outcome outcome;

	if (engine_contact(e) < 0)
		return -1;
	return w->asked.family ? take_asked(e, w, ip, &outcome) : take_any(e, w, ip, &outcome);
}

/* ---- claims ---------------------------------------------------------------------------------- */

struct claim_value {
	struct ip addr;
};

static const struct json_field claim_fields[] = { F_IP("addr", struct claim_value, addr), F_END };

static int parse_claim(struct engine *e, const struct kv_pair *pair, struct ip *ip)
{
	struct claim_value v = { 0 };
	const struct json *o;

	if (json_parse(pair->value, pair->value_len, &o, e->err) < 0 || !json_is_object(o) ||
	    json_decode(o, claim_fields, "", &v, e->err) < 0 || !v.addr.family)
		return err_set(e->err, ERR_INTERNAL, "%s is none of cluster's", pair->key);
	*ip = v.addr;
	return 0;
}

static int refuse_held(struct engine *e, const struct ip *ip, const char *id, const char *uuid)
{
	char text[IP_STRLEN];

	return err_set(e->err, ERR_RETRY, "the claim's address %s is still held by %s of node %s",
		       ip_str(ip, text), id, uuid);
}

/* It is nobody's: by its revision, and in no block, which is not so where others write as well. */
static int take_idle(struct engine *e, const struct single_want *w, const struct ip *ip,
		     const struct kv_pair *pair, bool *got)
{
	struct engine_txn *t = begin_take(e, w, ip);
	struct ip block = block_of(e, w, ip);
	const char *at = keys_block(e->state.space, &block, e->arena);

	kv_if_mod(&t->txn, pair->key, pair->mod);
	kv_if_mod(&t->txn, at, 0);
	kv_else(&t->txn, (struct kv_op){ .kind = KV_GET, .key = at });
	kv_then(&t->txn, (struct kv_op){ .kind = KV_PUT,
					 .key = pair->key,
					 .value = engine_value(e, w->claim, false) });
	if (engine_send(e, t) < 0)
		return -1;
	*got = t->done;
	if (!t->done && t->result.found[ENGINE_FIRST].n)
		return err_set(e->err, ERR_INTERNAL, "%s of the claim %s lies in a block",
			       pair->key, w->claim);
	return 0;
}

static int take_known(struct engine *e, const struct single_want *w, const struct ip *ip, bool *got)
{
	const char *key = keys_addr(e->state.space, ip, e->arena);
	const struct state_single *s;
	struct engine_owner owner;
	struct reservation r;
	struct kv_found f;

	if (kv_get(e->kv, (struct kv_op){ .kind = KV_GET, .key = key }, &f, e->err) < 0)
		return -1;
	if (!f.n)
		return err_set(e->err, ERR_INTERNAL,
			       "the claim %s has lost its address: cnic ipam release-claim",
			       w->claim);
	if (!engine_parse_value(&f.pairs[0], &owner) || strcmp(owner.claim, w->claim) != 0)
		return err_set(e->err, ERR_INTERNAL, "%s is not of the claim %s", key, w->claim);
	s = state_find_single(&e->state, ip);
	if (*owner.uuid)
		return refuse_held(e, ip, s ? s->id : "an attachment", owner.uuid);
	if (journal_has(e->store, ip, &r))
		return refuse_held(e, ip, r.state == RESERVATION_HELD ? r.holder.id : r.name,
				   e->state.uuid);
	return take_idle(e, w, ip, &f.pairs[0], got);
}

static int read_claim(struct engine *e, const struct single_want *w, struct ip *ip)
{
	const char *key = keys_claim(e->state.space, w->claim, w->set, e->arena);
	struct kv_found f;
	char text[IP_STRLEN];

	ip->family = AF_UNSPEC;
	if (kv_get(e->kv, (struct kv_op){ .kind = KV_GET, .key = key }, &f, e->err) < 0)
		return -1;
	if (!f.n)
		return 0;
	if (parse_claim(e, &f.pairs[0], ip) < 0)
		return -1;
	ip->plen = w->pool->subnet.plen;
	if (!range_set_find(&w->pool->free, ip) || (w->asked.family && !ip_equal(&w->asked, ip)))
		return err_config(e->err,
				  "the claim %s has %s, which is not what the configuration gives: "
				  "cnic ipam release-claim",
				  w->claim, ip_str(ip, text));
	return 0;
}

int single_take_claim(struct engine *e, const struct single_want *w, struct ip *ip, bool *made)
{
	enum outcome outcome = TAKEN;

	*made = false;
	if (engine_contact(e) < 0)
		return -1;
	for (int tries = 0; tries < TRIES; tries++) {
		bool got = false;

		if (read_claim(e, w, ip) < 0)
			return -1;
		if (ip->family) {
			if (take_known(e, w, ip, &got) < 0 || got)
				return got ? 0 : -1;
			continue;
		}
		if ((w->asked.family ? take_asked(e, w, ip, &outcome)
				     : take_any(e, w, ip, &outcome)) < 0)
			return -1;
		*made = outcome == TAKEN;
		if (outcome != CLAIM_THERE)
			return 0;
	}
	return err_set(e->err, ERR_RETRY, "the claim %s changes all the time", w->claim);
}

/* ---- giving back ----------------------------------------------------------------------------- */

static int give_back(struct engine *e, const struct state_single *single, bool keep_claim)
{
	struct engine_txn *t;
	const char *key;

	if (engine_contact(e) < 0)
		return -1;
	key = keys_addr(e->state.space, &single->ip, e->arena);
	t = engine_begin(e, STATE_SINGLE_RETURN, false);
	t->pending.single = *single;
	if (*single->claim && keep_claim)
		kv_then(&t->txn, (struct kv_op){ .kind = KV_PUT,
						 .key = key,
						 .value = engine_value(e, single->claim, true) });
	else
		kv_then(&t->txn, (struct kv_op){ .kind = KV_DELETE, .key = key });
	if (*single->claim && !keep_claim)
		kv_then(&t->txn, (struct kv_op){ .kind = KV_DELETE,
						 .key = keys_claim(e->state.space, single->claim,
								   single->set, e->arena) });
	if (engine_send(e, t) < 0)
		return -1;
	return t->done ? 0
		       : err_set(e->err, ERR_RETRY, "the register of this node changed meanwhile");
}

int single_return(struct engine *e, const struct state_single *single)
{
	return give_back(e, single, true);
}

int single_return_made(struct engine *e, const struct state_single *single)
{
	return give_back(e, single, false);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int look(struct engine *e, const struct single_want *w, const struct ip *ip,
		const struct kv_found **f)
{
	struct engine_txn *t = arena_new(e->arena, struct engine_txn);

	read_taken(e, t, w, ip);
	memcpy(t->txn.success, t->txn.failure, sizeof(t->txn.success));
	t->txn.n_success = t->txn.n_failure;
	if (kv_txn(e->kv, &t->txn, &t->result, e->err) < 0)
		return -1;
	*f = t->result.found;
	return 0;
}

/* What is found behind a list that was cut is free if it is so when looked at from there. */
int single_is_left(struct engine *e, const struct pool *p, bool *left)
{
	const struct single_want w = { .pool = p, .claim = "" };
	struct ip at = p->free.ranges[0].start, next = at;
	int order = 1;

	*left = true;
	if (engine_look(e) < 0)
		return -1;
	for (int tries = 0; *left && order > 0 && tries < TRIES; tries++) {
		const struct kv_found *f;

		if (look(e, &w, &at, &f) < 0)
			return -1;
		*left = next_free(e, &w, &p->free, f, &at, &next);
		order = *left && is_cut(f) ? ip_cmp(&next, &at) : 0;
		at = next;
	}
	*left &= order >= 0;
	return 0;
}
