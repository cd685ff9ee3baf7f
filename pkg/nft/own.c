/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/own.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

void nft_subchain_name(struct nft_subchain *s, const char *prefix, const struct ip *net)
{
	char text[IP_STRLEN];

	s->net = ip_network(net);
	snprintf(s->name, sizeof(s->name), "%s%s", prefix, cidr_str(&s->net, text));
	for (char *p = s->name; *p; p++)
		if (*p == ':')
			*p = '_';
}

/* ---- what is there --------------------------------------------------------------------------- */

enum state { ABSENT, OURS, OURS_OTHERWISE, KINS, OTHERS_SAME, OTHERS };

struct look {
	const struct nft_claim *c;
	uint8_t *states;     /* by element: enum state */
	const char **owners; /* of OTHERS */
	struct arena *arena;
};

static bool same_data(const struct nft_elem *a, const struct nft_elem *b)
{
	if (a->has_verdict != b->has_verdict)
		return false;
	if (!a->has_verdict)
		return a->data_len == b->data_len && !memcmp(a->data, b->data, a->data_len);
	if (a->verdict != b->verdict || !a->chain != !b->chain)
		return false;
	return !a->chain || !strcmp(a->chain, b->chain);
}

static void see(const struct nft_found *found, void *data)
{
	struct look *l = data;
	const struct nft_claim *c = l->c;
	bool same = same_data(&c->elems[found->index], &found->at);
	uint8_t *state = &l->states[found->index];

	if (!strcmp(found->comment, c->owner)) {
		*state = same ? OURS : OURS_OTHERWISE;
		return;
	}
	*state = same && found->at.data_len ? OTHERS_SAME : OTHERS;
	if (c->is_kin && c->is_kin(c, found->comment))
		*state = KINS;
	l->owners[found->index] = arena_strdup(l->arena, found->comment);
}

static bool is_fine(uint8_t state)
{
	return state == OURS || state == KINS;
}

static int look(struct nl *nl, struct look *l)
{
	const struct nft_claim *c = l->c;

	memset(l->states, ABSENT, c->n_elems);
	return nft_get(nl, &c->own->table, c->elems, c->n_elems, see, l);
}

