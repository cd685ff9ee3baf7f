/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/table_list.h"

#include <string.h>

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

/* A comment's first comma, or what stands there if it is shared. */
static size_t mark_of(const char *comment)
{
	return strcspn(comment, (const char[]){ ',', NFT_SHARED, '\0' });
}

const char *nft_shared_comment(const char *comment, char mark, struct arena *arena)
{
	char *marked = arena_strdup(arena, comment);
	size_t at = mark_of(marked);

	if (marked[at])
		marked[at] = mark;
	return marked;
}

bool nft_is_shared(const char *comment)
{
	return comment[mark_of(comment)] == NFT_SHARED;
}

static bool is_same_owner(const char *a, const char *b)
{
	size_t n = mark_of(a);

	return n == mark_of(b) && !strncmp(a, b, n) &&
	       (!a[n] || !b[n] ? a[n] == b[n] : !strcmp(a + n + 1, b + n + 1));
}

static void see_kins(struct nft_scan *l, const struct nft_elem_info *found)
{
	struct nft_elem *e = arena_new(l->arena, struct nft_elem);

	l->states[found->index] = SAME_CONTAINER;
	l->kins[found->index] = e;
	*e = found->at;
	e->set = l->c->elems[found->index].set;
	e->what = l->c->elems[found->index].what;
	if (e->chain)
		e->chain = arena_strdup(l->arena, e->chain);
}

static void see(const struct nft_elem_info *found, void *data)
{
	struct nft_scan *l = data;
	const struct nft_elems *c = l->c;
	bool same = same_data(&c->elems[found->index], &found->at);
	uint8_t *state = &l->states[found->index];

	l->comments[found->index] = arena_strdup(l->arena, found->comment);
	if (is_same_owner(found->comment, c->comment))
		*state = same ? OURS : OURS_OTHERWISE;
	else if (c->same_container && c->same_container(c, found->comment))
		see_kins(l, found);
	else
		*state = same && found->at.data_len ? OTHERS_SAME : OTHERS;
}

bool nft_scan_is_fine(uint8_t state)
{
	return state == OURS || state == SAME_CONTAINER;
}

int nft_scan(struct nl *nl, struct nft_scan *l)
{
	const struct nft_elems *c = l->c;

	memset(l->states, ABSENT, c->n_elems);
	memset(l->kins, 0, c->n_elems * sizeof(*l->kins));
	return nft_get(nl, &c->own->table, c->elems, c->n_elems, see, l);
}

void nft_scan_begin(struct nft_scan *l, const struct nft_elems *c, struct arena *arena)
{
	l->c = c;
	l->arena = arena;
	l->states = arena_array(arena, uint8_t, c->n_elems + 1);
	l->comments = arena_array(arena, const char *, c->n_elems + 1);
	l->kins = arena_array(arena, struct nft_elem *, c->n_elems + 1);
}

bool nft_scan_is_unshared(const struct nft_scan *l, size_t i)
{
	return l->kins[i] && !nft_is_shared(l->comments[i]);
}

void nft_scan_set_shared(struct nl *nl, const struct nft_scan *l, size_t i, char mark)
{
	const struct nft_table *t = &l->c->own->table;

	nft_msg_elems_del(nl, t, l->kins[i], 1);
	nft_msg_elems_add(nl, t, l->kins[i], 1, nft_shared_comment(l->comments[i], mark, l->arena));
}

const struct nft_elem *nft_elems_find(const struct nft_elems *c, const struct nft_elem *key)
{
	for (size_t i = 0; i < c->n_elems; i++) {
		const struct nft_elem *e = &c->elems[i];

		if (!strcmp(e->set, key->set) && e->key_len == key->key_len &&
		    !memcmp(e->key, key->key, e->key_len))
			return e;
	}
	return NULL;
}
