/* SPDX-License-Identifier: Apache-2.0 */
#include "siblings.h"

#include <string.h>

#include "nft/elems.h"

/* ---- whose ----------------------------------------------------------------------------------- */

/*
 * The mark of owner.h, but with the container's id in front, so that it is never cut: two
 * interfaces of one container may ask for the same ports.
 */
static const char *owner_of(struct arena *arena, const struct record *who)
{
	struct instance o;
	char *text;

	instance_init(&o, who->network, who->ifname, who->container_id);
	text = arena_printf(arena, "%.*s, id: %.64s, net: %.12s, if: %s", INSTANCE_ID_LEN,
			    o.comment, who->container_id, who->network, who->ifname);
	for (char *quote; (quote = strchr(text, '"'));)
		*quote = '_'; /* an interface's name may have it, nft(8)'s comments may not */
	return arena_strndup(arena, text, strnlen(text, INSTANCE_COMMENT_MAX));
}

#define MARK_AT INSTANCE_ID_LEN
#define ID_AT   (INSTANCE_ID_LEN + sizeof(", id: ") - 1)

static bool is_same_container(const char *comment, const char *other)
{
	size_t n = ID_AT + strcspn(comment + ID_AT, ",");

	return strlen(other) > n &&
	       !strncmp(other + MARK_AT + 1, comment + MARK_AT + 1, n - MARK_AT);
}

/* The first of them to come has the port; the reference, too, leaves it to him. */
static bool same_container(const struct nft_elems *elems, const char *other)
{
	return is_same_container(elems->comment, other);
}

struct nft_elems portmap_claim_of(struct cni_call *c, const struct record *who,
				  const struct portmap *conf, const struct portmap_list *list)
{
	struct nft_elems elems = portmap_elems(conf, list, owner_of(c->arena, who), c->arena);

	elems.same_container = same_container;
	elems.succession = portmap_succession(c);
	return elems;
}

struct record portmap_who(const struct cni_call *c)
{
	return (struct record){ .network = c->req->net.name,
				.container_id = c->req->container_id,
				.ifname = c->req->ifname };
}

/* ---- by their records ------------------------------------------------------------------------ */

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
	conf->is_recalled = true;
	return 0;
}

/* One that nobody understands any more has nothing to ask for. */
static int add_kin(struct cni_call *c, const struct record *r, void *data)
{
	struct portmap *own = data;
	struct portmap_siblings kin = { .record = r, .oif = -1 };

	if (c->req->command != CNI_GC && strcmp(r->container_id, c->req->container_id) != 0)
		return 0;
	if (portmap_from_record(c, r, &kin.conf) < 0) {
		err_clear(c->err);
		return 0;
	}
	kin.elems = portmap_claim_of(c, r, &kin.conf, &kin.conf.list);
	*arena_append(c->arena, own->kin, own->n_kin) = kin;
	return 0;
}

int portmap_siblings(struct cni_call *c, struct portmap_siblings **list, size_t *n)
{
	struct portmap *own = c->conf;
	const char *text = c->req->command == CNI_GC ? NULL : c->req->container_id;

	if (!own->has_kin && record_each_other(c, text, add_kin, own) < 0)
		return -1;
	own->has_kin = true;
	*list = own->kin;
	*n = own->n_kin;
	return 0;
}

/* ---- who comes next -------------------------------------------------------------------------- */

static int succeed(struct nft_successor *s, void *data)
{
	struct cni_call *c = data;
	struct portmap_siblings *kin;
	size_t n;

	if (portmap_siblings(c, &kin, &n) < 0)
		return -1;
	for (size_t i = 0; !s->elem && i < n; i++) {
		const struct nft_elems *elems = &kin[i].elems;

		if (kin[i].conf.chosen != PORTMAP_OWN ||
		    !is_same_container(elems->comment, s->leaving) ||
		    strcmp(elems->table->table.name, s->table->table.name) != 0)
			continue;
		s->elem = nft_elems_find(elems, s->key);
		s->comment = elems->comment;
	}
	return 0;
}

const struct nft_succession *portmap_succession(struct cni_call *c)
{
	struct nft_succession *s = arena_new(c->arena, struct nft_succession);

	*s = (struct nft_succession){ succeed, c };
	return s;
}
