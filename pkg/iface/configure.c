/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/configure.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "nl/addr.h"
#include "skel/delegate.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

#define DAD_TIMEOUT_MS 5000

const char *configure_ipv6_path(struct cni_call *c, const char *dev, const char *key)
{
	return arena_printf(c->arena, "net/ipv6/conf/%s/%s", dev, key);
}

struct tuning {
	struct cni_call *c;
	const struct configure_options *opt;
	bool v6;
};

/* For values the interface works without: a kernel may lack them. */
static void tune_softly(struct tuning *t, const char *key, const char *value)
{
	struct cni_call *c = t->c;

	if (sysctl_write(configure_ipv6_path(c, c->req->ifname, key), value, c->err) < 0)
		err_clear(c->err);
}

static int enable_ipv6(struct cni_call *c, const char *dev)
{
	if (sysctl_ensure(configure_ipv6_path(c, "lo", "disable_ipv6"), "0", c->err) == 0 &&
	    sysctl_ensure(configure_ipv6_path(c, dev, "disable_ipv6"), "0", c->err) == 0 &&
	    sysctl_write(configure_ipv6_path(c, dev, "keep_addr_on_down"), "1", c->err) == 0)
		return 0;
	if (c->err->sys != ENOENT)
		return -1;
	return err_wrap(c->err, "%s has no IPv6, for which an MTU of 1280 is the least", dev);
}

/*
 * In the container's namespace: /proc/sys/net shows that one. Written without a look first where
 * the interface is new: each path walked here costs more the more namespaces the node has.
 */
static int tune_inside(void *arg)
{
	struct tuning *t = arg;
	struct cni_call *c = t->c;
	const char *dev = c->req->ifname;

	if (t->opt->dad)
		tune_softly(t, "enhanced_dad", "1");
	tune_softly(t, "accept_dad", t->opt->dad ? "1" : "0");
	if (t->opt->ndisc_notify)
		tune_softly(t, "ndisc_notify", "1");
	if (!t->opt->slaac) {
		tune_softly(t, "accept_ra", "0");
		tune_softly(t, "autoconf", "0");
	}
	return t->v6 ? enable_ipv6(c, dev) : 0;
}

bool configure_is_on_link(const struct cni_route *r)
{
	return r->has_scope && r->scope >= RT_SCOPE_LINK;
}

struct ip configure_gateway(const struct cni_result *r, const struct cni_route *route)
{
	if (route->gw.family || configure_is_on_link(route))
		return route->gw;
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].gateway.family == route->dst.family)
			return r->ips[i].gateway;
	return (struct ip){ 0 };
}

struct route configure_route(const struct cni_route *r, int oif)
{
	return (struct route){
		.dst = r->dst,
		.gw = r->gw,
		.oif = oif,
		.table = r->has_table ? r->table : 0,
		.priority = r->priority,
		.mtu = r->mtu,
		.advmss = r->advmss,
		.scope = r->has_scope ? (uint8_t)r->scope : RT_SCOPE_UNIVERSE,
	};
}

static void add_route(struct cni_call *c, const struct cni_route *r, int oif)
{
	struct route route = configure_route(r, oif);

	route.gw = configure_gateway(&c->result, r);
	nl_route_add(c->sandbox, &route, 0);
}

/* Send what is queued, if it is more than that. */
static int send_beyond_allow(struct cni_call *c, size_t n, int errnum)
{
	if (nl_queued(c->sandbox) > n && nl_commit_allow(c->sandbox, errnum) < 0)
		return err_wrap(c->err, "configure %s", c->req->ifname);
	return 0;
}

static int send_beyond(struct cni_call *c, size_t n)
{
	return send_beyond_allow(c, n, 0);
}

/* Without NLM_F_EXCL it is the very same route that exists. */
static int add_routes(struct cni_call *c, int oif, const struct configure_options *opt)
{
	int allowed = opt->in_place ? EEXIST : 0;

	if (opt->in_place && send_beyond(c, 0) < 0)
		return -1;
	for (size_t i = 0; i < opt->n_routes; i++) {
		nl_route_add(c->sandbox, &opt->routes[i], 0);
		if (send_beyond(c, NL_BATCH / 2) < 0)
			return -1;
	}
	/* those on the link come first: a gateway may be what they lead to */
	for (int behind = 0; behind < 2; behind++)
		for (size_t i = 0; i < c->result.n_routes; i++) {
			if (configure_is_on_link(&c->result.routes[i]) == behind)
				continue;
			add_route(c, &c->result.routes[i], oif);
			if (send_beyond_allow(c, NL_BATCH / 2, allowed) < 0)
				return -1;
		}
	return send_beyond_allow(c, 0, allowed);
}

/* What comes for an address from now on is not to be lost. */
static int wait_local(struct cni_call *c)
{
	for (size_t i = 0; i < c->result.n_ips; i++)
		if (nl_addr_wait_local(c->sandbox, c->netns_fd, &c->result.ips[i].address) < 0)
			return -1;
	return 0;
}

