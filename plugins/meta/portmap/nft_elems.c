/* SPDX-License-Identifier: Apache-2.0 */
#include "nft_elems.h"

#include <arpa/inet.h>
#include <string.h>

#include "nft/elems.h"
#include "nft/expr.h"
#include "nft_sets.h"
#include "nft_table.h"

#define PART 4 /* a part of a key that is shorter takes as much */

static void put_port(uint8_t *at, uint16_t port)
{
	port = htons(port);
	memcpy(at, &port, sizeof(port));
}

static const char *name_of(const struct portmap_mapping *m, struct arena *arena)
{
	const char *protocol = portmap_protocol_name(m->protocol);
	char text[IP_STRLEN];

	if (m->at.family == AF_UNSPEC)
		return arena_printf(arena, "host port %u/%s", m->port, protocol);
	return arena_printf(arena,
			    m->at.family == AF_INET ? "host port %s:%u/%s" : "host port [%s]:%u/%s",
			    ip_str(&m->at, text), m->port, protocol);
}

static void put_mapping(struct nft_elem *e, const struct portmap_mapping *m, struct arena *arena)
{
	const struct portmap_nft_sets *s = portmap_nft_sets(m->to.family);
	const struct nft_set *set = m->at.family == AF_UNSPEC ? &s->any : &s->host;
	uint8_t *key = e->key;

	*e = (struct nft_elem){ .set = set->name, .label = name_of(m, arena) };
	if (m->at.family != AF_UNSPEC) {
		memcpy(key, m->at.bytes, ip_len(&m->at));
		key += ip_len(&m->at);
	}
	key[0] = m->protocol;
	put_port(key + PART, m->port);
	e->key_len = (uint8_t)set->key_len;
	memcpy(e->data, m->to.bytes, ip_len(&m->to));
	put_port(e->data + ip_len(&m->to), m->to_port);
	e->data_len = (uint8_t)set->data_len;
}

/* Beside an element that ::1 leads to. */
static void put_local(struct nft_elems *c, const struct portmap_mapping *m, bool any,
		      struct arena *arena)
{
	const struct portmap_nft_sets *s = portmap_nft_sets(m->to.family);
	const struct nft_set *set = any ? &s->any_local : &s->host_local;
	struct nft_elem *e;

	if (!set->name || (m->at.family == AF_UNSPEC) != any ||
	    (!any && !ip_equal(&m->at, &ip_loopback[1])))
		return;
	e = &c->elems[c->n_elems++];
	*e = (struct nft_elem){ .set = set->name, .label = name_of(m, arena) };
	e->replaceable = true; /* which attachment has the port has been decided */
	e->key[0] = m->protocol;
	put_port(e->key + PART, m->port);
	e->key_len = (uint8_t)set->key_len;
}

/* Of the mappings that have, or have not, an address on the host: one set after the other. */
static void put_mappings(struct nft_elems *c, const struct portmap_mapping *m, size_t n, bool any,
			 struct arena *arena)
{
	for (size_t i = 0; i < n; i++)
		if ((m[i].at.family == AF_UNSPEC) == any)
			put_mapping(&c->elems[c->n_elems++], &m[i], arena);
}

static void build_subnet(struct nl *nl, const struct nft_table *t, const struct nft_subchain *s)
{
	const struct ip *sources[] = { &s->net, &portmap_nft_sets(s->net.family)->loopback };

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

static void put_source(struct nft_elems *c, const struct ip *to, enum portmap_masq_mode masq,
		       struct arena *arena)
{
	struct nft_elem *e = nft_elems_put(c, portmap_nft_sets(to->family)->snat.name, to,
					   "masquerading towards", arena);

	if (!e)
		return;
	e->replaceable = true;
	if (masq == PORTMAP_MASQ_ALL)
		nft_elems_goto(c, e, "from_all", NULL, build_all);
	else
		nft_elems_goto(c, e, "from_", to, build_subnet);
}

struct nft_elems portmap_nft_elems(const struct nft_table_def *table,
				   const struct portmap_mapping *m, size_t n,
				   enum portmap_masq_mode masq, struct arena *arena)
{
	struct nft_elems c = { .table = table, .conflict_is_error = true };

	c.elems = arena_array(arena, struct nft_elem, n * 3 + 1);
	c.chains = arena_array(arena, struct nft_subchain, n + 1);
	put_mappings(&c, m, n, true, arena);
	put_mappings(&c, m, n, false, arena);
	if (masq == PORTMAP_MASQ_NONE)
		return c;
	for (size_t i = 0; i < n; i++)
		put_local(&c, &m[i], true, arena);
	for (size_t i = 0; i < n; i++)
		put_local(&c, &m[i], false, arena);
	for (size_t i = 0; i < n; i++)
		put_source(&c, &m[i].to, masq, arena);
	return c;
}
