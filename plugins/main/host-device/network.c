/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "giveback.h"
#include "iface/configure.h"
#include "nl/addr.h"
#include "nl/route.h"

#define IP6_METRIC_DEFAULT 1024 /* IP6_RT_PRIO_USER, of the kernel's net/ip6_route.h */

/* ---- listing --------------------------------------------------------------------------------- */

static bool is_lasting_address(const struct addr *a)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(a->msg);

	return (a->flags & IFA_F_PERMANENT) && ifa->ifa_scope == RT_SCOPE_UNIVERSE;
}

static bool is_lasting_route(const struct route *r, int index)
{
	return r->oif == index && !r->expires && r->table != RT_TABLE_LOCAL &&
	       r->protocol != RTPROT_KERNEL && r->protocol != RTPROT_RA &&
	       r->protocol != RTPROT_DHCP;
}

/* A route without a next hop is on the link, in IPv6 too, which has no such scope. */
static struct cni_route as_result(const struct route *r)
{
	bool on_link = !r->gw.family;

	return (struct cni_route){
		.dst = r->dst,
		.gw = r->gw,
		.mtu = r->mtu,
		.advmss = r->advmss,
		.priority = r->priority,
		.table = r->table,
		.has_table = r->table && r->table != RT_TABLE_MAIN,
		.scope = on_link ? RT_SCOPE_LINK : r->scope,
		.has_scope = on_link || r->scope,
	};
}

/* What a result cannot say could be given neither to the container nor back to the host. */
static int refuse_peer(struct cni_call *c, const struct addr *a)
{
	char buf[IP_STRLEN];

	if (!a->has_peer)
		return 0;
	return err_config(c->err, "useInterfaceNetwork: the address %s has a peer",
			  ip_str(&a->ip, buf));
}

static int refuse_onlink(struct cni_call *c, const struct route *r)
{
	char buf[IP_STRLEN];

	if (!(r->flags & RTNH_F_ONLINK))
		return 0;
	return err_config(c->err, "useInterfaceNetwork: the route to %s is of the kind onlink",
			  cidr_str(&r->dst, buf));
}

/* One of IPv4 the kernel removes with all its hops; those of one route stand side by side. */
static void tell_if_shared(const struct route *r, const struct route *next, int index)
{
	char buf[IP_STRLEN];

	if (r->multipath && next->multipath && (r->oif == index) != (next->oif == index) &&
	    cidr_equal(&r->dst, &next->dst) && r->table == next->table)
		fprintf(stderr,
			"host-device: the route to %s has next hops over other interfaces, too: it "
			"does not come home whole\n",
			cidr_str(&r->dst, buf));
}

static int list_ips(struct cni_call *c, struct nl *nl, int index, bool strict,
		    struct cni_result *out)
{
	struct addr_list list = { .arena = c->arena };

	if (nl_addr_list(nl, index, AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++) {
		if (!is_lasting_address(&list.addr[i]))
			continue;
		if (strict && refuse_peer(c, &list.addr[i]) < 0)
			return -1;
		*arena_append(c->arena, out->ips, out->n_ips) =
			(struct cni_ipconfig){ .address = list.addr[i].ip };
	}
	return 0;
}

static int list_routes(struct cni_call *c, struct nl *nl, int index, bool strict,
		       struct cni_result *out)
{
	struct route_list list = { .arena = c->arena };

