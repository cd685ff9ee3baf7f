/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/conn.h"

#include <stdlib.h>

#define AT_A_TIME 64

_Static_assert(offsetof(struct listen_conn, side) == 0, "a side leads to its connection");

static void append(struct listen_conn_list *l, struct listen_conn *c)
{
	c->prev = l->last;
	c->next = NULL;
	if (l->last)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
}

static void take_out(struct listen_conn_list *l, struct listen_conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
}

/* The first of a block links the blocks, and is no connection. */
static bool make_more(struct listen_conns *all)
{
	struct listen_conn *block = calloc(AT_A_TIME, sizeof(*block));

	if (!block)
		return false;
	block->next = all->blocks;
	all->blocks = block;
	for (size_t i = 1; i < AT_A_TIME; i++) {
		block[i].next = all->unused;
		all->unused = &block[i];
	}
	return true;
}

struct listen_conn *listen_conn_new(struct listen_conns *all, struct listen_group *group,
				    int64_t now)
{
	struct listen_conn *c;

	if (!all->unused && !make_more(all))
		return NULL;
	c = all->unused;
	all->unused = c->next;
	*c = (struct listen_conn){
		.side = { { .fd = -1, .pipe = { -1, -1 }, .which = LISTEN_CLIENT },
			  { .fd = -1, .pipe = { -1, -1 }, .which = LISTEN_SERVER } },
		.group = group,
		.since = now,
		.state = LISTEN_CONN_CONNECTING,
	};
	append(&all->list[c->state], c);
	all->n++;
	return c;
}

void listen_conn_move(struct listen_conns *all, struct listen_conn *c, enum listen_conn_state state,
		      int64_t now)
{
	take_out(&all->list[c->state], c);
	if (state == LISTEN_CONN_DEAD)
		all->n--;
	c->state = (uint8_t)state;
	c->since = now;
	append(&all->list[state], c);
}

void listen_conns_reuse(struct listen_conns *all)
{
	struct listen_conn_list *dead = &all->list[LISTEN_CONN_DEAD];

	if (!dead->first)
		return;
	dead->last->next = all->unused;
	all->unused = dead->first;
	*dead = (struct listen_conn_list){ 0 };
}

void listen_conns_free(struct listen_conns *all)
{
	while (all->blocks) {
		struct listen_conn *block = all->blocks;

		all->blocks = block->next;
		free(block);
	}
}
