/* SPDX-License-Identifier: Apache-2.0 */
#include "give.h"

#include <string.h>

#include "block.h"
#include "single.h"

#define ROUNDS 4

void give_init(struct give *g, struct engine *e, struct store *store, const struct holder *holder)
{
	const struct cluster_conf *conf = e->conf;

	*g = (struct give){ .e = e, .store = store, .holder = *holder, .n = conf->n_pools };
	g->sets = arena_array(e->arena, struct give_set, g->n);
	for (size_t i = 0; i < g->n; i++)
		g->sets[i].pool = &conf->pools[i];
}

/* ---- what there is --------------------------------------------------------------------------- */

static void note_held(struct give *g, const struct ip *ip)
{
	for (size_t i = 0; i < g->n; i++) {
		struct give_set *set = &g->sets[i];

		if (set->ip.family || !cidr_contains(&set->pool->subnet, ip) ||
		    ip_cmp(ip, &set->pool->start) < 0 || ip_cmp(ip, &set->pool->end) > 0)
			continue;
		set->ip = *ip;
		set->ip.plen = set->pool->subnet.plen;
		set->before = true;
		return;
	}
}

static bool is_of(const struct state_single *s, const struct holder *holder)
{
	return !strcmp(s->id, holder->id) && !strcmp(s->ifname, holder->ifname);
}

int give_find(struct give *g)
{
	const struct state *s = &g->e->state;
	struct store_held held;

	if (store_find(g->store, &g->holder, &held) < 0)
		return -1;
	for (size_t i = 0; i < held.n; i++)
		note_held(g, &held.ips[i]);
	for (size_t i = 0; i < s->n_singles; i++)
		if (*s->singles[i].id && is_of(&s->singles[i], &g->holder))
			note_held(g, &s->singles[i].ip);
	return 0;
}

/* ---- single addresses ------------------------------------------------------------------------ */

static struct single_want single_of(const struct give *g, const struct give_set *set,
				    const char *claim)
{
	return (struct single_want){
		.pool = set->pool,
		.set = (uint32_t)(set - g->sets),
		.asked = set->asked,
		.claim = claim,
		.holder = g->holder,
		.boot = g->store->index.boot,
	};
}

static bool take_stock(struct give *g, struct give_set *set, const char *claim)
{
	const struct single_want w = single_of(g, set, claim);
	const struct state_single *s = single_take_stock(g->e, &w);

	if (s)
		set->ip = s->ip;
	return s;
}

/* ---- this node's blocks ---------------------------------------------------------------------- */

/* A want for each set without an address; false: one has no block to get it from. */
static bool make_wants(struct give *g)
{
	bool all = true;

	g->wants = arena_array(g->e->arena, struct store_want, g->n);
	g->n_wants = 0;
	for (size_t i = 0; i < g->n; i++) {
		struct range_set *set;

		if (g->sets[i].ip.family)
			continue;
		set = arena_new(g->e->arena, struct range_set);
		block_local_set(g->e, g->sets[i].pool, set);
		g->wants[g->n_wants++] =
			(struct store_want){ .set = set, .asked = g->sets[i].asked };
		all &= set->n_ranges > 0;
	}
	return all;
}

static void take_wants(struct give *g)
{
	for (size_t i = 0, k = 0; i < g->n; i++) {
		if (g->sets[i].ip.family)
			continue;
		g->sets[i].ip = g->wants[k].ip;
		g->sets[i].ip.plen = g->sets[i].pool->subnet.plen;
		g->sets[i].never_used = g->wants[k++].never_used;
	}
}

/* 1: done; 0: a set has no address left in our blocks. Asks nobody. */
static int reserve(struct give *g)
{
	if (!make_wants(g))
		return 0;
	if (store_reserve(g->store, &g->holder, g->wants, g->n_wants) == 0) {
		take_wants(g);
		return 1;
	}
	g->n_wants = 0;
	if (g->e->err->code != ERR_EXHAUSTED)
		return -1;
	err_clear(g->e->err);
	return 0;
}

