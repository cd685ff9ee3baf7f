/* SPDX-License-Identifier: Apache-2.0 */
/* ptp - a veth pair, routed: the host is the container's next hop, there is no shared segment. */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "iface/configure.h"
#include "iface/forwarding.h"
#include "iface/verify.h"
#include "iface/veth.h"
#include "netfilter/rules.h"
#include "nl/addr.h"
#include "skel/delegate.h"

struct ptp_conf {
	struct netfilter_conf netfilter;
	struct sysctl_list sysctls;
	uint32_t mtu;
};

static const struct json_field ptp_fields[] = {
	F_BOOL("ipMasq", struct ptp_conf, netfilter.masq),
	F_STR("ipMasqBackend", struct ptp_conf, netfilter.masq_backend),
	F_UINT("mtu", struct ptp_conf, mtu, .max = 65535),
	F_MAP("sysctl", struct ptp_conf, sysctls.keys),
	F_END,
};

static int ptp_validate(struct cni_call *c)
{
	struct ptp_conf *conf = c->conf;

	if (!*c->req->net.ipam.type)
		return err_config(c->err, "ipam.type: missing, ptp needs an IPAM plugin");
	if (sysctl_list_validate(c, &conf->sysctls) < 0)
		return -1;
	return netfilter_validate(c, &conf->netfilter);
}

static int need_gateways(struct cni_call *c)
{
	char buf[IP_STRLEN];

	for (size_t i = 0; i < c->result.n_ips; i++) {
		const struct cni_ipconfig *p = &c->result.ips[i];

		if (p->gateway.family != p->address.family)
			return err_config(c->err, "ipam: address %s has no gateway, ptp needs one",
					  cidr_str(&p->address, buf));
	}
	return 0;
}

/* Has an address before this one the same gateway, or the same subnet? */
static bool seen_gateway(const struct cni_result *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ip_equal(&r->ips[k].gateway, &r->ips[i].gateway))
			return true;
	return false;
}

static bool seen_subnet(const struct cni_result *r, size_t i)
{
	struct ip net = ip_network(&r->ips[i].address);

	for (size_t k = 0; k < i; k++) {
		struct ip other = ip_network(&r->ips[k].address);

		if (cidr_equal(&net, &other))
			return true;
	}
	return false;
}

/* Where IPAM has a route there, that one is it. */
static bool is_routed(const struct cni_result *r, const struct ip *dst, bool on_link)
{
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *route = &r->routes[i];
		struct ip net = ip_network(&route->dst);

		if (!route->priority && (!route->has_table || route->table == RT_TABLE_MAIN) &&
		    (!on_link || configure_is_on_link(route)) && cidr_equal(&net, dst))
			return true;
	}
	return false;
}

/*
 * In the container, instead of a connected route for each prefix:
 *	ip route add GW/32 dev eth0 scope link src IP
 *	ip route add PREFIX via GW dev eth0 src IP
 * The gateways go before the result's routes, whose next hops they are, on the link or off it.
 */
static void route_to_gateways(struct cni_call *c, const struct link *inside,
			      struct configure_options *options)
{
	struct route *routes = arena_array(c->arena, struct route, c->result.n_ips);

	for (size_t i = 0; i < c->result.n_ips; i++) {
		const struct cni_ipconfig *p = &c->result.ips[i];
		struct ip gw = ip_host(&p->gateway);

		if (seen_gateway(&c->result, i) || is_routed(&c->result, &gw, true))
			continue;
		routes[options->n_routes++] = (struct route){
			.dst = gw,
			.src = p->address,
			.oif = inside->index,
			.scope = RT_SCOPE_LINK,
		};
	}
	options->routes = routes;
}

/*
 * After the result's routes: a gateway of theirs inside the prefix had to be on the link for a
 * moment.
 */