/* A lease may have brought the interface another one. */
static int say_mtu(struct cni_call *c, const struct link *inside, uint32_t index)
{
	struct link now;

	if (!cni_ipam_leases(c))
		return 0;
	if (nl_link_get_index(c->sandbox, inside->index, &now) < 0)
		return -1;
	cni_set_mtu(c, &c->result.interfaces[index], now.mtu);
	return 0;
}

/*
 * Addresses that the kernel has by an advertisement are its own: they stay as it has made them. So
 * do those of an interface in place.
 */
static int list_present(struct cni_call *c, int index, const struct configure_options *opt,
			struct addr_list *out)
{
	bool autoconf =
		opt->slaac && cni_result_has_family(&c->result, AF_INET6) && cni_ipam_leases(c);

	if (!autoconf && !opt->in_place)
		return 0;
	if (send_beyond(c, 0) < 0)
		return -1;
	return nl_addr_list(c->sandbox, index, opt->in_place ? AF_UNSPEC : AF_INET6, out);
}

static bool is_present(const struct addr_list *list, const struct ip *ip, bool in_place)
{
	for (size_t i = 0; i < list->n_addr; i++) {
		const struct addr *a = &list->addr[i];

		if (cidr_equal(&a->ip, ip) &&
		    (nl_addr_is_autoconf(a) || (in_place && (a->flags & IFA_F_PERMANENT))))
			return true;
	}
	return false;
}

static int add_addresses(struct cni_call *c, int iface, uint32_t index,
			 const struct configure_options *opt)
{
	struct addr_list present = { .arena = c->arena };
	struct cni_result *r = &c->result;

	if (list_present(c, iface, opt, &present) < 0)
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip *ip = &r->ips[i].address;
		bool nodad = ip->family == AF_INET6 && !opt->dad;

		r->ips[i].interface = index;
		r->ips[i].has_interface = true;
		if (is_present(&present, ip, opt->in_place))
			continue;
		nl_addr_add(c->sandbox, iface, ip, nodad ? IFA_F_NODAD : 0);
		if (send_beyond(c, NL_BATCH / 2) < 0)
			return -1;
	}
	return 0;
}

/*
 * Deleting the veth takes addresses, flags and routes back; lo with IPv6 on stays as it is then.
 * accept_dad=0 alone leaves an IPv6 address tentative until a worker has run, too late for a route
 * that names it as its source; IFA_F_NODAD makes it valid at once.
 */
int configure_iface(struct cni_call *c, const struct link *inside, uint32_t index,
		    const struct configure_options *opt)
{
	struct cni_result *r = &c->result;
	struct tuning t = { .c = c, .opt = opt, .v6 = cni_result_has_family(r, AF_INET6) };

	if (opt->arp_notify)
		nl_link_arp_notify(c->sandbox, inside->index);
	/* what the configuration sets comes last, and counts */
	if ((opt->sysctls->n && send_beyond(c, 0) < 0) ||
	    netns_run(c->netns_fd, tune_inside, &t, c->err) < 0 ||
	    sysctl_list_apply(c, opt->sysctls, r) < 0)
		return -1;
	if (add_addresses(c, inside->index, index, opt) < 0)
		return -1;
	nl_link_up(c->sandbox, inside->index);
	if (opt->dad && t.v6 && /* what is waited for has to be sent */
	    (send_beyond(c, 0) < 0 ||
	     nl_addr_wait_dad(c->sandbox, c->netns_fd, inside->index, DAD_TIMEOUT_MS) < 0))
		return -1;
	if (add_routes(c, inside->index, opt) < 0 || wait_local(c) < 0)
		return -1;
	return say_mtu(c, inside, index);
}

/* A carrier that does not come is the server's that does not answer. */
int configure_for_ipam(struct cni_call *c, const struct link *inside,
		       const struct configure_options *opt)
{
	struct tuning t = { .c = c, .opt = opt };

	if (!cni_ipam_asks_network(c))
		return 0;
	if (netns_run(c->netns_fd, tune_inside, &t, c->err) < 0 ||
	    sysctl_list_apply(c, opt->sysctls, &c->result) < 0)
		return -1;
	nl_link_up(c->sandbox, inside->index);
	return nl_commit(c->sandbox);
}

int configure_up(struct cni_call *c, const struct link *inside, struct sysctl_list *sysctls,
		 bool up)
{
	if (sysctl_list_apply(c, sysctls, &c->result) < 0)
		return -1;
	if (!up)
		return 0;
	nl_link_up(c->sandbox, inside->index);
	return nl_commit(c->sandbox);
}

void configure_dns(struct cni_call *c)
{
	const struct cni_dns *d = &c->req->net.dns;

	if (d->has_any)
		c->result.dns = *d;
}
