/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/carry.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/clock.h"
#include "nl/nl.h"
#include "nl/route_copy.h"

#define ADDRESS_TIMEOUT_MS 5000 /* a worker of the kernel makes an address local, at once */

int carry_list(struct cni_call *c, int index, struct carry *k)
{
	k->index = index;
	k->addrs = (struct addr_list){ .arena = c->arena };
	k->routes = (struct route_list){ .arena = c->arena, .whole = true };
	if (nl_addr_list(c->sandbox, index, AF_UNSPEC, &k->addrs) < 0 ||
	    nl_route_list(c->sandbox, AF_UNSPEC, &k->routes) < 0)
		return -1;
	nl_route_sort(&k->routes, index);
	return 0;
}

/* The kernel's own come with the addresses, those of a router with its next advertisement. */
static bool is_carried(const struct carry *k, const struct route *r)
{
	return r->protocol != RTPROT_KERNEL && r->protocol != RTPROT_RA &&
	       r->protocol != RTPROT_REDIRECT && nl_route_is_via(r, k->index);
}

int carry_detach(struct cni_call *c, const struct carry *k)
{
	for (size_t i = 0; i < k->routes.n_route; i++) {
		const struct route *r = &k->routes.route[i];

		if (r->oif || !is_carried(k, r)) /* only those of several next hops have none */
			continue;
		nl_route_detach(c->sandbox, r, k->index);
		if (nl_route_commit(c->sandbox) < 0)
			return -1;
	}
	return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static const struct addr *find(const struct addr_list *list, const struct addr *wanted)
{
	for (size_t i = 0; i < list->n_addr; i++)
		if (cidr_equal(&list->addr[i].ip, &wanted->ip))
			return &list->addr[i];
	return NULL;
}

/* What was in use is not detected anew, though the kernel has made it anew. */
static int restore_addr(struct cni_call *c, const struct carry *k, const struct addr *before,
			const struct addr *now)
{
	if (now) {
		nl_addr_del(c->sandbox, k->index, &now->ip);
		if (nl_commit_allow(c->sandbox, EADDRNOTAVAIL) < 0)
			return -1;
	}
	nl_addr_restore(c->sandbox, before);
	return nl_commit_allow(c->sandbox, EEXIST);
}

static bool is_in_use(const struct addr *a)
{
	return !(a->flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE));
}

/* An address that was tentative may be so again; that of another has failed. */
static bool is_lost(const struct addr *before, const struct addr *now)
{
	if (before->flags & IFA_F_DADFAILED)
		return false;
	return !now || (is_in_use(before) && !is_in_use(now));
}

/*
 * The kernel puts a new address of IPv6 in front of its equals, where source address selection
 * prefers it: the last goes first, so that they are in their order again. IPv4's have stayed.
 */
static int restore_addrs(struct cni_call *c, const struct carry *k)
{
	struct addr_list now = { .arena = c->arena };

	if (nl_addr_list(c->sandbox, k->index, AF_UNSPEC, &now) < 0)
		return -1;
	for (size_t i = k->addrs.n_addr; i-- > 0;) {
		const struct addr *before = &k->addrs.addr[i], *there = find(&now, before);

		if (is_lost(before, there) && restore_addr(c, k, before, there) < 0)
			return -1;
	}
	return 0;
}

/* ---- until they are local -------------------------------------------------------------------- */

static bool is_local(const struct route_list *routes, const struct ip *ip, uint32_t table)
{
	for (size_t i = 0; i < routes->n_route; i++) {
		const struct route *r = &routes->route[i];

		if (r->table == table && r->type == RTN_LOCAL && r->dst.plen == ip_bits(ip) &&
		    ip_equal(&r->dst, ip))
			return true;
	}
	return false;
}

/* 0: all are, 1: some are not, of which *ip is one. */
static int local_state(struct cni_call *c, const struct carry *k, uint32_t table,
		       const struct ip **ip)
{
	struct route_list routes = { .arena = c->arena, .whole = true };

	if (nl_route_list(c->sandbox, AF_INET6, &routes) < 0)
		return -1;
	for (size_t i = 0; i < k->addrs.n_addr; i++) {
		*ip = &k->addrs.addr[i].ip;
		if ((*ip)->family == AF_INET6 && is_in_use(&k->addrs.addr[i]) &&
		    !is_local(&routes, *ip, table))
			return 1;
	}
	return 0;
}

