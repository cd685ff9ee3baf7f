/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/firewall.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/str.h"
#include "cni/fwlegacy.h"
#include "cni/iptables.h"
#include "cni/owner.h"
#include "nft/filter.h"
#include "nft/ipforward.h"

/* ---- which ----------------------------------------------------------------------------------- */

static const sa_family_t families[] = { AF_INET, AF_INET6 };

/*
 * Is there anything? Somebody who has looked at a table has made it, and it stays. What nothing installed here
 * can read is not ours to change either.
 */
static int is_family_legacy(struct cni_call *c, sa_family_t family, bool *used)
{
	const char *saved;

	if (!cni_iptables_legacy(family, CNI_IPTABLES_FILTER) || !cni_iptables_has_legacy(c))
		return 0;
	if (cni_iptables_legacy_save(c, family, CNI_IPTABLES_FILTER, &saved) < 0)
		return -1;
	*used |= strstr(saved, "\n-A FORWARD ") || strstr(saved, "\n:FORWARD DROP ");
	return 0;
}

static int is_legacy(struct cni_call *c, bool *used)
{
	*used = false;
	for (size_t i = 0; !*used && i < ARRAY_SIZE(families); i++)
		if (is_family_legacy(c, families[i], used) < 0)
			return -1;
	return 0;
}

/* Its FORWARD chain sees every packet, and may drop what our table lets through. */
static int is_iptables_nft(struct cni_call *c, bool *used)
{
	*used = false;
	for (size_t i = 0; !*used && i < ARRAY_SIZE(families); i++)
		if (nft_has_chain(c->nft, ipf_table(families[i]), "FORWARD", used) < 0)
			return -1;
	return 0;
}

static bool has_nftables(struct cni_call *c)
{
	struct err before = *c->err;
	uint32_t generation;
	bool has = nft_generation(c->nft, &generation) == 0;

	*c->err = before;
	return has;
}

int cni_firewall_choose(struct cni_call *c, const char *configured, const char **backend)
{
	bool iptables;

	*backend = configured;
	if (cni_nft(c) < 0)
		return -1;
	if (*configured)
		return 0;
	if (is_iptables_nft(c, &iptables) < 0 || (!iptables && is_legacy(c, &iptables) < 0))
		return -1;
	*backend = iptables || !has_nftables(c) ? "iptables" : "nftables";
	return 0;
}

static void add_way(struct cni_ways *ways, const struct nft_forwarding *way)
{
	ways->list[ways->n++] = way;
}

/*
 * Both kinds of iptables have their say on every packet, so both are told where both are used. Where none is,
 * the one that is installed will be.
 */
static int iptables_ways(struct cni_call *c, struct cni_ways *ways)
{
	bool legacy, nft;

	if (is_legacy(c, &legacy) < 0 || is_iptables_nft(c, &nft) < 0)
		return -1;
	if (cni_iptables_prefers_legacy(c) || !has_nftables(c))
		legacy = true;
	else
		nft = true;
	if (nft)
		add_way(ways, &nft_ipforward);
	if (legacy)
		add_way(ways, &cni_fwlegacy);
	return 0;
}

int cni_firewall_ways(struct cni_call *c, const char *backend, struct cni_ways *ways)
{
	*ways = (struct cni_ways){ 0 };
	if (!strcmp(backend, "iptables"))
		return iptables_ways(c, ways);
	add_way(ways, &nft_filter);
	return 0;
}

/* ---- the record's note ----------------------------------------------------------------------- */

static const struct nft_forwarding *const all[] = { &nft_filter, &nft_ipforward, &cni_fwlegacy };

const char *cni_firewall_note(struct cni_call *c, const struct cni_ways *ways)
{
	const char *note = "";

	for (size_t i = 0; i < ways->n; i++)
		note = arena_printf(c->arena, "%s%s%s", note, *note ? ", " : "",
				    ways->list[i]->name);
	return note;
}

struct cni_ways cni_firewall_noted(struct cni_call *c, const char *note)
{
	char *list = arena_strdup(c->arena, note ? note : ""), *name;
	struct cni_ways ways = { 0 };