static void look_begin(struct look *l, const struct nft_claim *c, struct arena *arena)
{
	l->c = c;
	l->arena = arena;
	l->states = arena_array(arena, uint8_t, c->n_elems + 1);
	l->owners = arena_array(arena, const char *, c->n_elems + 1);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static void build(struct nl *nl, const struct nft_claim *c)
{
	const struct nft_table *t = &c->own->table;

	c->own->build(nl, t);
	for (size_t i = 0; i < c->n_chains; i++) {
		nft_chain_add(nl, t, c->chains[i].name, NULL);
		nft_chain_flush(nl, t, c->chains[i].name);
		c->chains[i].build(nl, t, &c->chains[i]);
	}
}

/* Runs of elements that have the same state: the fewer messages the better. */
static void put_elems(struct nl *nl, const struct nft_claim *c, const uint8_t *states)
{
	const struct nft_table *t = &c->own->table;

	for (size_t i = 0, end; i < c->n_elems; i = end) {
		for (end = i + 1; end < c->n_elems && states[end] == states[i];)
			end++;
		if (is_fine(states[i]))
			continue;
		if (states[i] != ABSENT)
			nft_elems_del(nl, t, c->elems + i, end - i);
		nft_elems_add(nl, t, c->elems + i, end - i, c->owner);
	}
}

static int put(struct nl *nl, const struct nft_claim *c, bool with_build, const uint8_t *states,
	       struct arena *arena)
{
	nft_begin(nl, c->n_elems * 2, arena);
	if (with_build)
		build(nl, c);
	put_elems(nl, c, states);
	return nft_commit(nl);
}

static int refuse_others(struct nl *nl, const struct look *l)
{
	for (size_t i = 0; l->c->exclusive && i < l->c->n_elems; i++)
		if (l->states[i] == OTHERS && !l->c->elems[i].given)
			return err_set(nl->err, ERR_IN_USE, "%s is held by another container (%s)",
				       l->c->elems[i].what, l->owners[i]);
	return 0;
}

static void note_fresh(struct nft_claim *c, const uint8_t *states)
{
	for (size_t i = 0; i < c->n_elems; i++)
		c->fresh[i] = !is_fine(states[i]);
}

/* It may have been done after all: what was not there before is not to be there now. */
static int take_back(struct nl *nl, struct nft_claim *c, const uint8_t *states, struct arena *arena)
{
	struct err first = *nl->err;

	note_fresh(c, states);
	if (nl->unanswered)
		(void)!nft_unclaim(nl, c, arena);
	*nl->err = first;
	return -1;
}

/*
 * As a rule everything but the elements is there, and they are not: so that is tried first. ENOENT says that
 * something they need is missing, EEXIST that somebody has one of them.
 */
static int claim(struct nl *nl, struct nft_claim *c, bool with_build, struct arena *arena)
{
	struct look l;
	bool missing;

	look_begin(&l, c, arena);
	c->fresh = arena_array(arena, bool, c->n_elems + 1);
	for (int tries = 0;;) {
		if (put(nl, c, with_build, l.states, arena) == 0) {
			note_fresh(c, l.states);
			return 0;
		}
		missing = nl->err->sys == ENOENT;
		if (!nft_again(nl, &tries, missing ? ENOENT : EEXIST))
			return take_back(nl, c, l.states, arena);
		with_build |= missing;
		if (look(nl, &l) < 0 || refuse_others(nl, &l) < 0)
			return -1;
	}
}

int nft_claim(struct nl *nl, struct nft_claim *c, struct arena *arena)
{
	return claim(nl, c, false, arena);
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Of those that the look found to be ours, all or the fresh ones; in as few messages as it takes. */
static void del_ours(struct nl *nl, const struct look *l, const bool *only)
{
	const struct nft_claim *c = l->c;
	struct nft_elem *doomed = arena_array(l->arena, struct nft_elem, c->n_elems + 1);
	size_t n = 0;

	for (size_t i = 0; i < c->n_elems; i++) {
		bool ours = l->states[i] == OURS || l->states[i] == OURS_OTHERWISE;

		if (ours && (!only || only[i]))
			doomed[n++] = c->elems[i];
	}
	nft_elems_del(nl, &c->own->table, doomed, n);
}

/* Between the look and the transaction somebody may have removed one: ENOENT, look again. */
static int release(struct nl *nl, const struct nft_claim *c, const bool *only, struct arena *arena)
{
	struct look l;

	look_begin(&l, c, arena);
	for (int tries = 0;;) {
		if (look(nl, &l) < 0)
			return -1;
		nft_begin(nl, c->n_elems, arena);
		del_ours(nl, &l, only);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_again(nl, &tries, ENOENT))
			return -1;
	}
}

int nft_unclaim(struct nl *nl, const struct nft_claim *c, struct arena *arena)
{
	return release(nl, c, c->fresh, arena);
}

int nft_release(struct nl *nl, const struct nft_claim *c, struct arena *arena)
{
	return release(nl, c, NULL, arena);
}

/* ---- checking -------------------------------------------------------------------------------- */

struct count {
	const char **chains; /* of each rule seen */
	size_t n;
	struct arena *arena;
};

static void count_reset(void *data)
{
	struct count *k = data;

	k->chains = NULL;
	k->n = 0;
}

static void count_rule(const struct nft_rule_seen *rule, void *data)
{
	struct count *k = data;

	*arena_append(k->arena, k->chains, k->n) = arena_strdup(k->arena, rule->chain);
}

static int expect_rules(struct nl *nl, const struct count *k, const struct nft_own *own,
			const char *chain, unsigned int rules)
{
	for (size_t i = 0; i < k->n && rules; i++)
		rules -= !strcmp(k->chains[i], chain);
	if (rules)
		return err_set(nl->err, ERR_CHECK,
			       "nf_tables: rules of chain %s in table %s are gone", chain,
			       own->table.name);
	return 0;
}

static int verify_rules(struct nl *nl, const struct nft_claim *c, struct arena *arena)
{
	struct count k = { .arena = arena };

	if (nft_rules(nl, &c->own->table, NULL, count_rule, count_reset, &k) < 0)
		return -1;
	for (const struct nft_rule_count *r = c->own->rules; r->chain; r++)
		if (expect_rules(nl, &k, c->own, r->chain, r->rules) < 0)
			return -1;
	for (size_t i = 0; i < c->n_chains; i++)
		if (expect_rules(nl, &k, c->own, c->chains[i].name, c->chains[i].rules) < 0)
			return -1;
	return 0;
}

int nft_verify(struct nl *nl, const struct nft_claim *c, struct arena *arena)
{
	struct look l;

	look_begin(&l, c, arena);
	if (look(nl, &l) < 0)
		return -1;
	for (size_t i = 0; i < c->n_elems; i++)
		if (!is_fine(l.states[i]))
			return err_set(nl->err, ERR_CHECK, "nf_tables: %s is %s table %s",
				       c->elems[i].what,
				       l.states[i] == ABSENT ? "gone from" : "another's in",
				       c->own->table.name);
	return verify_rules(nl, c, arena);
}

int nft_restore(struct nl *nl, struct nft_claim *c, struct arena *arena)
{
	if (nft_verify(nl, c, arena) == 0)
		return 0;
	if (nl->err->code != ERR_CHECK)
		return -1;
	err_clear(nl->err);
	return claim(nl, c, true, arena);
}

/* ---- sweeping -------------------------------------------------------------------------------- */

struct sweep {
	nft_stale stale;
	void *data;
	struct nft_elem *elems; /* to be removed, of all sets */
	size_t n, before;       /* before: of the sets that are done */
	const char **chains;    /* that removed elements went to */
	size_t n_chains;
	const char *set;
	struct arena *arena;
};

static void sweep_reset(void *data)
{
	struct sweep *s = data;

	s->n = s->before;
}

static void sweep_chain(struct sweep *s, const char *chain)
{
	for (size_t i = 0; i < s->n_chains; i++)
		if (!strcmp(s->chains[i], chain))
			return;
	*arena_append(s->arena, s->chains, s->n_chains) = arena_strdup(s->arena, chain);
}

static void sweep_see(const struct nft_found *found, void *data)
{
	struct sweep *s = data;
	struct nft_elem *e;

	if (!s->stale(found->comment, s->data))
		return;
	e = arena_append(s->arena, s->elems, s->n);
	*e = found->at;
	e->set = s->set;
	if (e->chain)
		sweep_chain(s, e->chain);
	e->chain = NULL;
}

static int sweep_list(struct nl *nl, const struct nft_own *own, struct sweep *s)
{
	s->n = s->before = 0;
	for (const char *const *set = own->sets; *set; set++) {
		s->set = *set;
		if (nft_list(nl, &own->table, *set, sweep_see, sweep_reset, s) < 0)
			return -1;
		s->before = s->n;
	}
	return 0;
}

/* One in use is busy, one that is no subchain too, and so is one that a newcomer is about to use. */
static void sweep_chains(struct nl *nl, const struct nft_own *own, const struct sweep *s)
{
	for (size_t i = 0; i < s->n_chains; i++) {
		nft_begin(nl, 0, s->arena);
		nft_chain_flush(nl, &own->table, s->chains[i]);
		nft_chain_del(nl, &own->table, s->chains[i]);
		if (nft_commit(nl) < 0)
			err_clear(nl->err);
	}
}

int nft_sweep(struct nl *nl, const struct nft_own *own, nft_stale stale, void *data,
	      struct arena *arena)
{
	struct sweep s = { .stale = stale, .data = data, .arena = arena };

	for (int tries = 0;;) {
		if (sweep_list(nl, own, &s) < 0)
			return -1;
		nft_begin(nl, s.n, arena);
		nft_elems_del(nl, &own->table, s.elems, s.n);
		if (nft_commit(nl) == 0) {
			sweep_chains(nl, own, &s);
			return 0;
		}
		if (!nft_again(nl, &tries, ENOENT))
			return -1;
	}
}
