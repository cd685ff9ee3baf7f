/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/iface.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "skel/delegate.h"
#include "net/ipmac.h"
#include "nl/addr.h"
#include "sys/neigh.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

#define DAD_TIMEOUT_MS 5000

void iface_undo_host_link(struct cni_call *c, const void *name)
{
	nl_link_del_name(c->host, name);
	if (nl_commit_allow(c->host, ENODEV) < 0)
		fprintf(stderr, "rollback: %s %s\n", (const char *)name, c->err->msg);
}

int iface_random_name(struct cni_call *c, const char **name)
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return err_sys(c->err, "get random bytes");
	*name = arena_printf(c->arena, "veth%08x", r);
	return 0;
}

/* EEXIST says only that one of the two names is taken; which one decides whether to try another. */
static int create_pair(struct cni_call *c, struct veth *veth, struct link *host)
{
	for (int i = 0; i < 10; i++) {
		struct link taken;

		if (iface_random_name(c, &veth->name) < 0)
			return -1;
		*host = (struct link){ 0 };
		nl_veth_add(c->host, veth);
		if (nl_query(c->host, nl_link_parse, host) == 0) {
			undo_push(c, iface_undo_host_link, veth->name);
			return 0;
		}
		if (c->host->ack_lost) /* it may be there: the name is ours alone */
			undo_push(c, iface_undo_host_link, veth->name);
		if (c->host->ack_lost || c->err->sys != EEXIST)
			return -1;
		if (nl_link_get_allow(c->sandbox, c->ifname, &taken) < 0)
			return -1;
		if (taken.index)
			return err_set(c->err, ERR_IN_USE,
				       "interface %s exists in the container already", c->ifname);
	}
	return err_set(c->err, ERR_INTERNAL, "no free name for the host's end of the veth pair");
}

static const char *conf_path(struct cni_call *c, const char *dev, const char *key)
{
	return arena_printf(c->arena, "net/ipv6/conf/%s/%s", dev, key);
}

void iface_refuse_ra(struct cni_call *c, const struct link *link)
{
	if (link->accept_ra && sysctl_write(conf_path(c, link->name, "accept_ra"), "0", c->err) < 0)
		err_clear(c->err); /* a kernel without IPv6 */
}

/* The container's end is known without asking for it: its index from ours, the rest from the request. */
static int describe_inside(struct cni_call *c, const struct veth *veth, const struct link *host,
			   struct link *inside)
{
	*inside = *host;
	inside->index = host->peer;
	inside->peer = host->index;
	inside->master = 0;
	memcpy(inside->mac, veth->peer_mac, MAC_LEN);
	return str_copy_ifname(inside->name, c->ifname, c->err);
}

/*
 * A switch takes all that its port receives, router advertisements too, so an IPv6 address of the port's
 * own would be nobody's to reach; only its announcements would go to the container.
 */
static int be_only_port(struct cni_call *c, const struct link *port)
{
	if (!port->ipv6)
		return 0;
	nl_link_no_addrgen(c->host, port->index);
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "%s", port->name) : 0;
}

int veth_add(struct cni_call *c, const struct veth_options *v, struct link *host,
		 struct link *inside)
{
	uint8_t mac[MAC_LEN], host_mac[MAC_LEN];
	struct veth veth = {
		.peer = c->ifname,
		.peer_netns = c->netns_fd,
		.mtu = v->mtu,
		.mac = host_mac,
		.peer_mac = v->mac ? v->mac : mac,
		.master = v->master,
		.held = v->held,
	};

	if (!mac_random(mac) || !mac_random(host_mac))
		return err_sys(c->err, "get random bytes");
	host_mac[0] =
		0xfe; /* the highest of its kind: a bridge without a MAC of its own takes the lowest */
	if (create_pair(c, &veth, host) < 0)
		return -1;
	if (!host->index && nl_link_get(c->host, veth.name, host) < 0)
		return -1;
	if ((v->master || v->port) && be_only_port(c, host) < 0)
		return -1;
	if (!v->master)
		iface_refuse_ra(c, host);
	return describe_inside(c, &veth, host, inside);
}

