/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

#include "base/str.h"
#include "firewalld.h"
#include "skel/instance.h"

/* ---- what ------------------------------------------------------------------------------------ */

bool fw_has_policy(const struct fw_conf *conf)
{
	return *conf->policy && strcmp(conf->policy, "open") != 0;
}

static bool has(const struct fw_forward *f, const struct ip *ip)
{
	for (size_t i = 0; i < f->n_ips; i++)
		if (f->ips[i]->family == ip->family &&
		    !memcmp(f->ips[i]->bytes, ip->bytes, ip_len(ip)))
			return true;
	return false;
}

/* What a bridge has is not one attachment's: it bears the network's half of the owner's comment. */
static const char *comment_of_network(struct arena *arena, const char *network)
{
	struct instance o;

	instance_init(&o, network, "", "");
	return arena_printf(arena, "%.*s", NFT_COMMENT_MAX,
			    arena_printf(arena, "%.16s, net: %s", o.comment, network));
}

static void take_addresses(struct fw_forward *f, const struct cni_result *r, struct arena *arena)
{
	const struct ip **ips = arena_array(arena, const struct ip *, r->n_ips + 1);

	f->ips = ips;
	for (size_t i = 0; i < r->n_ips; i++)
		if (!has(f, &r->ips[i].address))
			ips[f->n_ips++] = &r->ips[i].address;
}

static void take_policy(struct fw_forward *f, const struct fw_conf *conf,
			const struct cni_result *r)
{
	if (!r->n_interfaces || !fw_has_policy(conf))
		return;
	f->bridge = r->interfaces[0].name;
	f->isolated = !strcmp(conf->policy, "isolated");
}

/* Of whom: for the call's attachment or that of a record. */
static struct fw_forward *forward_of(struct cni_call *c, const struct record *who,
				     const struct fw_conf *conf, const struct cni_result *r)
{
	struct fw_forward *f = arena_new(c->arena, struct fw_forward);
	struct instance *o = arena_new(c->arena, struct instance);
	struct fw_context *context = arena_new(c->arena, struct fw_context);

	*context = (struct fw_context){ c, conf->zone };
	instance_init(o, who->network, who->ifname, who->container_id);
	f->comment = o->comment;
	f->network = comment_of_network(c->arena, who->network);
	f->admin = conf->admin;
	f->context = context;
	if (r) {
		take_addresses(f, r, c->arena);
		take_policy(f, conf, r);
	}
	return f;
}

struct fw_forward *fw_forward_for(struct cni_call *c, const struct fw_backends *backends, size_t i,
				  const struct cni_result *r)
{
	struct fw_forward *f = fw_forward_of(c, c->conf, r);

	f->policy_only = backends->list[0] == &fw_firewalld && i;
	return f;
}

struct fw_forward *fw_forward_of(struct cni_call *c, const struct fw_conf *conf,
				 const struct cni_result *r)
{
	const struct record who = { .network = c->req->net.name,
				    .ifname = c->req->ifname,
				    .container_id = c->req->container_id };

	return forward_of(c, &who, conf, r);
}

static int conf_of(struct cni_call *c, const struct record *r, struct fw_conf *conf)
{
	struct err ignored = { 0 };

	*conf = *(const struct fw_conf *)c->plugin->defaults;
	return json_decode_lenient(r->conf, c->plugin->fields, "", conf, &ignored);
}

/* ---- without marks --------------------------------------------------------------------------- */

struct unshared {
	const struct record *of;
	struct fw_forward *f;
	const struct ip **ips; /* f's, writable */
	struct arena *arena;
};

static bool same_attachment(const struct record *a, const struct record *b)
{
	return !strcmp(a->network, b->network) && !strcmp(a->container_id, b->container_id) &&
	       !strcmp(a->ifname, b->ifname);
}

/* An address that somebody else has been given since is his. */
static int leave_to(struct cni_call *c, const struct record *r, void *data)
{
	struct unshared *u = data;
	struct fw_forward other = { 0 };
	size_t n = 0;

	(void)c;
	if (same_attachment(r, u->of))
		return 0;
	take_addresses(&other, &r->prev, u->arena);
	for (size_t i = 0; i < u->f->n_ips; i++)
		if (!has(&other, u->f->ips[i]))
			u->ips[n++] = u->f->ips[i];
	u->f->n_ips = n;
	return 0;
}

static int forget(struct cni_call *c, const struct record *r)
{
	const struct fw_backends backends = fw_backends_recorded(c, r->extra);
	struct fw_conf conf;
	struct unshared u = { .of = r, .arena = c->arena };

	if (conf_of(c, r, &conf) < 0)
		return 0;
	for (size_t i = 0; i < backends.n; i++) {
		if (!backends.list[i]->has_no_owner_tag)
			continue;
		u.f = forward_of(c, r, &conf, &r->prev);
		u.ips = arena_array(c->arena, const struct ip *, u.f->n_ips + 1);
		memcpy(u.ips, u.f->ips, u.f->n_ips * sizeof(*u.ips));
		u.f->ips = u.ips;
		if (record_each_other(c, NULL, leave_to, &u) < 0 ||
		    (u.f->n_ips && backends.list[i]->release(c->nft, u.f, c->arena) < 0))
			return -1;
	}
	return 0;
}

int fw_gc_untagged(struct cni_call *c)
{
	return record_each_stale(c, forget);
}

/* ---- a network that is no more --------------------------------------------------------------- */

/* Other networks' attachments, with what they want of their bridges and in which ways. */
struct successor {
	struct fw_forward f;
	struct fw_backends backends;
};

struct successors {
	struct successor *list;
	size_t n;
	const struct fw_backend *backend; /* that is asked about */
};

static int take_successor(struct cni_call *c, const struct record *r, void *data)
{
	struct successors *h = data;
	struct successor successor = { .backends = fw_backends_recorded(c, r->extra) };
	struct fw_conf conf;

	if (!strcmp(r->network, c->req->net.name) || conf_of(c, r, &conf) < 0)
		return 0;
	take_policy(&successor.f, &conf, &r->prev);
	successor.f.network = comment_of_network(c->arena, r->network);
	if (successor.f.bridge)
		*arena_append(c->arena, h->list, h->n) = successor;
	return 0;
}

static const struct fw_forward *find_successor(const char *bridge, void *data)
{
	const struct fw_forward *found = NULL;
	struct successors *h = data;

	for (size_t i = 0; i < h->n; i++) {
		const struct successor *successor = &h->list[i];

		if (fw_backends_use(&successor->backends, h->backend) &&
		    !strcmp(successor->f.bridge, bridge) && (!found || successor->f.isolated))
			found = &successor->f;
	}
	return found;
}

int fw_gc_policies(struct cni_call *c, const struct fw_backends *backends)
{
	const char *network = comment_of_network(c->arena, c->req->net.name);
	struct successors h = { 0 };

	if (record_each_other(c, NULL, take_successor, &h) < 0)
		return -1;
	for (size_t i = 0; i < backends->n; i++) {
		h.backend = backends->list[i];
		if (!h.backend->has_no_owner_tag &&
		    h.backend->policy_reassign(c->nft, network, find_successor, &h, c->arena) < 0)
			return -1;
	}
	return 0;
}
