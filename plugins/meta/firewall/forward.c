/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <string.h>

#include "base/str.h"
#include "firewalld.h"
#include "skel/instance.h"

/* ---- what ------------------------------------------------------------------------------------ */

bool cni_firewall_has_policy(const struct cni_firewall *conf)
{
	return *conf->policy && strcmp(conf->policy, "open") != 0;
}

static bool has(const struct nft_forward *f, const struct ip *ip)
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
	struct cni_owner o;

	cni_owner_init(&o, network, "", "");
	return arena_printf(arena, "%.*s", NFT_COMMENT_MAX,
			    arena_printf(arena, "%.16s, net: %s", o.comment, network));
}

static void take_addresses(struct nft_forward *f, const struct cni_result *r, struct arena *arena)
{
	const struct ip **ips = arena_array(arena, const struct ip *, r->n_ips + 1);

	f->ips = ips;
	for (size_t i = 0; i < r->n_ips; i++)
		if (!has(f, &r->ips[i].address))
			ips[f->n_ips++] = &r->ips[i].address;
}

static void take_policy(struct nft_forward *f, const struct cni_firewall *conf,
			const struct cni_result *r)
{
	if (!r->n_interfaces || !cni_firewall_has_policy(conf))
		return;
	f->bridge = r->interfaces[0].name;
	f->isolated = !strcmp(conf->policy, "isolated");
}

/* Of whom: for the call's attachment or that of a record. */
static struct nft_forward *forward_of(struct cni_call *c, const struct cni_record *who,
				      const struct cni_firewall *conf, const struct cni_result *r)
{
	struct nft_forward *f = arena_new(c->arena, struct nft_forward);
	struct cni_owner *o = arena_new(c->arena, struct cni_owner);
	struct cni_fwcontext *context = arena_new(c->arena, struct cni_fwcontext);

	*context = (struct cni_fwcontext){ c, conf->zone };
	cni_owner_init(o, who->network, who->ifname, who->container_id);
	f->owner = o->comment;
	f->network = comment_of_network(c->arena, who->network);
	f->admin = conf->admin;
	f->context = context;
	if (r) {
		take_addresses(f, r, c->arena);
		take_policy(f, conf, r);
	}
	return f;
}

struct nft_forward *cni_firewall_for(struct cni_call *c, const struct cni_ways *ways, size_t i,
				     const struct cni_result *r)
{
	struct nft_forward *f = cni_firewall_of(c, c->own, r);

	f->policy_only = ways->list[0] == &cni_fwdaemon && i;
	return f;
}

struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r)
{
	const struct cni_record who = { .network = c->conf.name,
					.ifname = c->ifname,
					.container_id = c->container_id };

	return forward_of(c, &who, conf, r);
}

static int conf_of(struct cni_call *c, const struct cni_record *r, struct cni_firewall *conf)
{
	struct err ignored = { 0 };

	*conf = *(const struct cni_firewall *)c->plugin->defaults;
	return json_decode_lenient(r->conf, c->plugin->fields, "", conf, &ignored);
}

/* ---- without marks --------------------------------------------------------------------------- */

struct unshared {
	const struct cni_record *of;
	struct nft_forward *f;
	const struct ip **ips; /* f's, writable */
	struct arena *arena;
};

static bool same_attachment(const struct cni_record *a, const struct cni_record *b)
{
	return !strcmp(a->network, b->network) && !strcmp(a->container_id, b->container_id) &&
	       !strcmp(a->ifname, b->ifname);
}

/* An address that somebody else has been given since is his. */
static int leave_to(struct cni_call *c, const struct cni_record *r, void *data)
{
	struct unshared *u = data;
	struct nft_forward other = { 0 };
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

static int forget(struct cni_call *c, const struct cni_record *r)
{
	const struct cni_ways ways = cni_firewall_noted(c, r->note);
	struct cni_firewall conf;
	struct unshared u = { .of = r, .arena = c->arena };

	if (conf_of(c, r, &conf) < 0)
		return 0;
	for (size_t i = 0; i < ways.n; i++) {
		if (!ways.list[i]->unmarked)
			continue;
		u.f = forward_of(c, r, &conf, &r->prev);
		u.ips = arena_array(c->arena, const struct ip *, u.f->n_ips + 1);
		memcpy(u.ips, u.f->ips, u.f->n_ips * sizeof(*u.ips));
		u.f->ips = u.ips;
		if (cni_record_each_other(c, NULL, leave_to, &u) < 0 ||
		    (u.f->n_ips && ways.list[i]->release(c->nft, u.f, c->arena) < 0))
			return -1;
	}
	return 0;
}

int cni_firewall_forget(struct cni_call *c)
{
	return cni_record_each_stale(c, forget);
}

/* ---- a network that is no more --------------------------------------------------------------- */

/* Other networks' attachments, with what they want of their bridges and in which ways. */
struct heir {
	struct nft_forward f;
	struct cni_ways ways;
};

struct heirs {
	struct heir *list;
	size_t n;
	const struct nft_forwarding *way; /* that is asked about */
};

static int take_heir(struct cni_call *c, const struct cni_record *r, void *data)
{
	struct heirs *h = data;
	struct heir heir = { .ways = cni_firewall_noted(c, r->note) };
	struct cni_firewall conf;

	if (!strcmp(r->network, c->conf.name) || conf_of(c, r, &conf) < 0)
		return 0;
	take_policy(&heir.f, &conf, &r->prev);
	heir.f.network = comment_of_network(c->arena, r->network);
	if (heir.f.bridge)
		*arena_append(c->arena, h->list, h->n) = heir;
	return 0;
}

static const struct nft_forward *find_heir(const char *bridge, void *data)
{
	const struct nft_forward *found = NULL;
	struct heirs *h = data;

	for (size_t i = 0; i < h->n; i++) {
		const struct heir *heir = &h->list[i];

		if (cni_firewall_uses(&heir->ways, h->way) && !strcmp(heir->f.bridge, bridge) &&
		    (!found || heir->f.isolated))
			found = &heir->f;
	}
	return found;
}

int cni_firewall_bequeath(struct cni_call *c, const struct cni_ways *ways)
{
	const char *network = comment_of_network(c->arena, c->conf.name);
	struct heirs h = { 0 };

	if (cni_record_each_other(c, NULL, take_heir, &h) < 0)
		return -1;
	for (size_t i = 0; i < ways->n; i++) {
		h.way = ways->list[i];
		if (!h.way->unmarked &&
		    h.way->bequeath(c->nft, network, find_heir, &h, c->arena) < 0)
			return -1;
	}
	return 0;
}