int iface_choose_mac(struct cni_call *c, const struct iface_mac_source *ways, size_t n,
		   const uint8_t **mac)
{
	uint8_t *out = arena_array(c->arena, uint8_t, MAC_LEN);

	*mac = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!ways[i].mac || !*ways[i].mac)
			continue;
		if (!mac_parse(out, ways[i].mac))
			return err_set(c->err, ERR_CONFIG, "%s: \"%.40s\" is not a MAC address",
				       ways[i].where, ways[i].mac);
		*mac = out;
		return 0;
	}
	return 0;
}

struct tuning {
	struct cni_call *c;
	const struct iface_options *opt;
	bool v6;
};

/* For values the interface works without: a kernel may lack them. */
static void tune_softly(struct tuning *t, const char *key, const char *value)
{
	struct cni_call *c = t->c;

	if (sysctl_write(conf_path(c, c->ifname, key), value, c->err) < 0)
		err_clear(c->err);
}

static int tune_v6(struct cni_call *c)
{
	if (sysctl_ensure(conf_path(c, "lo", "disable_ipv6"), "0", c->err) < 0 ||
	    sysctl_ensure(conf_path(c, c->ifname, "disable_ipv6"), "0", c->err) < 0)
		return -1;
	return sysctl_write(conf_path(c, c->ifname, "keep_addr_on_down"), "1", c->err);
}

/*
 * In the container's namespace: /proc/sys/net shows that one. Written without a look first where the
 * interface is new: each path walked here costs more the more namespaces the node has.
 */
static int tune_inside(void *arg)
{
	struct tuning *t = arg;

	if (t->opt->dad)
		tune_softly(t, "enhanced_dad", "1");
	tune_softly(t, "accept_dad", t->opt->dad ? "1" : "0");
	if (t->opt->ndisc_notify)
		tune_softly(t, "ndisc_notify", "1");
	return t->v6 ? tune_v6(t->c) : 0;
}

static const struct ip *default_gateway(const struct cni_result *r, sa_family_t family)
{
	static const struct ip none;

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].gateway.family == family)
			return &r->ips[i].gateway;
	return &none;
}

bool configure_is_on_link(const struct cni_route *r)
{
	return r->has_scope && r->scope >= RT_SCOPE_LINK;
}

static void add_route(struct cni_call *c, const struct cni_route *r, int oif)
{
	struct route route = {
		.dst = r->dst,
		.gw = r->gw,
		.oif = oif,
		.table = r->has_table ? r->table : 0,
		.priority = r->priority,
		.mtu = r->mtu,
		.advmss = r->advmss,
		.scope = r->has_scope ? (uint8_t)r->scope : RT_SCOPE_UNIVERSE,
	};

	if (!r->gw.family && !configure_is_on_link(r))
		route.gw = *default_gateway(&c->result, r->dst.family);
	nl_route_add(c->sandbox, &route, 0);
}

/*
 * accept_dad=0 alone leaves an IPv6 address tentative until a worker has run, too late for a route
 * that names it as its source; IFA_F_NODAD makes it valid at once.
 */
static void add_address(struct cni_call *c, int index, const struct ip *ip,
			const struct iface_options *opt)
{
	bool nodad = ip->family == AF_INET6 && !opt->dad;

	nl_addr_add(c->sandbox, index, ip, nodad ? IFA_F_NODAD : 0);
}

/* Send what is queued, if it is more than that. */
static int send_beyond(struct cni_call *c, size_t n)
{
	if (nl_queued(c->sandbox) > n && nl_commit(c->sandbox) < 0)
		return err_wrap(c->err, "configure %s", c->ifname);
	return 0;
}

static int add_result_routes(struct cni_call *c, int oif, bool on_link)
{
	for (size_t i = 0; i < c->result.n_routes; i++) {
		if (configure_is_on_link(&c->result.routes[i]) != on_link)
			continue;
		add_route(c, &c->result.routes[i], oif);
		if (send_beyond(c, NL_BATCH / 2) < 0)
			return -1;
	}
	return 0;
}

/* Those on the link come first: a gateway may be what they lead to. */
static int add_routes(struct cni_call *c, int oif, const struct iface_options *opt)
{
	for (size_t i = 0; i < opt->n_routes; i++) {
		nl_route_add(c->sandbox, &opt->routes[i], 0);
		if (send_beyond(c, NL_BATCH / 2) < 0)
			return -1;
	}
	if (add_result_routes(c, oif, true) < 0 || add_result_routes(c, oif, false) < 0)
		return -1;
	return send_beyond(c, 0);
}