	while ((name = strsep(&list, ","))) {
		name += *name == ' ';
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			if (!strcmp(all[i]->name, name) && ways.n < ARRAY_SIZE(ways.list))
				add_way(&ways, all[i]);
	}
	return ways;
}

/* Those by netlink are cheap to ask. The others are only where ADD has used them, or might have. */
struct cni_ways cni_firewall_removing(struct cni_call *c, const char *note)
{
	const struct cni_ways noted = cni_firewall_noted(c, note);
	struct cni_ways ways = { 0 };

	add_way(&ways, &nft_filter);
	add_way(&ways, &nft_ipforward);
	for (size_t i = 0; i < noted.n; i++)
		if (noted.list[i]->unmarked)
			add_way(&ways, noted.list[i]);
	if (!noted.n && cni_iptables_has_legacy(c) &&
	    (cni_iptables_legacy(AF_INET, CNI_IPTABLES_FILTER) ||
	     cni_iptables_legacy(AF_INET6, CNI_IPTABLES_FILTER)))
		add_way(&ways, &cni_fwlegacy);
	return ways;
}

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

struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r)
{
	const struct cni_record who = { .network = c->conf.name,
					.ifname = c->ifname,
					.container_id = c->container_id };

	return forward_of(c, &who, conf, r);
}

/* ---- other records --------------------------------------------------------------------------- */

typedef void (*record_fn)(const struct cni_record *r, void *data);

/* A record that cannot be read is told of by those whose it is. */
static int each_record(struct cni_call *c, record_fn fn, void *data)
{
	const char **names;
	size_t n;

	if (cni_record_names(&names, &n, c->arena, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_close int held = -1;
		struct err ignored = { 0 };
		struct cni_record *r;

		if (cni_record_load(names[i], &held, c->arena, &r, &ignored) == 0 && r &&
		    !strcmp(r->plugin, c->plugin->name))
			fn(r, data);
	}
	return 0;
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
static void leave_to(const struct cni_record *r, void *data)
{
	struct unshared *u = data;
	struct nft_forward other = { 0 };
	size_t n = 0;

	if (same_attachment(r, u->of))
		return;
	take_addresses(&other, &r->prev, u->arena);
	for (size_t i = 0; i < u->f->n_ips; i++)
		if (!has(&other, u->f->ips[i]))
			u->ips[n++] = u->f->ips[i];
	u->f->n_ips = n;
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
		if (each_record(c, leave_to, &u) < 0 ||
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

/* Other networks' attachments, with what they want of their bridges. */
struct heirs {
	struct cni_call *c;
	struct nft_forward *list;
	size_t n;
};

static void take_heir(const struct cni_record *r, void *data)
{
	struct heirs *h = data;
	struct nft_forward f = { 0 };
	struct cni_firewall conf;

	if (!strcmp(r->network, h->c->conf.name) || conf_of(h->c, r, &conf) < 0)
		return;
	take_policy(&f, &conf, &r->prev);
	f.network = comment_of_network(h->c->arena, r->network);
	if (f.bridge)
		*arena_append(h->c->arena, h->list, h->n) = f;
}

static const struct nft_forward *find_heir(const char *bridge, void *data)
{
	const struct nft_forward *found = NULL;
	struct heirs *h = data;

	for (size_t i = 0; i < h->n; i++)
		if (!strcmp(h->list[i].bridge, bridge) && (!found || h->list[i].isolated))
			found = &h->list[i];
	return found;
}

int cni_firewall_bequeath(struct cni_call *c, const struct cni_ways *ways)
{
	struct heirs h = { .c = c };
	const char *network = comment_of_network(c->arena, c->conf.name);

	if (!c->conf.has_attachments || c->conf.n_attachments)
		return 0;
	if (each_record(c, take_heir, &h) < 0)
		return -1;
	for (size_t i = 0; i < ways->n; i++)
		if (!ways->list[i]->unmarked &&
		    ways->list[i]->bequeath(c->nft, network, find_heir, &h, c->arena) < 0)
			return -1;
	return 0;
}