static int route_subnets(struct cni_call *c, const struct link *inside)
{
	const struct cni_result *r = &c->result;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip *ip = &r->ips[i].address;
		struct route connected = {
			.dst = ip_network(ip),
			.oif = inside->index,
			.scope = ip->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			.protocol = RTPROT_KERNEL,
		};

		nl_route_del(c->sandbox, &connected);
		if (nl_commit_allow(c->sandbox, ESRCH) < 0) /* a /32 has none */
			return -1;
	}
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip *ip = &r->ips[i].address;
		struct route via_gw = {
			.dst = ip_network(ip),
			.gw = r->ips[i].gateway,
			.src = *ip,
			.oif = inside->index,
		};

		if (!seen_subnet(r, i) && ip->plen < ip_bits(ip) &&
		    !is_routed(r, &via_gw.dst, false))
			nl_route_add(c->sandbox, &via_gw, NLM_F_EXCL);
		if (nl_commit(c->sandbox) < 0)
			return err_wrap(c->err, "configure %s", c->req->ifname);
	}
	return 0;
}

/* On the host: the gateway's address on our end, and the way to the container through it. */
static int configure_host(struct cni_call *c, const struct link *host)
{
	for (size_t i = 0; i < c->result.n_ips; i++) {
		struct cni_ipconfig *p = &c->result.ips[i];
		struct ip gw = ip_host(&p->gateway);
		struct route to_container = {
			.dst = ip_host(&p->address),
			.oif = host->index,
			.scope = RT_SCOPE_HOST,
		};

		if (!seen_gateway(&c->result, i))
			nl_addr_add(c->host, host->index, &gw,
				    gw.family == AF_INET6 ? IFA_F_NODAD : 0);
		nl_route_add(c->host, &to_container, NLM_F_EXCL);
		if (nl_commit(c->host) < 0 || nl_addr_wait_local(c->host, -1, &gw) < 0)
			return err_wrap(c->err, "configure %s", host->name);
	}
	return 0;
}

static int ptp_add(struct cni_call *c)
{
	struct ptp_conf *conf = c->conf;
	struct configure_options options = { .slaac = true, .sysctls = &conf->sysctls };
	const struct veth_req veth = { .mtu = conf->mtu };
	struct link host, inside;
	struct ipam ipam;
	uint32_t index;

	if (cni_ipam_find(c, &ipam) < 0 || veth_add(c, veth, false, &host, &inside) < 0)
		return -1;
	cni_add_interface(c, &host, NULL);
	index = cni_add_interface(c, &inside, c->req->netns);
	if (cni_ipam_add(c, &ipam) < 0 || need_gateways(c) < 0)
		return -1;
	route_to_gateways(c, &inside, &options);
	if (configure_iface(c, &inside, index, &options) < 0 || route_subnets(c, &inside) < 0 ||
	    configure_host(c, &host) < 0 || forwarding_enable(c) < 0)
		return -1;
	configure_dns(c);
	return netfilter_add(c, &conf->netfilter);
}

static int ptp_del(struct cni_call *c)
{
	const struct ptp_conf *conf = c->conf;
	struct netfilter_del rules = { .masq = conf->netfilter.masq };
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, netfilter_del_begin(c, &rules));
	cni_step(c, &steps, veth_del(c));
	cni_step(c, &steps, netfilter_del(c, &rules));
	cni_step(c, &steps, cni_ipam_forward(c));
	return cni_steps_end(c, &steps);
}

static int ptp_repair(struct cni_call *c)
{
	const struct ptp_conf *conf = c->conf;

	return netfilter_repair(c, &conf->netfilter);
}

static int ptp_check(struct cni_call *c)
{
	struct ptp_conf *conf = c->conf;
	struct link inside, host;
	uint32_t index;

	/* the peer's routes are what the container lives on */
	if (cni_ipam_forward(c) < 0 || verify_inside(c, "veth", true, &inside, &index) < 0 ||
	    verify_peer(c, &inside, &host) < 0 || verify_ips_and_routes(c, &inside, index) < 0 ||
	    sysctl_list_check(c, &conf->sysctls) < 0)
		return -1;
	return netfilter_check(c, &conf->netfilter);
}

const struct cni_plugin ptp_plugin = {
	.name = "ptp",
	.registers = true,
	.fields = ptp_fields,
	.conf_size = sizeof(struct ptp_conf),
	.validate = ptp_validate,
	.add = ptp_add,
	.del = ptp_del,
	.check = ptp_check,
	.gc = netfilter_gc,
	.status = cni_ipam_forward,
	.repair = ptp_repair,
};
