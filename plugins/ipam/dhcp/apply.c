/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "iface/configure.h"
#include "nl/addr.h"
#include "nl/link.h"
#include "nl/nl.h"

bool apply_may_be_later(const struct err *err)
{
	static const int passing[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN, EINTR };

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (err->sys == passing[i])
			return true;
	return err->code == ERR_RETRY;
}

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

/* What failed before, and may be done later, is told and not this. */
static int commit(struct nl *nl, int allowed)
{
	struct err err = { 0 }, *told = nl->err;
	int rc;

	nl->err = &err;
	rc = nl_commit_allow(nl, allowed);
	nl->err = told;
	if (rc < 0 && !apply_may_be_later(told))
		*told = err;
	return rc;
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

/* Of the kernel's list: to the same destination with the same metric, where ours are. */
static bool is_beside(const struct route *v, const struct route *r)
{
	return v->table == RT_TABLE_MAIN && v->priority == r->priority &&
	       cidr_equal(&v->dst, &r->dst);
}

/* Of several beside each other the kernel takes the first. */
static const struct route *first_beside(const struct route *r, const struct route_list *had)
{
	for (size_t i = 0; i < had->n_route; i++)
		if (is_beside(&had->route[i], r))
			return &had->route[i];
	return NULL;
}

static bool is_same(const struct route *v, const struct route *r)
{
	return v->oif == r->oif && (v->gw.family == AF_UNSPEC || ip_equal(&v->gw, &r->gw));
}

static bool is_listed(const struct route *r, const struct route_list *had)
{
	for (size_t i = 0; i < had->n_route; i++)
		if (is_beside(&had->route[i], r) && is_same(&had->route[i], r))
			return true;
	return false;
}

/* Of a result's routes to one destination the last is preferred. */
static bool is_preferred(const struct cni_result *r, size_t i)
{
	for (size_t k = i + 1; k < r->n_routes; k++)
		if (cidr_equal(&r->routes[k].dst, &r->routes[i].dst) &&
		    r->routes[k].priority == r->routes[i].priority)
			return false;
	return true;
}

/*
 * A route of another interface to the same destination stays, and stays first if it was. What
 * `from` had, and somebody has taken away or moved to another table, as sbr does, stays away. The
 * preferred one of ours goes before the others that are there.
 */
static int add_route(struct nl *nl, int index, const struct cni_result *from,
		     const struct cni_result *r, size_t i, const struct route_list *had)
{
	const struct route route = route_of(r, &r->routes[i], index);
	const struct route *first = first_beside(&route, had);
	bool is_there = first && is_listed(&route, had);
	bool before = is_preferred(r, i) && (!first || first->oif == index);
	int rc = 0;

	if (from && has_route(from, &r->routes[i]) && !is_there)
		return 0;
	if (is_there && before && !is_same(first, &route)) {
		nl_route_del(nl, &route);
		rc = commit(nl, ESRCH);
	}
	nl_route_add(nl, &route, first && !before ? NLM_F_APPEND : 0);
	return rc | commit(nl, EEXIST);
}

static int add_all(struct nl *nl, int index, const struct cni_result *from,
		   const struct cni_result *r, const struct route_list *had)
{
	int rc = 0;

	for (size_t i = 0; i < r->n_ips; i++) {
		nl_addr_add(nl, index, &r->ips[i].address, 0);
		rc |= commit(nl, EEXIST);
	}
	/* as the main plugin does: a router may be what one on the link leads to */
	for (int behind = 0; behind < 2; behind++)
		for (size_t i = 0; i < r->n_routes; i++)
			if (configure_is_on_link(&r->routes[i]) != behind)
				rc |= add_route(nl, index, from, r, i, had);
	return rc;
}

static int del_addresses(struct nl *nl, int index, const struct cni_result *from,
			 const struct cni_result *now, bool *gone)
{
	int rc = 0;

	for (size_t i = 0; i < from->n_ips; i++) {
		if (now && has_address(now, &from->ips[i].address))
			continue;
		*gone = true;
		nl_addr_del(nl, index, &from->ips[i].address);
		rc |= commit(nl, EADDRNOTAVAIL);
	}
	return rc;
}

static int del_routes(struct nl *nl, int index, const struct cni_result *from,
		      const struct cni_result *now)
{
	int rc = 0;

	for (size_t i = 0; i < from->n_routes; i++) {
		struct route r = route_of(from, &from->routes[i], index);

		if (now && has_route(now, &from->routes[i]))
			continue;
		nl_route_del(nl, &r);
		rc |= commit(nl, ESRCH);
	}
	return rc;
}

/*
 * In one subnet a new address was the old one's secondary, and goes with it. What the kernel
 * refuses, as a router that is on no link, leaves nothing else undone.
 */
static int change(struct nl *nl, int index, const struct cni_result *from,
		  const struct cni_result *now, bool *incomplete)
{
	const struct cni_result *kept = *incomplete ? NULL : from;
	struct route_list had = { .arena = json_arena() };
	bool gone = false;
	int rc = 0;

	if (now && nl_route_list(nl, AF_INET, &had) < 0)
		return -1;
	if (now)
		rc |= add_all(nl, index, kept, now, &had);
	if (from) {
		rc |= del_routes(nl, index, from, now);
		rc |= del_addresses(nl, index, from, now, &gone);
	}
	if (gone && now)
		rc |= add_all(nl, index, kept, now, &had);
	*incomplete = rc < 0;
	return rc;
}

int apply_result(const struct apply *to, const struct cni_result *from,
		 const struct cni_result *now, bool *incomplete, struct err *err)
{
	auto_nl struct nl nl = { 0 };

	if ((from && !from->n_ips) || (now && !now->n_ips))
		return err_set(err, ERR_INTERNAL, "a lease without an address");
	if (nl_open_at(&nl, to->netns_fd, err) < 0)
		return -1;
	return change(&nl, to->index, from, now, incomplete);
}

/* ---- how long addresses are preferred -------------------------------------------------------- */

static uint32_t seconds_left(int64_t until, int64_t now)
{
	int64_t seconds = until > now ? (until - now) / 1000 : 0;

	return until == DHCP6_NEVER ? NL_ADDR_FOR_EVER : (uint32_t)seconds;
}

/* What passes while it is set is no difference. */
static bool is_about(uint32_t x, uint32_t y)
{
	return !x == !y && (x > y ? x - y : y - x) <= 1;
}

int apply_preferred(const struct apply *to, const struct dhcp6_lease *l, int64_t now,
		    struct err *err)
{
	struct addr_list list = { .arena = json_arena() };
	auto_nl struct nl nl = { 0 };
	int rc = 0;

	if (nl_open_at(&nl, to->netns_fd, err) < 0 ||
	    nl_addr_list(&nl, to->index, AF_INET6, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++) {
		size_t k = dhcp6_lease_find(l, &list.addr[i].ip.v6);
		uint32_t left = k < l->n ? seconds_left(l->preferred[k], now) : 0;

		if (k == l->n || is_about(left, list.addr[i].preferred))
			continue;
		nl_addr_set_preferred(&nl, &list.addr[i], left);
		rc |= commit(&nl, 0);
	}
	return rc;
}
