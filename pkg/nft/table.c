/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/table.h"

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "nft/attr.h"
#include "nft/elems.h"
#include "nft/rule.h"
#include "nft/table_scan.h"

/* ---- adding ---------------------------------------------------------------------------------- */

/* Only a chain that is there can be removed: it is made, if it is not. */
static void build(struct nl *nl, const struct nft_elems *c)
{
	const struct nft_table *t = &c->table->table;

	c->table->build(nl, t);
	for (const struct nft_renamed *r = c->table->renamed; r && r->now; r++) {
		nft_chain_renew(nl, t, r->before, NULL);
		nft_chain_del(nl, t, r->before);
	}
	for (size_t i = 0; i < c->n_chains; i++) {
		nft_chain_renew(nl, t, c->chains[i].name, NULL);
		c->chains[i].build(nl, t, &c->chains[i]);
	}
}

/* Runs of elements that have the same state: the fewer messages the better. */
static int put(struct nl *nl, const struct nft_scan *l, bool with_build)
{
	const struct nft_elems *c = l->c;
	const struct nft_table *t = &c->table->table;

	nft_begin(nl, c->n_elems * 2, l->arena);
	if (with_build)
		build(nl, c);
	for (size_t i = 0, end; i < c->n_elems; i = end) {
		for (end = i + 1; end < c->n_elems && l->states[end] == l->states[i];)
			end++;
		for (size_t k = i; l->states[i] == UNSHARED && k < end; k++)
			nft_scan_set_shared(nl, l, k, NFT_SHARED);
		if (nft_scan_is_fine(l->states[i]))
			continue;
		if (l->states[i] != ABSENT)
			nft_msg_elems_del(nl, t, c->elems + i, end - i);
		nft_msg_elems_add(nl, t, c->elems + i, end - i, c->comment);
	}
	return nft_commit(nl);
}

static int refuse_others(struct nl *nl, const struct nft_scan *l)
{
	for (size_t i = 0; l->c->conflict_is_error && i < l->c->n_elems; i++)
		if (l->states[i] == OTHERS && !l->c->elems[i].replaceable)
			return err_set(nl->err, ERR_IN_USE, "%s is held by another container (%s)",
				       l->c->elems[i].label, l->found[i].comment);
	return 0;
}

/* It may have been done after all: what was not there before is not to be there now. */
static int undo_lost(struct nl *nl, struct nft_elems *c, const struct nft_scan *l)
{
	struct err first = *nl->err;

	c->before = l->states;
	if (nl->ack_lost)
		(void)!nft_elems_undo(nl, c, l->arena);
	*nl->err = first;
	return -1;
}

static bool has_removals(const struct nft_scan *l)
{
	for (size_t i = 0; i < l->c->n_elems; i++)
		if (l->states[i] == UNSHARED ||
		    (l->states[i] != ABSENT && !nft_scan_is_fine(l->states[i])))
			return true;
	return false;
}

/* ENOENT, though all that was asked for comes with the request: it was no raced removal. */
static int kernel_lacks(struct nl *nl)
{
	nl->err->sys = EOPNOTSUPP;
	return err_wrap(nl->err, "the kernel's nf_tables lacks a type of chains or an expression");
}

/*
 * As a rule everything but the elements is there, and they are not: so that is tried first. ENOENT
 * says that something they need is missing, EEXIST that one of them is there.
 */
