/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_verify.h"

#include <stdlib.h>
#include <string.h>

struct findings {
	const struct tool *t;
	size_t n;
};

#define FOUND(f, ...) (tool_say((f)->t, __VA_ARGS__), (f)->n++)

/* ---- etcd by itself -------------------------------------------------------------------------- */

static void look_at_blocks(struct findings *f)
{
	const struct survey *s = &f->t->survey;
	char ip[IP_STRLEN], other[IP_STRLEN];

	for (size_t i = 0; i < s->n_blocks; i++) {
		struct ip base = ip_network(&s->blocks[i].ip);

		if (!ip_equal(&base, &s->blocks[i].ip))
			FOUND(f, "block %s: is none of /%u", ip_str(&s->blocks[i].ip, ip),
			      base.plen);
		else if (i && cidr_contains(&s->blocks[i - 1].ip, &s->blocks[i].ip))
			FOUND(f, "block %s: lies in block %s", cidr_str(&s->blocks[i].ip, ip),
			      cidr_str(&s->blocks[i - 1].ip, other));
	}
	for (size_t i = 0; i < s->n_singles; i++) {
		const struct survey_item *b =
			survey_find(s->blocks, s->n_blocks, &s->singles[i].ip);

		if (b)
			FOUND(f, "single address %s: lies in block %s",
			      ip_str(&s->singles[i].ip, ip), cidr_str(&b->ip, other));
	}
}

static void look_at_owners(struct findings *f)
{
	const struct survey *s = &f->t->survey;

	for (size_t i = 0; i < s->n_nodes; i++)
		if (!s->nodes[i]->key)
			FOUND(f,
			      "node %s, network %s: has %zu blocks and %zu single addresses, and no "
			      "register: cnic ipam release-node",
			      s->nodes[i]->uuid, s->nodes[i]->network, s->nodes[i]->blocks,
			      s->nodes[i]->singles);
	for (size_t i = 0; i < s->n_strange; i++)
		FOUND(f, "%s: is none of cluster's", s->strange[i]);
}

static bool has_claim(const struct survey *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->n_claims; i++)
		if (ip_equal(&s->claims[i].ip, ip))
			return true;
	return false;
}

static void look_at_claims(struct findings *f)
{
	const struct survey *s = &f->t->survey;
	char ip[IP_STRLEN];

	for (size_t i = 0; i < s->n_claims; i++) {
		const struct survey_item *item =
			survey_find(s->singles, s->n_singles, &s->claims[i].ip);

		if (!item || !*item->claim)
			FOUND(f, "claim %s: its address %s is not its own", s->claims[i].name,
			      ip_str(&s->claims[i].ip, ip));
	}
	for (size_t i = 0; i < s->n_singles; i++)
		if (*s->singles[i].claim && !has_claim(s, &s->singles[i].ip))
			FOUND(f, "single address %s: the claim %s does not know of it",
			      ip_str(&s->singles[i].ip, ip), s->singles[i].claim);
}

/* ---- this node ------------------------------------------------------------------------------- */

static bool is_own(const struct tool *t, const struct survey_item *item)
{
	return item && item->owner && t->e->state.uuid &&
	       !strcmp(item->owner->uuid, t->e->state.uuid) &&
	       !strcmp(item->owner->network, t->e->network);
}

/* The one whose outcome is not known may be either way. */
static bool is_pending(const struct tool *t, const struct ip *ip)
{
	const struct state_pending *p = &t->e->state.pending;

	return (p->ip.family && cidr_contains(&p->ip, ip)) ||
	       (p->single.ip.family && ip_equal(&p->single.ip, ip));
}

static void look_at_state(struct findings *f)
{
	const struct survey *s = &f->t->survey;
	const struct state *st = &f->t->e->state;
	char ip[IP_STRLEN];

	for (size_t i = 0; i < st->n_blocks; i++)
		if (!is_own(f->t, survey_find(s->blocks, s->n_blocks, &st->blocks[i].base)) &&
		    !is_pending(f->t, &st->blocks[i].base))
			FOUND(f, "block %s: this node gives its addresses, and does not own it",
			      cidr_str(&st->blocks[i].base, ip));
	for (size_t i = 0; i < st->n_singles; i++)
		if (!is_own(f->t, survey_find(s->singles, s->n_singles, &st->singles[i].ip)) &&
		    !is_pending(f->t, &st->singles[i].ip))
			FOUND(f, "single address %s: this node has it, and does not own it",
			      ip_str(&st->singles[i].ip, ip));
}

static bool is_in_state(const struct tool *t, const struct ip *ip)
{
	const struct state *st = &t->e->state;

	for (size_t i = 0; i < st->n_blocks; i++)
		if (cidr_contains(&st->blocks[i].base, ip))
			return true;
	return state_find_single(&t->e->state, ip) != NULL;
}

static void look_at_holes(struct findings *f)
{
	const struct survey *s = &f->t->survey;
	char ip[IP_STRLEN];

	for (size_t i = 0; i < s->n_blocks; i++)
		if (is_own(f->t, &s->blocks[i]) && !is_in_state(f->t, &s->blocks[i].ip) &&
		    !is_pending(f->t, &s->blocks[i].ip))
			FOUND(f, "block %s: is this node's, which does not know of it",
			      cidr_str(&s->blocks[i].ip, ip));
	for (size_t i = 0; i < s->n_singles; i++)
		if (is_own(f->t, &s->singles[i]) && !is_in_state(f->t, &s->singles[i].ip) &&
		    !is_pending(f->t, &s->singles[i].ip))
			FOUND(f, "single address %s: is this node's, which does not know of it",
			      ip_str(&s->singles[i].ip, ip));
	for (size_t i = 0; i < f->t->n_held; i++)
		if (!is_in_state(f->t, &f->t->held[i].ip))
			FOUND(f, "%s: container %s has it, and it lies in no block of this node",
			      ip_str(&f->t->held[i].ip, ip), f->t->held[i].id);
}

int tool_verify(struct tool *t, const char *arg)
{
	struct findings f = { .t = t };

	(void)arg;
	look_at_blocks(&f);
	look_at_owners(&f);
	look_at_claims(&f);
	look_at_state(&f);
	look_at_holes(&f);
	return f.n ? EXIT_FAILURE : EXIT_SUCCESS;
}