static int any_route(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	return nlh->nlmsg_type == RTM_NEWROUTE ? MNL_CB_STOP : MNL_CB_OK;
}

static int wait_local(struct cni_call *c, const struct carry *k, uint32_t table, struct nl *watcher)
{
	int64_t deadline = clock_ms() + ADDRESS_TIMEOUT_MS;
	const struct ip *ip;
	char buf[IP_STRLEN];
	int state;

	while ((state = local_state(c, k, table, &ip)) > 0) {
		int rc = nl_wait(watcher, NULL, (int)(deadline - clock_ms()), any_route, NULL);

		if (rc < 0)
			return -1;
		if (rc == 1)
			return err_set(c->err, ERR_INTERNAL,
				       "%s is not local to table %u after %d ms", ip_str(ip, buf),
				       table, ADDRESS_TIMEOUT_MS);
	}
	return state;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static int restore_routes(struct cni_call *c, const struct carry *k, uint32_t table)
{
	for (size_t i = 0; i < k->routes.n_route; i++) {
		const struct route *r = &k->routes.route[i];
		bool is_main = r->table == RT_TABLE_MAIN || r->table == RT_TABLE_LOCAL;

		if (!is_carried(k, r))
			continue;
		nl_route_copy(c->sandbox, r, k->index, is_main ? table : r->table);
		if (nl_commit_allow(c->sandbox, EEXIST) < 0)
			return -1;
	}
	return 0;
}

static bool had_route_to(const struct carry *k, const struct ip *prefix)
{
	for (size_t i = 0; i < k->routes.n_route; i++) {
		const struct route *r = &k->routes.route[i];

		if (r->protocol == RTPROT_KERNEL && r->type == RTN_UNICAST && r->oif == k->index &&
		    cidr_equal(&r->dst, prefix))
			return true;
	}
	return false;
}

/*
 * With its addresses the kernel makes the routes to their prefixes anew, those as well that had
 * been removed: they would come before others to the same prefix, such as ptp's by the host. One
 * to a host is never used: it is local.
 */
static int remove_prefix_routes(struct cni_call *c, const struct carry *k, uint32_t table)
{
	struct cni_steps steps = { 0 };

	for (size_t i = 0; i < k->addrs.n_addr; i++) {
		const struct addr *a = &k->addrs.addr[i];
		const struct route r = {
			.dst = ip_network(&a->ip),
			.oif = k->index,
			.table = table,
			.scope = a->ip.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			.protocol = RTPROT_KERNEL,
		};

		if (a->has_peer || a->ip.plen == ip_bits(&a->ip) || had_route_to(k, &r.dst))
			continue;
		nl_route_del(c->sandbox, &r);
		cni_step(c, &steps, nl_commit_allow(c->sandbox, ESRCH));
	}
	return cni_steps_end(c, &steps);
}

int carry_restore(struct cni_call *c, const struct carry *k, uint32_t table)
{
	auto_nl struct nl watcher;

	if (nl_open_at(&watcher, c->netns_fd, c->err) < 0 ||
	    nl_watch(&watcher, RTNLGRP_IPV6_ROUTE) < 0)
		return -1;
	if (restore_addrs(c, k) < 0 || wait_local(c, k, table, &watcher) < 0)
		return -1;
	if (restore_routes(c, k, table) < 0)
		return -1;
	return remove_prefix_routes(c, k, table);
}

int carry_put_back(struct cni_call *c, const struct carry *k)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, restore_addrs(c, k));
	for (size_t i = 0; i < k->routes.n_route; i++) {
		if (!is_carried(k, &k->routes.route[i]))
			continue;
		nl_route_attach(c->sandbox, &k->routes.route[i], k->index);
		cni_step(c, &steps, nl_route_commit(c->sandbox));
	}
	cni_step(c, &steps, remove_prefix_routes(c, k, RT_TABLE_MAIN));
	return cni_steps_end(c, &steps);
}
