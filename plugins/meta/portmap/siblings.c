/* SPDX-License-Identifier: Apache-2.0 */
#include "siblings.h"

#include <string.h>

#include "nft/elems.h"
#include "nft_elems.h"
#include "skel/instance.h"

/* ---- comments -------------------------------------------------------------------------------- */

/*
 * The comment of instance.h, but with the container's id in front, so that it is never cut: two
 * interfaces of one container may ask for the same ports.
 */
static const char *comment_of(struct arena *arena, const struct record *r)
{
	struct instance o;
	char *text;

	instance_init(&o, r->network, r->ifname, r->container_id);
	text = arena_printf(arena, "%.*s, id: %.64s, net: %.12s, if: %s", INSTANCE_ID_LEN,
			    o.comment, r->container_id, r->network, r->ifname);
	for (char *quote; (quote = strchr(text, '"'));)
		*quote = '_'; /* an interface's name may have it, nft(8)'s comments may not */
	return arena_strndup(arena, text, strnlen(text, INSTANCE_COMMENT_MAX));
}

#define SEPARATOR_AT INSTANCE_ID_LEN
#define ID_AT        (INSTANCE_ID_LEN + sizeof(", id: ") - 1)

/* The first attachment that asks for a port has it, as with the reference. */
static bool has_same_id(const char *comment, const char *other)
{
	size_t n = ID_AT + strcspn(comment + ID_AT, ",");

	return strlen(other) > n &&
	       !strncmp(other + SEPARATOR_AT + 1, comment + SEPARATOR_AT + 1, n - SEPARATOR_AT);
}

/* ---- siblings -------------------------------------------------------------------------------- */

void portmap_turn_conf(struct portmap *conf, const char *backend)
{
	if (backend && *backend)
		conf->backend = strcmp(backend, "own") != 0 ? backend : NULL;
}

int portmap_from_record(struct cni_call *c, const struct record *r, struct portmap *conf)
{
	int rc = -1;

	*conf = portmap_defaults;
	if (json_decode_lenient(r->conf, portmap_fields, "", conf, c->err) == 0) {
		portmap_turn_conf(conf, r->extra);
		rc = portmap_resolve(conf, c->arena, c->err);
	}
	if (rc < 0) {
		*conf = portmap_defaults;
		return -1;
	}
	conf->list = portmap_list(conf, &r->prev, r->ifname, c->arena);
	conf->is_recorded = true;
	return 0;
}

/* A record that cannot be read any more has nothing to ask for. */
static int add_sibling(struct cni_call *c, const struct record *r, void *data)
{
	struct portmap *own = data;
	struct portmap_siblings s = { .record = r };

	if (c->req->command != CNI_GC && strcmp(r->container_id, c->req->container_id) != 0)
		return 0;
	if (portmap_from_record(c, r, &s.conf) < 0) {
		err_clear(c->err);
		return 0;
	}
	s.elems = portmap_nft_elems(&s.conf, comment_of(c->arena, r), c->arena);
	*arena_append(c->arena, own->siblings, own->n_siblings) = s;
	return 0;
}

int portmap_siblings(struct cni_call *c)
{
	struct portmap *own = c->conf;
	const char *text = c->req->command == CNI_GC ? NULL : c->req->container_id;

	if (!own->has_siblings && record_each_other(c, text, add_sibling, own) < 0)
		return -1;
	own->has_siblings = true;
	return 0;
}

/* ---- elements -------------------------------------------------------------------------------- */

static int find_successor(struct nft_successor *s, void *data)
{
	struct cni_call *c = data;
	const struct portmap *own = c->conf;

	if (portmap_siblings(c) < 0)
		return -1;
	for (size_t i = 0; !s->elem && i < own->n_siblings; i++) {
		const struct nft_elems *elems = &own->siblings[i].elems;

		if (own->siblings[i].conf.chosen != PORTMAP_OWN ||
		    !has_same_id(elems->comment, s->leaving) ||
		    strcmp(elems->table->table.name, s->table->table.name) != 0)
			continue;
		s->elem = nft_elems_find(elems, s->key);
		s->comment = elems->comment;
	}
	return 0;
}

struct nft_elems portmap_elems_of(struct cni_call *c, const struct portmap *conf)
{
	const struct record r = { .network = c->req->net.name,
				  .container_id = c->req->container_id,
				  .ifname = c->req->ifname };
	struct nft_elems elems = portmap_nft_elems(conf, comment_of(c->arena, &r), c->arena);

	elems.same_container = has_same_id;
	elems.succession = (struct nft_succession){ find_successor, c };
	return elems;
}
