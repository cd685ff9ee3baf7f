/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/firewall.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/str.h"
#include "cni/iptables.h"
#include "cni/owner.h"
#include "nft/filter.h"
#include "nft/ipforward.h"

/* ---- which ----------------------------------------------------------------------------------- */

static bool is_legacy(void)
{
	return cni_iptables_legacy(AF_INET, CNI_IPTABLES_FILTER) ||
	       cni_iptables_legacy(AF_INET6, CNI_IPTABLES_FILTER);
}

/* Its FORWARD chain sees every packet, and may drop what our table lets through. */
static int is_iptables_nft(struct cni_call *c, bool *used)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };

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
	bool iptables = is_legacy();

	*backend = configured;
	if (*configured)
		return 0;
	if (cni_nft(c) < 0)
		return -1;
	if (!iptables && is_iptables_nft(c, &iptables) < 0)
		return -1;
	*backend = iptables || !has_nftables(c) ? "iptables" : "nftables";
	return 0;
}

static void add_way(struct cni_ways *ways, const struct nft_forwarding *way)
{
	ways->list[ways->n++] = way;
}

int cni_firewall_ways(struct cni_call *c, const char *backend, struct cni_ways *ways)
{
	bool nft;

	*ways = (struct cni_ways){ 0 };
	if (cni_nft(c) < 0)
		return -1;
	if (!strcmp(backend, "nftables")) {
		add_way(ways, &nft_filter);
		return 0;
	}
	if (is_iptables_nft(c, &nft) < 0)
		return -1;
	add_way(ways, &nft_ipforward);
	return 0;
}

struct cni_ways cni_firewall_all_ways(struct cni_call *c)
{
	struct cni_ways ways = { 0 };

	(void)c;
	add_way(&ways, &nft_filter);
	add_way(&ways, &nft_ipforward);
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

struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r)
{
	struct nft_forward *f = arena_new(c->arena, struct nft_forward);
	struct cni_owner *o = arena_new(c->arena, struct cni_owner);

	cni_owner_init(o, c->conf.name, c->ifname, c->container_id);
	f->owner = o->comment;
	f->network = comment_of_network(c->arena, c->conf.name);
	f->admin = conf->admin;
	f->context = c;
	if (r) {
		take_addresses(f, r, c->arena);
		take_policy(f, conf, r);
	}
	return f;
}

/* ---- a network that is no more --------------------------------------------------------------- */

/* Other networks' attachments, with what they want of their bridges. */
struct heirs {
	struct cni_call *c;
	struct nft_forward *list;
	size_t n;
};

static void take_heir(struct heirs *h, const struct cni_record *r)
{
	const struct cni_plugin *p = h->c->plugin;
	struct cni_firewall conf = *(const struct cni_firewall *)p->defaults;
	struct nft_forward f = { 0 };
	struct err ignored = { 0 };

	if (strcmp(r->plugin, p->name) != 0 || !strcmp(r->network, h->c->conf.name) ||
	    json_decode(r->conf, p->fields, "", &conf, &ignored) < 0)
		return;
	take_policy(&f, &conf, &r->prev);
	f.network = comment_of_network(h->c->arena, r->network);
	if (f.bridge)
		*arena_append(h->c->arena, h->list, h->n) = f;
}

/* A record that cannot be read is told of by those whose it is. */
static int load_heirs(struct heirs *h)
{
	const char **names;
	size_t n;

	if (cni_record_names(&names, &n, h->c->arena, h->c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_close int held = -1;
		struct err ignored = { 0 };
		struct cni_record *r;

		if (cni_record_load(names[i], &held, h->c->arena, &r, &ignored) == 0 && r)
			take_heir(h, r);
	}
	return 0;
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
	if (load_heirs(&h) < 0)
		return -1;
	for (size_t i = 0; i < ways->n; i++)
		if (ways->list[i]->bequeath(c->nft, network, find_heir, &h, c->arena) < 0)
			return -1;
	return 0;
}
