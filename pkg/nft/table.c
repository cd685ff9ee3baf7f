/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/table_list.h"

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

/* ---- adding ---------------------------------------------------------------------------------- */

static void build(struct nl *nl, const struct nft_elems *c)
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
static void put_elems(struct nl *nl, const struct nft_elems *c, const uint8_t *states)
{
	const struct nft_table *t = &c->own->table;

	for (size_t i = 0, end; i < c->n_elems; i = end) {
		for (end = i + 1; end < c->n_elems && states[end] == states[i];)
			end++;
		if (nft_scan_is_fine(states[i]))
			continue;
		if (states[i] != ABSENT)
			nft_msg_elems_del(nl, t, c->elems + i, end - i);
		nft_msg_elems_add(nl, t, c->elems + i, end - i, c->comment);
	}
}

static int put(struct nl *nl, const struct nft_scan *l, bool with_build)
{
	nft_begin(nl, l->c->n_elems * 2, l->arena);
	if (with_build)
		build(nl, l->c);
	put_elems(nl, l->c, l->states);
	for (size_t i = 0; i < l->c->n_elems; i++)
		if (nft_scan_is_unshared(l, i))
			nft_scan_set_shared(nl, l, i, NFT_SHARED);
	return nft_commit(nl);
}

static int refuse_others(struct nl *nl, const struct nft_scan *l)
{
	for (size_t i = 0; l->c->exclusive && i < l->c->n_elems; i++)
		if (l->states[i] == OTHERS && !l->c->elems[i].replaceable)
			return err_set(nl->err, ERR_IN_USE, "%s is held by another container (%s)",
				       l->c->elems[i].what, l->comments[i]);
	return 0;
}

static void note_added(struct nft_elems *c, const struct nft_scan *l)
{
	for (size_t i = 0; i < c->n_elems; i++) {
		c->added[i] = !nft_scan_is_fine(l->states[i]);
		c->marked[i] = nft_scan_is_unshared(l, i);
	}
}

/* It may have been done after all: what was not there before is not to be there now. */
static int undo_lost(struct nl *nl, struct nft_elems *c, const struct nft_scan *l)
{
	struct err first = *nl->err;

	note_added(c, l);
	if (nl->ack_lost)
		(void)!nft_elems_undo(nl, c, l->arena);
	*nl->err = first;
	return -1;
}

/*
 * As a rule everything but the elements is there, and they are not: so that is tried first. ENOENT
 * says that something they need is missing, EEXIST that somebody has one of them.
 */
static int elems(struct nl *nl, struct nft_elems *c, bool with_build, struct arena *arena)
{
	struct nft_scan l;
	bool missing;

	nft_scan_begin(&l, c, arena);
	c->added = arena_array(arena, bool, c->n_elems + 1);
	c->marked = arena_array(arena, bool, c->n_elems + 1);
	for (int tries = 0;;) {
		if (put(nl, &l, with_build) == 0) {
			note_added(c, &l);
			return 0;
		}
		missing = nl->err->sys == ENOENT;
		if (!nft_should_retry(nl, &tries, missing ? ENOENT : EEXIST))
			return undo_lost(nl, c, &l);
		with_build |= missing;
		if (nft_scan(nl, &l) < 0 || refuse_others(nl, &l) < 0)
			return -1;
	}
}

int nft_elems_add(struct nl *nl, struct nft_elems *c, struct arena *arena)
{
	return elems(nl, c, false, arena);
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

static void count_rule(const struct nft_rule_info *rule, void *data)
{
	struct count *k = data;

	*arena_append(k->arena, k->chains, k->n) = arena_strdup(k->arena, rule->chain);
}

static int expect_rules(struct nl *nl, const struct count *k, const struct nft_table_def *own,
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

static int verify_rules(struct nl *nl, const struct nft_elems *c, struct arena *arena)
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

int nft_elems_check(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	struct nft_scan l;

	nft_scan_begin(&l, c, arena);
	if (nft_scan(nl, &l) < 0)
		return -1;
	for (size_t i = 0; i < c->n_elems; i++)
		if (!nft_scan_is_fine(l.states[i]))
			return err_set(nl->err, ERR_CHECK, "nf_tables: %s is %s table %s",
				       c->elems[i].what,
				       l.states[i] == ABSENT ? "gone from" : "another's in",
				       c->own->table.name);
	return verify_rules(nl, c, arena);
}

int nft_elems_restore(struct nl *nl, struct nft_elems *c, struct arena *arena)
{
	if (nft_elems_check(nl, c, arena) == 0)
		return 0;
	if (nl->err->code != ERR_CHECK)
		return -1;
	err_clear(nl->err);
	return elems(nl, c, true, arena);
}
