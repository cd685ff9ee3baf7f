/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/table_scan.h"

#include <string.h>

/* Where there is a verdict there are no data, and the other way round. */
static bool same_data(const struct nft_elem *a, const struct nft_elem *b)
{
	return a->has_verdict == b->has_verdict && a->verdict == b->verdict &&
	       !strcmp(a->chain ? a->chain : "", b->chain ? b->chain : "") &&
	       a->data_len == b->data_len && !memcmp(a->data, b->data, a->data_len);
}

/* A comment's first comma, or what stands there if it is shared. */
static size_t separator_at(const char *comment)
{
	return strcspn(comment, (const char[]){ ',', NFT_SHARED, '\0' });
}

const char *nft_shared_comment(const char *comment, char separator, struct arena *arena)
{
	char *shared = arena_strdup(arena, comment);
	size_t at = separator_at(shared);

	if (shared[at])
		shared[at] = separator;
	return shared;
}

bool nft_is_shared(const char *comment)
{
	return comment[separator_at(comment)] == NFT_SHARED;
}

static bool is_same_owner(const char *a, const char *b)
{
	size_t n = separator_at(a);

	return n == separator_at(b) && !strncmp(a, b, n) &&
	       (!a[n] || !b[n] ? a[n] == b[n] : !strcmp(a + n + 1, b + n + 1));
}

static enum nft_scan_state state_of(const struct nft_elems *c, const struct nft_elem *wanted,
				    const struct nft_elem_info *found)
{
	bool same = same_data(wanted, &found->at);

	if (!found->comment)
		return ABSENT;
	if (is_same_owner(found->comment, c->comment))
		return same ? OURS : OURS_OTHERWISE;
	if (c->same_container && c->same_container(c->comment, found->comment))
		return nft_is_shared(found->comment) ? SAME_CONTAINER : UNSHARED;
	return same && found->at.data_len ? OTHERS_SAME : OTHERS;
}

bool nft_scan_is_fine(uint8_t state)
{
	return state == OURS || state == SAME_CONTAINER || state == UNSHARED;
}

int nft_scan(struct nl *nl, struct nft_scan *l)
{
	const struct nft_elems *c = l->c;

	if (nft_get(nl, &c->table->table, c->elems, c->n_elems, l->found, l->arena) < 0)
		return -1;
	for (size_t i = 0; i < c->n_elems; i++)
		l->states[i] = (uint8_t)state_of(c, &c->elems[i], &l->found[i]);
	return 0;
}

void nft_scan_begin(struct nft_scan *l, const struct nft_elems *c, struct arena *arena)
{
	l->c = c;
	l->arena = arena;
	l->found = arena_array(arena, struct nft_elem_info, c->n_elems + 1);
	l->states = arena_array(arena, uint8_t, c->n_elems + 1);
}

void nft_scan_set_shared(struct nl *nl, const struct nft_scan *l, size_t i, char separator)
{
	const struct nft_table *t = &l->c->table->table;
	const struct nft_elem_info *found = &l->found[i];

	nft_msg_elems_del(nl, t, &found->at, 1);
	nft_msg_elems_add(nl, t, &found->at, 1,
			  nft_shared_comment(found->comment, separator, l->arena));
}