/* ---- more from the space --------------------------------------------------------------------- */

static int no_address(const struct give *g, const struct give_set *set)
{
	char ranges[256];

	return err_set(g->e->err, ERR_EXHAUSTED, "no IP addresses available in range set: %s",
		       range_set_str(&set->pool->free, ranges, sizeof(ranges)));
}

static int take_single(struct give *g, struct give_set *set, const char *claim)
{
	const struct single_want w = single_of(g, set, claim);
	int rc = engine_contact(g->e);

	if (!rc && take_stock(g, set, claim)) /* what has been resolved just now */
		return 0;
	if (!rc)
		rc = *claim ? single_take_claim(g->e, &w, &set->ip, &set->made)
			    : single_take(g->e, &w, &set->ip);
	if (rc < 0) {
		set->ip.family = AF_UNSPEC;
		return -1;
	}
	if (set->ip.family)
		return 0;
	return engine_raise(g->e) < 0 ? -1 : no_address(g, set);
}

static bool has_free(struct give *g, const struct give_set *set)
{
	struct err before = *g->e->err;
	struct range_set local;
	bool has;

	block_local_set(g->e, set->pool, &local);
	has = local.n_ranges && store_check_free(g->store, &local, 1) == 0;
	*g->e->err = before;
	return has;
}

/* A block, or where there is none a single address. */
static int top_up(struct give *g, struct give_set *set)
{
	bool got = false;

	if (has_free(g, set))
		return 0;
	if (engine_contact(g->e) < 0)
		return -1;
	if (has_free(g, set)) /* of a block whose claim has been resolved just now */
		return 0;
	if (block_claim(g->e, set->pool, &got) < 0)
		return -1;
	return got ? 0 : take_single(g, set, "");
}

static int top_up_all(struct give *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->sets[i].ip.family && top_up(g, &g->sets[i]) < 0)
			return -1;
	return 0;
}

static bool is_complete(const struct give *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->sets[i].ip.family)
			return false;
	return true;
}

/* An address that was asked for: of our own block it is a reservation. */
static int give_asked(struct give *g, struct give_set *set)
{
	struct range_set local;

	block_local_set(g->e, set->pool, &local);
	if (range_set_find(&local, &set->asked))
		return 0;
	return take_stock(g, set, "") ? 0 : take_single(g, set, "");
}

static int give_special(struct give *g)
{
	const char *claim = g->e->conf->claim_key;

	for (size_t i = 0; i < g->n; i++) {
		struct give_set *set = &g->sets[i];

		if (set->ip.family)
			continue;
		if (*claim && !take_stock(g, set, claim) && take_single(g, set, claim) < 0)
			return -1;
		if (!*claim && set->asked.family && give_asked(g, set) < 0)
			return -1;
		if (!*claim && !set->asked.family)
			(void)take_stock(g, set, "");
	}
	return 0;
}

/* Told of again after a reboot: GC of what earlier boots have left leaves it. */
static void renew(struct give *g)
{
	struct state *s = &g->e->state;
	bool any = false;

	for (size_t i = 0; i < g->n; i++)
		any |= g->sets[i].before;
	if (!any)
		return;
	store_renew(g->store, &g->holder);
	for (size_t i = 0; i < s->n_singles; i++)
		if (is_of(&s->singles[i], &g->holder) &&
		    strcmp(s->singles[i].boot, g->store->index.boot) != 0) {
			s->singles[i].boot = g->store->index.boot;
			g->e->dirty = true;
		}
}

/*
 * A block that is claimed again after this node was released may be full by what attachments here
 * have. A round in which one was claimed does not count: there is an end to those.
 */