	if (nl_route_list(nl, AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_route; i++) {
		if (strict && i)
			tell_if_shared(&list.route[i - 1], &list.route[i], index);
		if (!is_lasting_route(&list.route[i], index))
			continue;
		if (strict && refuse_onlink(c, &list.route[i]) < 0)
			return -1;
		*arena_append(c->arena, out->routes, out->n_routes) = as_result(&list.route[i]);
	}
	return 0;
}

int network_list(struct cni_call *c, struct nl *nl, int index, bool routes, struct cni_result *out)
{
	*out = (struct cni_result){ 0 };
	if (list_ips(c, nl, index, routes, out) < 0)
		return -1;
	return routes ? list_routes(c, nl, index, true, out) : 0;
}

static bool has_ip(const struct cni_result *r, const struct ip *ip)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (cidr_equal(&r->ips[i].address, ip))
			return true;
	return false;
}

static uint32_t table_of(const struct cni_route *r)
{
	return r->has_table && r->table ? r->table : RT_TABLE_MAIN;
}

/* The kernel's default, where the result does not say. */
static uint32_t priority_of(const struct cni_route *r)
{
	return r->priority || r->dst.family != AF_INET6 ? r->priority : IP6_METRIC_DEFAULT;
}

/* But for the next hop. */
static bool is_same_route(const struct cni_route *a, const struct cni_route *b)
{
	return cidr_equal(&a->dst, &b->dst) && priority_of(a) == priority_of(b) &&
	       table_of(a) == table_of(b) &&
	       (a->dst.family == AF_INET6 || configure_is_on_link(a) == configure_is_on_link(b));
}

static bool has_route(const struct cni_result *n, const struct cni_route *r)
{
	for (size_t i = 0; i < n->n_routes; i++) {
		struct ip gw = configure_gateway(n, &n->routes[i]);

		if (is_same_route(&n->routes[i], r) && ip_equal(&gw, &r->gw))
			return true;
	}
	return false;
}

/* IPAM's lists are not to be appended to: another made them. */
void network_merge(struct cni_call *c, const struct cni_result *n)
{
	struct cni_result *r = &c->result;
	const struct cni_result ipam = *r;

	r->ips = arena_array(c->arena, struct cni_ipconfig, ipam.n_ips + n->n_ips);
	r->routes = arena_array(c->arena, struct cni_route, ipam.n_routes + n->n_routes);
	for (size_t i = 0; i < ipam.n_ips; i++)
		r->ips[i] = ipam.ips[i];
	for (size_t i = 0; i < n->n_ips; i++)
		if (!has_ip(&ipam, &n->ips[i].address))
			r->ips[r->n_ips++] = n->ips[i];
	for (size_t i = 0; i < ipam.n_routes; i++)
		r->routes[i] = ipam.routes[i];
	for (size_t i = 0; i < n->n_routes; i++)
		if (!has_route(&ipam, &n->routes[i]))
			r->routes[r->n_routes++] = n->routes[i];
}

/* ---- changing -------------------------------------------------------------------------------- */

/* In a list they stand one behind the other. */
static size_t count_hops(const struct cni_result *n, size_t at)
{
	const struct cni_route *first = &n->routes[at];
	size_t hops = 1;

	while (at + hops < n->n_routes && first->gw.family && n->routes[at + hops].gw.family &&
	       is_same_route(first, &n->routes[at + hops]))
		hops++;
	return hops;
}

/* It may have lost a next hop meanwhile, or its place to another. */
static int restore_route(struct cni_call *c, struct nl *nl, int index, const struct cni_route *r,
			 size_t n_hops, const struct cni_result *now)
{
	struct route *hops = arena_array(c->arena, struct route, n_hops);
	size_t n_there = 0;
	char buf[IP_STRLEN];

	for (size_t i = 0; i < n_hops; i++) {
		hops[i] = configure_route(&r[i], index);
		n_there += has_route(now, &r[i]);
	}
	if (n_there == n_hops)
		return 0;
	nl_route_add_hops(nl, hops, n_hops, NLM_F_EXCL);
	return giveback_commit(c, nl, cidr_str(&r->dst, buf));
}

/* Those on the link come first: a gateway may be what they lead to. */
static int restore_routes(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	struct cni_result now = { 0 };
	size_t hops;

	if (n->n_routes && list_routes(c, nl, index, false, &now) < 0)
		return -1;
	for (int behind = 0; behind < 2; behind++)
		for (size_t i = 0; i < n->n_routes; i += hops) {
			const struct cni_route *r = &n->routes[i];

			hops = count_hops(n, i);
			if (configure_is_on_link(r) != behind &&
			    restore_route(c, nl, index, r, hops, &now) < 0)
				return -1;
		}
	return 0;
}

/* They were valid here before: without duplicate address detection. */
static int restore_ips(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	struct cni_result now = { 0 };
	char buf[IP_STRLEN];

	if (n->n_ips && list_ips(c, nl, index, false, &now) < 0)
		return -1;
	for (size_t i = 0; i < n->n_ips; i++) {
		const struct ip *ip = &n->ips[i].address;

		if (has_ip(&now, ip))
			continue;
		nl_addr_add(nl, index, ip, ip->family == AF_INET6 ? IFA_F_NODAD : 0);
		if (giveback_commit(c, nl, cidr_str(ip, buf)) < 0)
			return -1;
	}
	return 0;
}

int network_restore(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	return restore_ips(c, nl, index, n) < 0 ? -1 : restore_routes(c, nl, index, n);
}

static int remove_ips(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n,
		      bool others)
{
	struct cni_result now = { 0 };

	if (list_ips(c, nl, index, false, &now) < 0)
		return -1;
	for (size_t i = 0; i < now.n_ips; i++) {
		if (has_ip(n, &now.ips[i].address) == others)
			continue;
		nl_addr_del(nl, index, &now.ips[i].address);
		if (nl_commit_allow(nl, EADDRNOTAVAIL) < 0)
			return -1;
	}
	return 0;
}

int network_remove(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	for (size_t i = 0; i < n->n_routes; i++) {
		struct route route = configure_route(&n->routes[i], index);

		nl_route_del(nl, &route);
		if (nl_commit_allow(nl, ESRCH) < 0)
			return -1;
	}
	return remove_ips(c, nl, index, n, false);
}

int network_remove_others(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	return remove_ips(c, nl, index, n, true);
}
