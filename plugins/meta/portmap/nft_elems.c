/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of host ports. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "nft/expr.h"
#include "nft_sets.h"

#define PART 4 /* a part of a key that is shorter takes as much */

const char *portmap_protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_DCCP:
		return "dccp";
	default:
		return NULL;
	}
}

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

	e->set = set->name;
	e->label = name_of(m, arena);
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

/* Of an element that ::1 leads to, beside that. */
static void put_local(struct nft_elems *c, const struct portmap_mapping *m, bool any)
{
	const struct portmap_nft_sets *s = portmap_nft_sets(m->to.family);
	const char *set = any ? s->any_local : s->host_local;
	struct nft_elem *e = &c->elems[c->n_elems];

	if (!set || (m->at.family == AF_UNSPEC) != any ||
	    (!any && !ip_equal(&m->at, &ip_loopback[1])))
		return;
	c->n_elems++;
	e->set = set;
	e->replaceable = true; /* whose the port is has been decided */
	e->key[0] = m->protocol;
	put_port(e->key + PART, m->port);
	e->key_len = (uint8_t)s->any.key_len;
}

static void put_locals(struct nft_elems *c, const struct portmap_mapping *m, size_t n, bool any,
		       struct arena *arena)
{
	for (size_t i = 0; i < n; i++) {
		size_t before = c->n_elems;

		put_local(c, &m[i], any);
		if (c->n_elems > before)
			c->elems[before].label = name_of(&m[i], arena);
	}
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

static struct nft_subchain *chain_of(struct nft_elems *c, const struct ip *to,
				     enum portmap_masq_mode masq)
{
	struct nft_subchain *s = &c->chains[c->n_chains];

	if (masq == PORTMAP_MASQ_ALL) {
		snprintf(s->name, sizeof(s->name), "from_all");
		s->build = build_all;
	} else {
		nft_subchain_name(s, "from_", to);
		s->build = build_subnet;
	}
	for (size_t i = 0; i < c->n_chains; i++)
		if (!strcmp(c->chains[i].name, s->name))
			return &c->chains[i];
	c->n_chains++;
	return s;
}

static bool is_there(const struct nft_elems *c, size_t from, const struct ip *ip)
{
	for (size_t i = from; i < c->n_elems; i++)
		if (c->elems[i].key_len == ip_len(ip) &&
		    !memcmp(c->elems[i].key, ip->bytes, ip_len(ip)))
			return true;
	return false;
}

static void put_source(struct nft_elems *c, const struct ip *to, enum portmap_masq_mode masq,
		       struct arena *arena)
{
	struct nft_elem *e = &c->elems[c->n_elems++];
	char text[IP_STRLEN];

	e->set = portmap_nft_sets(to->family)->snat.name;
	e->label = arena_printf(arena, "masquerading towards %s", ip_str(to, text));
	e->key_len = (uint8_t)ip_len(to);
	memcpy(e->key, to->bytes, e->key_len);
	e->replaceable = true;
	e->has_verdict = true;
	e->verdict = NFT_GOTO;
	e->chain = chain_of(c, to, masq)->name;
}

struct nft_elems portmap_nft_elems(const struct nft_table_def *table,
				   const struct portmap_mapping *m, size_t n,
				   enum portmap_masq_mode masq, struct arena *arena)
{
	struct nft_elems c = { .table = table, .conflict_is_error = true };

	c.elems = arena_array(arena, struct nft_elem, n * 3);
	c.chains = arena_array(arena, struct nft_subchain, n + 1);
	put_mappings(&c, m, n, true, arena);
	put_mappings(&c, m, n, false, arena);
	if (masq == PORTMAP_MASQ_NONE)
		return c;
	put_locals(&c, m, n, true, arena);
	put_locals(&c, m, n, false, arena);
	for (size_t i = 0, from = c.n_elems; i < n; i++)
		if (!is_there(&c, from, &m[i].to))
			put_source(&c, &m[i].to, masq, arena);
	return c;
}
