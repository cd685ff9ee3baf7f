/* SPDX-License-Identifier: Apache-2.0 */
#include "reclaim.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "block.h"
#include "give.h"
#include "journal.h"
#include "keys.h"
#include "sys/file.h"

struct reclaim {
	struct cni_call *c;
	struct store *store;
	const struct holder *holder; /* DEL */
	bool (*keep)(const struct holder *holder, void *arg);
	void *arg;
};

/* ---- each space ------------------------------------------------------------------------------ */

static bool is_state(const char *name)
{
	return !file_is_draft(name);
}

static int open_engine(const struct reclaim *r, const char *space, struct engine *e)
{
	const struct cni_call *c = r->c;

	if (engine_open(e, c->conf, c->req->net.name, space, c->arena, c->err) < 0)
		return -1;
	e->store = r->store;
	return 0;
}

static int each_space(struct reclaim *r, int (*fn)(struct reclaim *r, struct engine *e))
{
	struct cni_call *c = r->c;
	const struct cluster_conf *conf = c->conf;
	const char *dir = state_dir(conf->data_dir, c->req->net.name, c->arena);
	struct cni_steps steps = { 0 };
	const char **names;
	size_t n;

	if (file_names(dir, is_state, c->arena, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *space = keys_decode(names[i], c->arena);
		struct engine e;

		if (space)
			cni_step(c, &steps, open_engine(r, space, &e) < 0 ? -1 : fn(r, &e));
	}
	return cni_steps_end(c, &steps);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

static bool is_another(const struct state_single *s, void *arg)
{
	const struct holder *holder = arg;

	return strcmp(s->id, holder->id) != 0 || strcmp(s->ifname, holder->ifname) != 0;
}

static int del_space(struct reclaim *r, struct engine *e)
{
	struct err before = *e->err;
	struct holder holder = *r->holder;
	bool any = false, back;

	for (size_t i = 0; i < e->state.n_singles; i++)
		any |= !is_another(&e->state.singles[i], &holder);
	if (!any)
		return 0;
	if (give_release_singles(e, is_another, &holder, &back) < 0)
		return -1;
	*e->err = before;
	return 0;
}

int reclaim_del(struct cni_call *c, struct store *s, const struct holder *holder)
{
	struct reclaim r = { .c = c, .store = s, .holder = holder };

	return each_space(&r, del_space);
}

/* ---- GC -------------------------------------------------------------------------------------- */

/* The block is not empty. */
static int note_full(const struct reservation *res, void *arg)
{
	struct engine *e = arg;

	for (size_t i = 0; i < e->state.n_blocks; i++)
		if (cidr_contains(&e->state.blocks[i].base, &res->ip))
			e->state.blocks[i].empty = -1;
	return 0;
}

/* Since when each block is empty. */
static int note_empty(struct engine *e, struct store *s)
{
	int64_t *was = arena_array(e->arena, int64_t, e->state.n_blocks + 1), now = time(NULL);

	for (size_t i = 0; i < e->state.n_blocks; i++)
		was[i] = e->state.blocks[i].empty;
	if (s->dir >= 0 && reservation_scan(s->dir, note_full, e, e->err) < 0)
		return -1;
	for (size_t i = 0; i < e->state.n_blocks; i++) {
		struct state_block *b = &e->state.blocks[i];

		if (b->empty < 0)
			b->empty = 0;
		else if (!b->empty || b->empty > now)
			b->empty = now;
		e->dirty |= b->empty != was[i];
	}
	return 0;
}

/* The network is in another space now. */
static bool is_left(const struct engine *e)
{
	return *e->conf->space && strcmp(e->conf->space, e->state.space) != 0;
}

/* Nothing of it would be given any more. */
static bool is_drained(const struct engine *e, const struct ip *base)
{
	const struct cluster_conf *conf = e->conf;
	struct range_set ignored = { 0 };

	if (is_left(e))
		return true;
	for (size_t i = 0; i < conf->n_pools; i++)
		if (pool_cut(&conf->pools[i], base, e->arena, &ignored))
			return false;
	return conf->n_pools > 0;
}

/* No other block here has addresses of a range that this one has some of. */
static bool is_last(const struct engine *e, const struct ip *base)
{
	const struct cluster_conf *conf = e->conf;
	struct range_set ignored = { 0 };

	for (size_t i = 0; i < conf->n_pools; i++) {
		size_t n = 0;

		if (!pool_cut(&conf->pools[i], base, e->arena, &ignored))
			continue;
		for (size_t k = 0; k < e->state.n_blocks; k++)
			n += pool_cut(&conf->pools[i], &e->state.blocks[k].base, e->arena,
				      &ignored);
		if (n == 1)
			return true;
	}
	return e->state.n_blocks == 1;
}

/* One block of each range is kept, for the next ADD. */
static int return_idle(struct engine *e)
{
	int64_t now = time(NULL);

	for (size_t i = e->state.n_blocks; i-- > 0;) {
		const struct state_block b = e->state.blocks[i];
		bool drained = is_drained(e, &b.base);

		if (!b.empty ||
		    (!drained && (now - b.empty < e->conf->idle || is_last(e, &b.base))))
			continue;
		if (block_return(e, &b.base) < 0)
			return -1;
		if (engine_save(e) < 0)
			return -1;
	}
	return 0;
}

/* Without a list of what is valid: what was given in this boot, or may have been. */
static bool is_kept(const struct state_single *s, void *arg)
{
	const struct reclaim *r = arg;
	const struct holder h = { s->id, s->ifname };

	return r->keep ? r->keep(&h, r->arg) : !journal_is_earlier_boot(r->store, s);
}

static int gc_reachable(struct reclaim *r, struct engine *e)
{
	bool back;

	if (give_release_singles(e, is_kept, r, &back) < 0 || !back)
		return -1;
	if (e->state.pending.what != STATE_NOTHING && engine_contact(e) < 0)
		return -1;
	if (note_empty(e, r->store) < 0 || engine_save(e) < 0)
		return -1;
	return return_idle(e);
}

/* What cannot be returned is no reason for GC to fail for ever. */
static int gc_space(struct reclaim *r, struct engine *e)
{
	struct err before = *e->err;
	const struct state *s = &e->state;

	if (gc_reachable(r, e) == 0)
		return 0;
	if (!is_left(e) || e->err->code != ERR_CONFIG)
		return -1;
	fprintf(stderr,
		"%s: %s; %zu blocks and %zu single addresses stay this node's there: call cnic ipam "
		"release-node %s with the configuration of then, and remove %s\n",
		s->space, e->err->msg, s->n_blocks, s->n_singles, s->uuid, s->path);
	*e->err = before;
	return 0;
}

int reclaim_gc(struct cni_call *c, struct store *s,
	       bool (*keep)(const struct holder *holder, void *arg), void *arg)
{
	struct reclaim r = { .c = c, .store = s, .keep = keep, .arg = arg };
	const struct cluster_conf *conf = c->conf;

	file_remove_drafts(state_dir(conf->data_dir, c->req->net.name, c->arena), c->arena);
	return each_space(&r, gc_space);
}
