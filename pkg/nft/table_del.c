/* SPDX-License-Identifier: Apache-2.0 */
/* Elements that go: by their keys, or by whose they are. */
#include <string.h>

#include "nft/table_list.h"

/* What goes in a transaction, and what comes in its place. */
struct removal {
	const struct nft_table_def *own;
	const struct nft_succession *succession; /* may be NULL */
	struct nft_elem *elems;
	struct nft_successor *next;
	size_t n, n_next;
	struct arena *arena;
};

static int mark_to_delete(struct removal *r, const struct nft_elem *e, const char *comment)
{
	struct nft_successor s = { .own = r->own, .leaving = comment, .key = e };

	*arena_append(r->arena, r->elems, r->n) = *e;
	if (!r->succession || !nft_is_shared(comment))
		return 0;
	if (r->succession->find(&s, r->succession->data) < 0)
		return -1;
	if (s.elem)
		*arena_append(r->arena, r->next, r->n_next) = s;
	return 0;
}

/* A third may want it: the mark stays. */
static void put_removal(struct nl *nl, const struct removal *r)
{
	const struct nft_table *t = &r->own->table;

	nft_begin(nl, (r->n + r->n_next) * 2, r->arena);
	nft_msg_elems_del(nl, t, r->elems, r->n);
	for (size_t i = 0; i < r->n_next; i++)
		nft_msg_elems_add(nl, t, r->next[i].elem, 1,
				  nft_shared_comment(r->next[i].comment, NFT_SHARED, r->arena));
}

/* ---- by key ---------------------------------------------------------------------------------- */

/*
 * Of those that the look found to be ours, all or the fresh ones; in as few messages as it takes.
 */
static int doom_ours(struct removal *r, const struct nft_scan *l, const bool *only)
{
	const struct nft_elems *c = l->c;

	for (size_t i = 0; i < c->n_elems; i++) {
		bool ours = l->states[i] == OURS || l->states[i] == OURS_OTHERWISE;

		if (ours && (!only || only[i]) &&
		    mark_to_delete(r, &c->elems[i], l->comments[i]) < 0)
			return -1;
	}
	return 0;
}

/* Between the look and the transaction somebody may have removed one: ENOENT, look again. */
static int release(struct nl *nl, const struct nft_elems *c, bool undo, struct arena *arena)
{
	struct nft_scan l;

	nft_scan_begin(&l, c, arena);
	for (int tries = 0;;) {
		struct removal r = { c->own, .succession = c->succession, .arena = arena };

		if (nft_scan(nl, &l) < 0 || doom_ours(&r, &l, undo ? c->added : NULL) < 0)
			return -1;
		put_removal(nl, &r);
		for (size_t i = 0; undo && i < c->n_elems; i++)
			if (c->marked[i] && l.kins[i])
				nft_scan_set_shared(nl, &l, i, ',');
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int nft_elems_undo(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	return release(nl, c, true, arena);
}

int nft_elems_del(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	return release(nl, c, false, arena);
}

int nft_elems_retire(struct nl *nl, struct nft_elems *c, const struct nft_elems *kept,
		     struct arena *arena)
{
	bool same_table = !strcmp(c->own->table.name, kept->own->table.name);
	size_t n = 0;

	for (size_t i = 0; i < c->n_elems; i++)
		if (!same_table || !nft_elems_find(kept, &c->elems[i]))
			c->elems[n++] = c->elems[i];
	c->n_elems = n;
	return n ? nft_elems_del(nl, c, arena) : 0;
}

/* ---- sweeping -------------------------------------------------------------------------------- */

struct gc {
	nft_stale stale;
	void *data;
	struct nft_elem *elems; /* to be removed, of all sets */
	const char **comments;
	size_t n, before;    /* before: of the sets that are done */
	const char **chains; /* that removed elements went to */
	size_t n_chains;
	const char *set;
	struct arena *arena;
};

static void gc_reset(void *data)
{
	struct gc *s = data;

	s->n = s->before;
}

static void gc_add_chain(struct gc *s, const char *chain)
{
	for (size_t i = 0; i < s->n_chains; i++)
		if (!strcmp(s->chains[i], chain))
			return;
	*arena_append(s->arena, s->chains, s->n_chains) = arena_strdup(s->arena, chain);
}

static void gc_on_elem(const struct nft_elem_info *found, void *data)
{
	struct gc *s = data;
	size_t n = s->n;
	struct nft_elem *e;

	if (!s->stale(found->comment, s->data))
		return;
	*arena_append(s->arena, s->comments, n) = arena_strdup(s->arena, found->comment);
	e = arena_append(s->arena, s->elems, s->n);
	*e = found->at;
	e->set = s->set;
	if (e->chain)
		gc_add_chain(s, e->chain);
	e->chain = NULL;
}

static int gc_list(struct nl *nl, const struct nft_table_def *own, struct gc *s)
{
	s->n = s->before = 0;
	for (const char *const *set = own->sets; *set; set++) {
		s->set = *set;
		if (nft_list(nl, &own->table, *set, gc_on_elem, gc_reset, s) < 0)
			return -1;
		s->before = s->n;
	}
	return 0;
}

/*
 * One in use is busy, one that is no subchain too, and so is one that a newcomer is about to use.
 */
static void gc_chains(struct nl *nl, const struct nft_table_def *own, const struct gc *s)
{
	for (size_t i = 0; i < s->n_chains; i++) {
		nft_begin(nl, 0, s->arena);
		nft_chain_flush(nl, &own->table, s->chains[i]);
		nft_chain_del(nl, &own->table, s->chains[i]);
		if (nft_commit(nl) < 0)
			err_clear(nl->err);
	}
}

static int doom_swept(struct removal *r, const struct gc *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (mark_to_delete(r, &s->elems[i], s->comments[i]) < 0)
			return -1;
	return 0;
}

int nft_elems_gc_shared(struct nl *nl, const struct nft_table_def *own, nft_stale stale, void *data,
			const struct nft_succession *succession, struct arena *arena)
{
	struct gc s = { .stale = stale, .data = data, .arena = arena };

	for (int tries = 0;;) {
		struct removal r = { own, .succession = succession, .arena = arena };

		if (gc_list(nl, own, &s) < 0 || doom_swept(&r, &s) < 0)
			return -1;
		put_removal(nl, &r);
		if (nft_commit(nl) == 0) {
			gc_chains(nl, own, &s);
			return 0;
		}
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int nft_elems_gc(struct nl *nl, const struct nft_table_def *own, nft_stale stale, void *data,
		 struct arena *arena)
{
	return nft_elems_gc_shared(nl, own, stale, data, NULL, arena);
}