static int elems(struct nl *nl, struct nft_elems *c, bool with_build, struct arena *arena)
{
	struct nft_scan l;
	bool missing;

	nft_scan_begin(&l, c, arena);
	for (int tries = 0;;) {
		if (put(nl, &l, with_build) == 0) {
			c->before = l.states;
			return 0;
		}
		missing = nl->err->sys == ENOENT;
		if (missing && with_build && !has_removals(&l))
			return kernel_lacks(nl);
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

/* ---- removing ------------------------------------------------------------------------------- */

/* What goes in a transaction, and what comes in its place. */
struct removal {
	const struct nft_table_def *table;
	struct nft_succession succession;
	struct nft_elem *elems;
	struct nft_successor *next;
	const char **chains; /* that removed elements went to */
	size_t n, n_next, n_chains;
	struct arena *arena;
};

static int to_delete(struct removal *r, const struct nft_elem *e, const char *comment)
{
	struct nft_successor s = { .table = r->table, .leaving = comment, .key = e };

	*arena_append(r->arena, r->elems, r->n) = *e;
	if (!r->succession.find || !nft_is_shared(comment))
		return 0;
	if (r->succession.find(&s, r->succession.data) < 0)
		return -1;
	if (s.elem)
		*arena_append(r->arena, r->next, r->n_next) = s;
	return 0;
}

/* A third attachment may want it: it stays shared. */
static void put_removal(struct nl *nl, const struct removal *r)
{
	const struct nft_table *t = &r->table->table;

	nft_begin(nl, (r->n + r->n_next) * 2, r->arena);
	nft_msg_elems_del(nl, t, r->elems, r->n);
	for (size_t i = 0; i < r->n_next; i++)
		nft_msg_elems_add(nl, t, r->next[i].elem, 1,
				  nft_shared_comment(r->next[i].comment, NFT_SHARED, r->arena));
}

/* ---- by key ---------------------------------------------------------------------------------- */

/* Of those that the scan found to be ours, all, or only those that were not there before. */
static int delete_ours(struct removal *r, const struct nft_scan *l, const uint8_t *before)
{
	const struct nft_elems *c = l->c;

	for (size_t i = 0; i < c->n_elems; i++) {
		bool ours = l->states[i] == OURS || l->states[i] == OURS_OTHERWISE;

		if (ours && (!before || !nft_scan_is_fine(before[i])) &&
		    to_delete(r, &c->elems[i], l->found[i].comment) < 0)
			return -1;
	}
	return 0;
}

/* Another process may have removed one between the scan and the transaction: ENOENT, scan again. */
static int del(struct nl *nl, const struct nft_elems *c, bool undo, struct arena *arena)
{
	struct nft_scan l;

	nft_scan_begin(&l, c, arena);
	for (int tries = 0;;) {
		struct removal r = { c->table, .succession = c->succession, .arena = arena };

		if (nft_scan(nl, &l) < 0 || delete_ours(&r, &l, undo ? c->before : NULL) < 0)
			return -1;
		put_removal(nl, &r);
		for (size_t i = 0; undo && i < c->n_elems; i++)
			if (c->before[i] == UNSHARED && l.states[i] == SAME_CONTAINER)
				nft_scan_set_shared(nl, &l, i, ',');
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

int nft_elems_undo(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	return del(nl, c, true, arena);
}

int nft_elems_del(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	return del(nl, c, false, arena);
}

int nft_elems_retire(struct nl *nl, struct nft_elems *c, const struct nft_elems *kept,
		     struct arena *arena)
{
	bool same_table = !strcmp(c->table->table.name, kept->table->table.name);
	size_t n = 0;

	for (size_t i = 0; i < c->n_elems; i++)
		if (!same_table || !nft_elems_find(kept, &c->elems[i]))
			c->elems[n++] = c->elems[i];
	c->n_elems = n;
	return n ? nft_elems_del(nl, c, arena) : 0;
}

/* ---- gc -------------------------------------------------------------------------------------- */

static void add_chain(struct removal *r, const char *chain)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (!strcmp(r->chains[i], chain))
			return;
	*arena_append(r->arena, r->chains, r->n_chains) = chain;
}

static int gc_list(struct nl *nl, struct removal *r, nft_stale stale, void *data)
{
	struct nft_elem_list elems;

	for (const char *const *set = r->table->sets; *set; set++) {
		if (nft_list(nl, &r->table->table, *set, &elems, r->arena) < 0)
			return -1;
		for (size_t i = 0; i < elems.n; i++) {
			const struct nft_elem_info *e = &elems.list[i];

			if (!stale(e->comment, data))
				continue;
			if (to_delete(r, &e->at, e->comment) < 0)
				return -1;
			if (e->at.chain)
				add_chain(r, e->at.chain);
		}
	}
	return 0;
}

/* EBUSY of one in use, one that is no subchain, and one that an ADD is about to use. */
static void gc_chains(struct nl *nl, const struct removal *r)
{
	for (size_t i = 0; i < r->n_chains; i++) {
		nft_begin(nl, 0, r->arena);
		nft_chain_flush(nl, &r->table->table, r->chains[i]);
		nft_chain_del(nl, &r->table->table, r->chains[i]);
		if (nft_commit(nl) < 0)
			err_clear(nl->err);
	}
}

/* A chain counts whichever process has removed the last element that went to it. */
int nft_elems_gc_shared(struct nl *nl, const struct nft_table_def *table, nft_stale stale,
			void *data, struct nft_succession succession, struct arena *arena)
{
	struct removal r = { table, .succession = succession, .arena = arena };

	for (int tries = 0;;) {
		r.n = r.n_next = 0;
		if (gc_list(nl, &r, stale, data) < 0)
			return -1;
		put_removal(nl, &r);
		if (nft_commit(nl) == 0) {
			gc_chains(nl, &r);
			return 0;
		}
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

/* ---- checking -------------------------------------------------------------------------------- */

/* One rule of the chain, be it by its earlier name, is crossed off the list. */
static bool cross_off(struct nft_rule_list *rules, const struct nft_renamed *renamed,
		      const char *chain)
{
	const char *before = chain;

	for (const struct nft_renamed *r = renamed; r && r->now; r++)
		if (!strcmp(r->now, chain))
			before = r->before;
	for (size_t i = 0; i < rules->n; i++) {
		const char **name = &rules->list[i].chain;

		if (!strcmp(*name, chain) || !strcmp(*name, before)) {
			*name = "";
			return true;
		}
	}
	return false;
}

/* As many rules as build() makes, which is built for this and not sent. */
static int check_rules(struct nl *nl, const struct nft_elems *c, struct arena *arena)
{
	const struct nft_table_def *table = c->table;
	struct nft_rule_list rules;
	const struct nlmsghdr *nlh;
	int left, rc;

	if (nft_rules(nl, &table->table, NULL, &rules, arena) < 0)
		return -1;
	nft_begin(nl, c->n_elems, arena);
	build(nl, c);
	rc = nl_seal(nl);
	left = (int)nl->used;
	for (nlh = (const void *)nl->buf; rc == 0 && mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		const char *chain = nft_attr_str(nft_attrs_of_msg(nlh).of[NFTA_RULE_CHAIN]);

		if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) &&
		    !cross_off(&rules, table->renamed, chain))
			rc = err_set(nl->err, ERR_CHECK,
				     "nf_tables: rules of chain %s in table %s are gone", chain,
				     table->table.name);
	}
	nl_reset(nl);
	return rc;
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
				       c->elems[i].label,
				       l.states[i] == ABSENT ? "gone from" : "another's in",
				       c->table->table.name);
	return check_rules(nl, c, arena);
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
