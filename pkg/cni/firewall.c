/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/firewall.h"

#include <stdio.h>
#include <string.h>

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
static const char *comment_of_network(struct cni_call *c, const struct cni_owner *o)
{
	const char *text = arena_printf(c->arena, "%.16s, net: %s", o->comment, c->conf.name);

	return arena_printf(c->arena, "%.*s", NFT_COMMENT_MAX, text);
}

struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r)
{
	struct nft_forward *f = arena_new(c->arena, struct nft_forward);
	struct cni_owner *o = arena_new(c->arena, struct cni_owner);
	size_t n = r ? r->n_ips : 0;
	const struct ip **ips = arena_array(c->arena, const struct ip *, n + 1);

	cni_owner_init(o, c->conf.name, c->ifname, c->container_id);
	f->ips = ips;
	for (size_t i = 0; i < n; i++)
		if (!has(f, &r->ips[i].address))
			ips[f->n_ips++] = &r->ips[i].address;
	f->owner = o->comment;
	f->network = comment_of_network(c, o);
	f->admin = conf->admin;
	f->context = c;
	if (r && r->n_interfaces && cni_firewall_has_policy(conf)) {
		f->bridge = r->interfaces[0].name;
		f->isolated = !strcmp(conf->policy, "isolated");
	}
	return f;
}