/* What is waited for has to be sent. */
static int wait_dad(struct cni_call *c, int index)
{
	if (send_beyond(c, 0) < 0)
		return -1;
	return nl_addr_wait_dad(c->sandbox, c->netns_fd, index, DAD_TIMEOUT_MS);
}

/* Deleting the veth takes addresses, flags and routes back; lo with IPv6 on stays as it is then. */
int iface_configure(struct cni_call *c, const struct link *inside, uint32_t index,
			const struct iface_options *opt)
{
	struct cni_result *r = &c->result;
	struct tuning t = { .c = c, .opt = opt, .v6 = cni_result_has_family(r, AF_INET6) };

	if (netns_run(c->netns_fd, tune_inside, &t, c->err) < 0)
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		r->ips[i].interface = index;
		r->ips[i].has_interface = true;
		add_address(c, inside->index, &r->ips[i].address, opt);
		if (send_beyond(c, NL_BATCH / 2) < 0)
			return -1;
	}
	if (opt->arp_notify)
		nl_link_arp_notify(c->sandbox, inside->index);
	nl_link_up(c->sandbox, inside->index);
	if (opt->dad && t.v6 && wait_dad(c, inside->index) < 0)
		return -1;
	return add_routes(c, inside->index, opt);
}

void iface_mac_from_ip(struct cni_call *c, struct link *inside)
{
	mac_from_ip(inside->mac, &c->result.ips[0].address);
	nl_link_mac(c->sandbox, inside->index, inside->mac);
}

/*
 * To set the MAC it has is NETDEV_CHANGEADDR, at which both families announce. A driver that refuses
 * to while the link is up costs the announcement.
 */
void iface_announce_garp(struct cni_call *c, const struct link *inside)
{
	nl_link_mac(c->sandbox, inside->index, inside->mac);
	if (nl_commit(c->sandbox) < 0)
		err_clear(c->err);
}

struct announcement {
	const struct cni_call *c;
	const struct link *inside;
	const struct cni_ipconfig *ipv4;
};

static int advertise(void *arg)
{
	const struct announcement *a = arg;
	const struct cni_result *r = &a->c->result;

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.family == AF_INET6)
			neigh_advertise(a->inside->name, &r->ips[i].address.v6, a->inside->mac);
	return 0;
}

void iface_announce_na(struct cni_call *c, const struct link *inside)
{
	struct announcement a = { .c = c, .inside = inside };

	if (cni_result_has_family(&c->result, AF_INET6) &&
	    netns_run(c->netns_fd, advertise, &a, c->err) < 0)
		err_clear(c->err);
}

static int ask(void *arg)
{
	const struct announcement *a = arg;

	neigh_request_gateway(a->inside->name, &a->ipv4->address.v4, &a->ipv4->gateway.v4);
	return 0;
}

bool iface_announce_arp(struct cni_call *c, const struct link *inside)
{
	struct announcement a = { .c = c, .inside = inside };

	for (size_t i = 0; i < c->result.n_ips; i++) {
		if (c->result.ips[i].address.family != AF_INET)
			continue;
		if (a.ipv4)
			return false;
		a.ipv4 = &c->result.ips[i];
	}
	if (!a.ipv4)
		return true;
	if (a.ipv4->gateway.family != AF_INET)
		return false;
	if (netns_run(c->netns_fd, ask, &a, c->err) < 0)
		err_clear(c->err);
	return true;
}

int veth_del(struct cni_call *c)
{
	struct link inside, host = { 0 };

	if (!c->sandbox)
		return 0;
	if (nl_link_get_allow(c->sandbox, c->ifname, &inside) < 0)
		return -1;
	if (!inside.index || strcmp(inside.kind, "veth") != 0)
		return 0;
	if (inside.peer && nl_link_get_index_allow(c->host, inside.peer, &host) < 0)
		return -1;
	/* The far end is unlisted last, so that is the one to hear of; unless it lives elsewhere. */
	if (host.index && !strcmp(host.kind, "veth") && host.peer == inside.index) {
		return nl_link_del_announced(c->sandbox, inside.index, c->host, host.index);
	}
	nl_link_del(c->sandbox, inside.index);
	return nl_commit_allow(c->sandbox, ENODEV);
}

void iface_override_dns(struct cni_call *c)
{
	const struct cni_dns *d = &c->conf.dns;

	if (d->has_nameservers || d->has_domain || d->has_search || d->has_options)
		c->result.dns = *d;
}
