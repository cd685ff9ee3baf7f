/* SPDX-License-Identifier: Apache-2.0 */
#include "ipv6.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/addr.h"
#include "nl/nl.h"
#include "nl/route.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

#define LINK_LOCAL_TIMEOUT_MS 10000 /* some 2 s where duplicates are looked for */

static const char *path_of(const struct cni_call *c, const char *dev, const char *key)
{
	return arena_printf(c->arena, "net/ipv6/conf/%s/%s", dev, key);
}

/* ---- the link-local address ------------------------------------------------------------------ */

/* In the container's namespace. */
static int turn_on(void *arg)
{
	struct cni_call *c = arg;

	if (sysctl_ensure(path_of(c, "lo", "disable_ipv6"), "0", c->err) < 0 ||
	    sysctl_ensure(path_of(c, c->req->ifname, "disable_ipv6"), "0", c->err) < 0)
		return -1;
	return 0;
}

int ipv6_prepare(struct cni_call *c, const struct link *l)
{
	auto_nl struct nl nl = { 0 };

	if (netns_run(c->netns_fd, turn_on, c, c->err) < 0)
		return err_wrap(c->err, "dhcp: IPv6 of %s", c->req->ifname);
	if (nl_open_at(&nl, c->netns_fd, c->err) < 0)
		return -1;
	if (nl_addr_wait_link_local(&nl, c->netns_fd, l->index, LINK_LOCAL_TIMEOUT_MS) < 0)
		return err_wrap(c->err, "dhcp: %s", c->req->ifname);
	return 0;
}

/* ---- the router ------------------------------------------------------------------------------ */

struct acceptance {
	struct cni_call *c;
	bool accepts;
};

static bool is_value(const struct cni_call *c, const char *key, const char *value)
{
	struct err ignored = { 0 };
	char text[16];

	return sysctl_read(path_of(c, c->req->ifname, key), text, sizeof(text), &ignored) == 0 &&
	       !strcmp(text, value);
}

/* In the container's namespace. A router (forwarding) does not listen to others unless it is 2. */
static int look_at(void *arg)
{
	struct acceptance *a = arg;

	a->accepts = is_value(a->c, "autoconf", "1") &&
		     (is_value(a->c, "accept_ra", "2") ||
		      (is_value(a->c, "accept_ra", "1") && is_value(a->c, "forwarding", "0")));
	return 0;
}

static int check_acceptance(struct cni_call *c)
{
	struct acceptance a = { .c = c };

	if (netns_run(c->netns_fd, look_at, &a, c->err) < 0)
		return -1;
	if (!a.accepts)
		return err_config(c->err,
				  "ipam.ipv6: %s takes no router advertisements (accept_ra, "
				  "autoconf): slaac needs \"slaac\": true beside ipam",
				  c->req->ifname);
	return 0;
}

int ipv6_await_router(struct cni_call *c, const struct link *l, int timeout_ms)
{
	struct addr_list list = { .arena = c->arena, .index = l->index };
	struct cni_result *r = &c->result;
	auto_nl struct nl nl = { 0 };
	int rc;

	if (check_acceptance(c) < 0 || nl_open_at(&nl, c->netns_fd, c->err) < 0)
		return -1;
	rc = nl_addr_wait_autoconf(&nl, c->netns_fd, timeout_ms, &list);
	if (rc > 0)
		return err_set(c->err, ERR_RETRY,
			       "dhcp: no router has advertised a prefix for %s within %d s",
			       c->req->ifname, timeout_ms / 1000);
	for (size_t i = 0; !rc && i < list.n_addr; i++)
		if (nl_addr_is_autoconf(&list.addr[i]))
			arena_append(c->arena, r->ips, r->n_ips)->address = list.addr[i].ip;
	return rc;
}

int ipv6_check_router(struct cni_call *c)
{
	struct addr_list list = { .arena = c->arena };
	struct link l;

	if (cni_sandbox(c) < 0 || nl_link_get(c->sandbox, c->req->ifname, &l) < 0 ||
	    nl_addr_list(c->sandbox, l.index, AF_INET6, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++)
		if (nl_addr_is_autoconf(&list.addr[i]))
			return 0;
	return err_set(c->err, ERR_CHECK, "dhcp: %s has no address that a router has advertised",
		       c->req->ifname);
}

static const struct ip *find_router(const struct route_list *routes, int index)
{
	for (size_t i = 0; i < routes->n_route; i++) {
		const struct route *r = &routes->route[i];

		if (!r->dst.plen && r->oif == index && r->protocol == RTPROT_RA &&
		    r->gw.family == AF_INET6)
			return &r->gw;
	}
	return NULL;
}

int ipv6_set_gateway(struct cni_call *c, const struct link *l)
{
	struct route_list routes = { .arena = c->arena };
	struct cni_result *r = &c->result;
	const struct ip *router;
	auto_nl struct nl nl = { 0 };

	if (nl_open_at(&nl, c->netns_fd, c->err) < 0 || nl_route_list(&nl, AF_INET6, &routes) < 0)
		return -1;
	router = find_router(&routes, l->index);
	for (size_t i = 0; router && i < r->n_ips; i++)
		if (r->ips[i].address.family == AF_INET6)
			r->ips[i].gateway = *router;
	return 0;
}
