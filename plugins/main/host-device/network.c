/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "iface/configure.h"
#include "nl/addr.h"
#include "nl/route.h"

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

int network_list(struct cni_call *c, struct nl *nl, int index, bool routes, struct cni_result *out)
{
	struct addr_list addrs = { .arena = c->arena };
	struct route_list list = { .arena = c->arena };

	*out = (struct cni_result){ 0 };
	if (nl_addr_list(nl, index, AF_UNSPEC, &addrs) < 0)
		return -1;
	for (size_t i = 0; i < addrs.n_addr; i++) {
		if (!is_lasting_address(&addrs.addr[i]))
			continue;
		if (routes && refuse_peer(c, &addrs.addr[i]) < 0)
			return -1;
		*arena_append(c->arena, out->ips, out->n_ips) =
			(struct cni_ipconfig){ .address = addrs.addr[i].ip };
	}
	if (!routes)
		return 0;
	if (nl_route_list(nl, AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_route; i++) {
		if (!is_lasting_route(&list.route[i], index))
			continue;
		if (refuse_onlink(c, &list.route[i]) < 0)
			return -1;
		*arena_append(c->arena, out->routes, out->n_routes) = as_result(&list.route[i]);
	}
	return 0;
}

static bool has_ip(const struct cni_result *r, const struct ip *ip)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (cidr_equal(&r->ips[i].address, ip))
			return true;
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
		r->routes[r->n_routes++] = n->routes[i];
}

/* ---- changing -------------------------------------------------------------------------------- */

/* A route may have lost its next hop meanwhile. */
int network_restore(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n)
{
	for (size_t i = 0; i < n->n_ips; i++) {
		const struct ip *ip = &n->ips[i].address;

		/* it was valid here before */
		nl_addr_add(nl, index, ip, ip->family == AF_INET6 ? IFA_F_NODAD : 0);
		if (nl_commit_allow(nl, EEXIST) < 0)
			return -1;
	}
	for (size_t i = 0; i < n->n_routes; i++) {
		struct route route = configure_route(&n->routes[i], index);

		nl_route_add(nl, &route, NLM_F_EXCL);
		if (nl_commit_allow(nl, EEXIST) == 0)
			continue;
		if (c->err->sys != ENETUNREACH && c->err->sys != EHOSTUNREACH &&
		    c->err->sys != EINVAL && c->err->sys != ENETDOWN)
			return -1;
		fprintf(stderr, "host-device: a route is not put back: %s\n", c->err->msg);
		err_clear(c->err);
	}
	return 0;
}

int network_remove(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n,
		   bool others)
{
	struct cni_result now;

	if (network_list(c, nl, index, false, &now) < 0)
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
