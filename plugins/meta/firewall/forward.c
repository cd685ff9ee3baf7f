/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

#include "detect.h"
#include "skel/instance.h"
#include "skel/record.h"

/* ---- what is forwarded ----------------------------------------------------------------------- */

static bool has(const struct fw_forward *f, const struct ip *ip)
{
	for (size_t i = 0; i < f->n_ips; i++)
		if (ip_equal(f->ips[i], ip))
			return true;
	return false;
}

/* What a bridge has is its network's: it has the network's half of the instance comment. */
static const char *comment_of_network(struct arena *arena, const char *network)
{
	struct instance o;

	instance_init(&o, network, "", "");
	return arena_printf(arena, "%.*s", NFT_COMMENT_MAX,
			    arena_printf(arena, "%.16s, net: %s", o.comment, network));
}

static struct fw_forward *forward_of(struct cni_call *c, const struct record *of,
				     const struct fw_conf *conf, const struct cni_result *r)
{
	struct fw_forward *f = arena_new(c->arena, struct fw_forward);
	struct instance *o = arena_new(c->arena, struct instance);
	const struct ip **ips = arena_array(c->arena, const struct ip *, r ? r->n_ips + 1 : 1);

	instance_init(o, of->network, of->ifname, of->container_id);
	*f = (struct fw_forward){ .c = c, .ips = ips, .comment = o->comment };
	f->network = comment_of_network(c->arena, of->network);
	f->admin = conf->admin;
	f->zone = conf->zone;
	for (size_t i = 0; r && i < r->n_ips; i++)
		if (!has(f, &r->ips[i].address))
			ips[f->n_ips++] = &r->ips[i].address;
	if (r && r->n_interfaces && fw_has_policy(conf))
		f->bridge = r->interfaces[0].name;
	f->isolated = !strcmp(conf->policy, "isolated");
	return f;
}

struct fw_forward *fw_forward_of(struct cni_call *c, const struct cni_result *r)
{
	const struct record of = { .network = c->req->net.name,
				   .ifname = c->req->ifname,
				   .container_id = c->req->container_id };

	return forward_of(c, &of, c->conf, r);
}

/* NULL: it has no configuration that can be read. */
static struct fw_forward *forward_of_record(struct cni_call *c, const struct record *r)
{
	struct fw_conf conf = *(const struct fw_conf *)c->plugin->defaults;
	struct err ignored = { 0 };

	if (json_decode_lenient(r->conf, c->plugin->fields, "", &conf, &ignored) < 0)
		return NULL;
	return forward_of(c, r, &conf, &r->prev);
}

/* ---- backends without comments --------------------------------------------------------------- */

/* If it is not known, all are possible. */
static bool may_have_used(struct cni_call *c, const struct record *r, const struct fw_backend *b)
{
	unsigned int set = fw_backends_recorded(c, r->extra);

	fw_for_each(i, set)
		if (fw_backends[i] == b)
			return true;
	return !set;
}

/* An address that another attachment has been given since is that one's. f's own is stale. */
static int leave_to(struct cni_call *c, const struct record *r, void *data)
{
	struct fw_forward *f = data, *other = forward_of(c, r, c->conf, &r->prev);
	const struct ip **left = arena_array(c->arena, const struct ip *, f->n_ips + 1);
	size_t n = 0;

	if (!may_have_used(c, r, f->backend))
		return 0;
	for (size_t i = 0; i < f->n_ips; i++)
		if (!has(other, f->ips[i]))
			left[n++] = f->ips[i];
	f->ips = left;
	f->n_ips = n;
	return 0;
}

/*
 * Of two that have one address, and are deleted at once, the second is to find that the first has
 * gone. firewalld takes its time, which the lock is not held for.
 */
int fw_release(const struct fw_backend *b, struct fw_forward *f)
{
	f->backend = b;
	if (!b->gc && f->n_ips &&
	    ((b->prepare && host_lock(f->c) < 0) || record_each_other(f->c, NULL, leave_to, f) < 0))
		return -1;
	return b->release(f);
}

static int gc_untagged(struct cni_call *c, const struct record *r)
{
	fw_for_each(i, fw_backends_recorded(c, r->extra)) {
		struct fw_forward *f = forward_of_record(c, r);

		if (f && !fw_backends[i]->gc && fw_release(fw_backends[i], f) < 0)
			return -1;
	}
	return 0;
}

int fw_gc_untagged(struct cni_call *c)
{
	return record_each_stale(c, gc_untagged);
}

/* ---- networks without attachments ------------------------------------------------------------ */

/* Other networks' attachments, with what they want of their bridges and by which backends. */
struct successor {
	const struct fw_forward *f;
	unsigned int set;
};

struct successors {
	struct successor *list;
	size_t n;
	unsigned int backend; /* that is asked about */
};

static int add_successor(struct cni_call *c, const struct record *r, void *data)
{
	struct fw_forward *f = forward_of_record(c, r);
	struct successors *all = data;

	if (f && f->bridge && strcmp(r->network, c->req->net.name) != 0)
		*arena_append(c->arena, all->list, all->n) =
			(struct successor){ f, fw_backends_recorded(c, r->extra) };
	return 0;
}

static const struct fw_forward *find_successor(const char *bridge, void *data)
{
	const struct fw_forward *found = NULL;
	struct successors *all = data;

	for (size_t i = 0; i < all->n; i++) {
		const struct successor *s = &all->list[i];

		if (s->set & all->backend && !strcmp(s->f->bridge, bridge) &&
		    (!found || s->f->isolated))
			found = s->f;
	}
	return found;
}

int fw_gc_policies(struct cni_call *c, unsigned int set)
{
	const char *network = comment_of_network(c->arena, c->req->net.name);
	struct successors all = { 0 };

	if (record_each_other(c, NULL, add_successor, &all) < 0)
		return -1;
	fw_for_each(i, set) {
		all.backend = 1u << i;
		if (fw_backends[i]->policy_reassign &&
		    fw_backends[i]->policy_reassign(c, network, find_successor, &all) < 0)
			return -1;
	}
	return 0;
}
