/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_elems.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "nft/elems.h"
#include "nft/expr.h"
#include "nft_table.h"

#define PART 4 /* a part of a key that is shorter takes as much */

static void put_port(uint8_t *at, uint16_t port)
{
	port = htons(port);
	memcpy(at, &port, sizeof(port));
}

/*
 * The key is the address on the host, if it is of one, the protocol and the port; without the
 * address where ::1 leads to it.
 */
static void put_mapping(struct nft_elems *c, const struct portmap_mapping *m, bool snat,
			struct arena *arena)
{
	const struct portmap_nft_sets *s = &portmap_nft_sets[m->to.family == AF_INET6];
	size_t at_len = m->at.family == AF_UNSPEC ? 0 : ip_len(&m->at);
	const struct nft_set *set = at_len ? &s->host : &s->any;
	const struct nft_set *local = at_len ? &s->host_local : &s->any_local;
	struct nft_elem *e = &c->elems[c->n_elems++];

	*e = (struct nft_elem){ .set = set->name, .label = portmap_mapping_name(m, arena) };
	memcpy(e->key, m->at.bytes, at_len);
	e->key[at_len] = m->protocol;
	put_port(e->key + at_len + PART, m->port);
	e->key_len = (uint8_t)set->key_len;
	memcpy(e->data, m->to.bytes, ip_len(&m->to));
	put_port(e->data + ip_len(&m->to), m->to_port);
	e->data_len = (uint8_t)set->data_len;
	if (!snat || !local->name || (at_len && !ip_equal(&m->at, &ip_loopback[1])))
		return;
	e[1] = (struct nft_elem){ .set = local->name, .label = e->label };
	e[1].replaceable = true; /* which attachment has the port has been decided */
	e[1].key_len = (uint8_t)local->key_len;
	memcpy(e[1].key, e->key + at_len, local->key_len);
	c->n_elems++;
}

static void build_subnet(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	const struct ip *sources[] = { &s->net,
				       &portmap_nft_sets[s->net.family == AF_INET6].loopback };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		nft_rule(nl, t, s->name, NULL) {
			nft_family(nl, nft_nfproto(s->net.family));
			nft_saddr_in(nl, sources[i]);
			nft_masquerade(nl);
		}
	}
}

static void build_all(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	nft_rule(nl, t, s->name, NULL) {
		nft_masquerade(nl);
	}
}

static void put_source(struct nft_elems *c, const struct ip *to, bool masq_all, struct arena *arena)
{
	struct nft_elem *e = nft_elems_put(c, portmap_nft_sets[to->family == AF_INET6].snat.name,
					   to, "masquerading towards", arena);

	if (!e)
		return;
	e->replaceable = true;
	if (masq_all)
		nft_elems_goto(c, e, "from_all", NULL, build_all);
	else
		nft_elems_goto(c, e, "from_", to, build_subnet);
}

/* One set after the other: that takes the fewest messages. */
static int by_set(const void *x, const void *y)
{
	const struct nft_elem *a = x, *b = y;
	int order = strcmp(a->set, b->set);

	return order ? order : memcmp(a->key, b->key, sizeof(a->key));
}

struct nft_elems portmap_nft_elems(const struct portmap *p, const char *comment,
				   struct arena *arena)
{
	const struct portmap_list *list = &p->list;
	struct nft_elems c = { .comment = comment, .conflict_is_error = true };

	c.table = portmap_nft_table(p->cond, portmap_tag(p, arena), arena);
	c.elems = arena_array(arena, struct nft_elem, list->n * 3 + 1);
	c.chains = arena_array(arena, struct nft_subchain, list->n + 1);
	for (size_t i = 0; i < list->n; i++) {
		put_mapping(&c, &list->mapping[i], p->snat, arena);
		if (p->snat)
			put_source(&c, &list->mapping[i].to, p->masq_all, arena);
	}
	qsort(c.elems, c.n_elems, sizeof(*c.elems), by_set);
	return c;
}
