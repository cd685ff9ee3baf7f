/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "iface/configure.h"
#include "nl/addr.h"
#include "nl/link.h"
#include "nl/nl.h"

int apply_mtu(const struct apply *to, uint16_t mtu, struct err *err)
{
	auto_nl struct nl nl = { 0 };

	if (!mtu)
		return 0;
	if (nl_open_at(&nl, to->netns_fd, err) < 0)
		return -1;
	nl_link_mtu(&nl, to->index, mtu);
	return nl_commit(&nl);
}

/* As the main plugin had it: without a router of its own it goes by the gateway. */
static struct route route_of(const struct cni_result *r, const struct cni_route *route, int index)
{
	struct route v = configure_route(route, index);

	if (v.gw.family == AF_UNSPEC && !configure_is_on_link(route))
		v.gw = r->ips[0].gateway;
	return v;
}

static bool is_same_route(const struct cni_route *x, const struct cni_route *y)
{
	return cidr_equal(&x->dst, &y->dst) && ip_equal(&x->gw, &y->gw) &&
	       x->priority == y->priority;
}

static bool has_route(const struct cni_result *r, const struct cni_route *route)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (is_same_route(&r->routes[i], route))
			return true;
	return false;
}

static bool has_address(const struct cni_result *r, const struct ip *address)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (cidr_equal(&r->ips[i].address, address))
			return true;
	return false;
}

static int add_all(struct nl *nl, int index, const struct cni_result *r)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		nl_addr_add(nl, index, &r->ips[i].address, 0);
		if (nl_commit_allow(nl, EEXIST) < 0)
			return -1;
	}
	for (size_t i = 0; i < r->n_routes; i++) {
		struct route route = route_of(r, &r->routes[i], index);

		nl_route_add(nl, &route, NLM_F_REPLACE);
		if (nl_commit(nl) < 0)
			return -1;
	}
	return 0;
}

static int del_addresses(struct nl *nl, int index, const struct cni_result *from,
			 const struct cni_result *now, bool *gone)
{
	for (size_t i = 0; i < from->n_ips; i++) {
		if (now && has_address(now, &from->ips[i].address))
			continue;
		*gone = true;
		nl_addr_del(nl, index, &from->ips[i].address);
		if (nl_commit_allow(nl, EADDRNOTAVAIL) < 0)
			return -1;
	}
	return 0;
}

static int del_routes(struct nl *nl, int index, const struct cni_result *from,
		      const struct cni_result *now)
{
	for (size_t i = 0; i < from->n_routes; i++) {
		struct route r = route_of(from, &from->routes[i], index);

		if (now && has_route(now, &from->routes[i]))
			continue;
		nl_route_del(nl, &r);
		if (nl_commit_allow(nl, ESRCH) < 0)
			return -1;
	}
	return 0;
}

/* In one subnet a new address was the old one's secondary, and goes with it. */
static int change(struct nl *nl, int index, const struct cni_result *from,
		  const struct cni_result *now)
{
	bool gone = false;

	if (now && add_all(nl, index, now) < 0)
		return -1;
	if (from && (del_routes(nl, index, from, now) < 0 ||
		     del_addresses(nl, index, from, now, &gone) < 0))
		return -1;
	return gone && now ? add_all(nl, index, now) : 0;
}

int apply_result(const struct apply *to, const struct cni_result *from,
		 const struct cni_result *now, struct err *err)
{
	auto_nl struct nl nl = { 0 };

	if ((from && !from->n_ips) || (now && !now->n_ips))
		return err_set(err, ERR_INTERNAL, "a lease without an address");
	if (nl_open_at(&nl, to->netns_fd, err) < 0)
		return -1;
	return change(&nl, to->index, from, now);
}
