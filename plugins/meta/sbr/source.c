/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/route_copy.h"
#include "nl/table.h"

/* ---- addresses and gateways ------------------------------------------------------------------ */

/* One that names no interface of the result is taken for the container's, as by the reference. */
static bool is_ours(const struct cni_call *c, const struct cni_result *r,
		    const struct cni_ipconfig *p)
{
	return !p->has_interface || p->interface >= r->n_interfaces ||
	       !strcmp(r->interfaces[p->interface].name, c->req->ifname);
}

static void find_gateway(struct source *s, const struct cni_result *r,
			 const struct sbr_gateways *fixed)
{
	for (size_t i = 0; i < fixed->n_gateway; i++) {
		if (fixed->gateway[i].family != s->ip.family)
			continue;
		s->gateway = fixed->gateway[i];
		s->fixed = true;
		return;
	}
	for (size_t i = 0; i < r->n_routes && !s->gateway.family; i++)
		if (!r->routes[i].dst.plen && r->routes[i].gw.family &&
		    cidr_contains(&s->ip, &r->routes[i].gw))
			s->gateway = r->routes[i].gw;
}

static bool is_listed(const struct source_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->n_source; i++)
		if (ip_equal(&list->source[i].ip, ip))
			return true;
	return false;
}

void source_list(struct cni_call *c, const struct cni_result *r, const struct sbr_gateways *fixed,
		 struct source_list *out)
{
	*out = (struct source_list){ 0 };
	for (size_t i = 0; r && i < r->n_ips; i++) {
		const struct cni_ipconfig *p = &r->ips[i];
		struct source *s;

		if (!is_ours(c, r, p) || is_listed(out, &p->address))
			continue;
		s = arena_append(c->arena, out->source, out->n_source);
		*s = (struct source){ .ip = p->address, .gateway = p->gateway };
		find_gateway(s, r, fixed);
	}
}

/* ---- tables ---------------------------------------------------------------------------------- */

bool source_has_rule(const struct rule *r, const struct ip *ip, uint32_t table)
{
	if (!r->only_by_src || r->protocol != RTPROT_UNSPEC || r->src.plen != ip_bits(&r->src) ||
	    !ip_equal(&r->src, ip))
		return false;
	if (table)
		return r->table == table;
	return r->table >= SOURCE_TABLE_MIN && !table_is_reserved(r->table);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static bool is_within(const struct ip *subnet, const struct route *r, const struct ip *gw)
{
	return (r->src.family && cidr_contains(subnet, &r->src)) ||
	       (gw->family && cidr_contains(subnet, gw));
}

/* One that belongs to none of the addresses goes to all: it would be lost. */
bool source_takes(const struct source *s, const struct source_list *all, const struct route *r,
		  int oif)
{
	struct ip gw = nl_route_gateway(r, oif);

	if (r->dst.family != s->ip.family || (s->fixed && !r->dst.plen))
		return false;
	if (is_within(&s->ip, r, &gw))
		return true;
	for (size_t i = 0; i < all->n_source; i++)
		if (is_within(&all->source[i].ip, r, &gw))
			return false;
	return true;
}