int give_all(struct give *g)
{
	int rc;

	renew(g);
	rc = is_complete(g) ? 1 : give_special(g);
	for (int i = 0; !rc && i < ROUNDS; i++) {
		size_t blocks = g->e->state.n_blocks;

		rc = is_complete(g) ? 1 : reserve(g);
		if (!rc)
			rc = top_up_all(g);
		i -= g->e->state.n_blocks > blocks;
	}
	if (!rc)
		rc = err_set(g->e->err, ERR_RETRY, "the blocks of this node are full at once");
	return rc < 0 ? -1 : engine_save(g->e);
}

/* ---- giving back ----------------------------------------------------------------------------- */

static bool is_before(const struct give *g, const struct ip *ip)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->sets[i].before && ip_equal(&g->sets[i].ip, ip))
			return true;
	return false;
}

/* What keeps an address of this call, which is stock by now, for a key. */
static int unmake_claims(struct give *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct state_single *s = state_find_single(&g->e->state, &g->sets[i].ip);
		const struct state_single single = s ? *s : (struct state_single){ 0 };

		if (g->sets[i].made && s && !*single.id && single_return_made(g->e, &single) < 0)
			return -1;
	}
	return engine_save(g->e);
}

/* What was a single address of this call when the node turned out to be released. */
static void unreserve_kept(struct give *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct store_want kept = { .ip = g->sets[i].ip };

		if (!g->sets[i].before)
			store_unreserve(g->store, &g->holder, &kept, 1);
	}
}

void give_undo(struct give *g)
{
	struct state *s = &g->e->state;
	struct err before = *g->e->err;
	bool back;

	store_unreserve(g->store, &g->holder, g->wants, g->n_wants);
	unreserve_kept(g);
	for (size_t i = 0; i < s->n_singles; i++) {
		if (!is_of(&s->singles[i], &g->holder) || is_before(g, &s->singles[i].ip))
			continue;
		s->singles[i].id = s->singles[i].ifname = "";
		g->e->dirty = true;
	}
	if (engine_save(g->e) == 0 && unmake_claims(g) == 0)
		(void)!give_release_singles(g->e, NULL, NULL, &back);
	*g->e->err = before;
}

static int return_stock(struct engine *e)
{
	for (size_t i = e->state.n_singles; i-- > 0;)
		if (!*e->state.singles[i].id) {
			const struct state_single single = e->state.singles[i];

			if (single_return(e, &single) < 0)
				return -1;
		}
	return engine_save(e);
}

int give_release_singles(struct engine *e,
			 bool (*keep)(const struct state_single *single, void *arg), void *arg,
			 bool *back)
{
	bool stock = e->state.pending.what == STATE_SINGLE_TAKE ||
		     e->state.pending.what == STATE_SINGLE_RETURN;
	struct err before = *e->err;

	for (size_t i = 0; i < e->state.n_singles; i++) {
		struct state_single *s = &e->state.singles[i];

		if (*s->id && keep && !keep(s, arg)) {
			s->id = s->ifname = "";
			e->dirty = true;
		}
		stock |= !*s->id;
	}
	*back = true;
	if (engine_save(e) < 0)
		return -1;
	if (!stock)
		return 0;
	*back = engine_contact(e) == 0 && return_stock(e) == 0;
	if (*back)
		*e->err = before;
	return 0;
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

static bool has_stock(const struct give *g, const struct give_set *set)
{
	const struct state *s = &g->e->state;

	for (size_t i = 0; i < s->n_singles; i++)
		if (!*s->singles[i].id && !*s->singles[i].claim &&
		    range_set_find(&set->pool->free, &s->singles[i].ip))
			return true;
	return false;
}

int give_check_free(struct give *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct give_set *set = &g->sets[i];
		bool left = false;

		if (has_stock(g, set) || has_free(g, set))
			continue;
		if (single_is_left(g->e, set->pool, &left) < 0) {
			g->e->err->code = ERR_LIMITED;
			return err_wrap(g->e->err, "no free address on this node");
		}
		if (left)
			continue;
		(void)no_address(g, set);
		g->e->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return 0;
}
