/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include <stdio.h>

#include "iface/forwarding.h"
#include "iface/veth.h"
#include "sys/netns.h"

static bool has_default_route(const struct cni_result *r, sa_family_t family)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.family == family && !r->routes[i].dst.plen)
			return true;
	return false;
}

void bridge_set_gateways(struct cni_call *c, bool is_default)
{
	struct cni_result *r = &c->result;

	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ipconfig *p = &r->ips[i];

		if (!p->gateway.family) {
			struct ip net = ip_network(&p->address);

			p->gateway = ip_add(&net, 1);
		}
		if (is_default && !has_default_route(r, p->gateway.family)) {
			struct cni_route *route = arena_append(c->arena, r->routes, r->n_routes);

			*route = (struct cni_route){ .dst.family = p->gateway.family,
						     .gw = p->gateway };
		}
	}
}

/*
 * Both ends are the host's: the far one is named, the near one, with a random name, becomes the
 * port. It carries the one VLAN, whatever else the container's port does.
 */
static int make_vlan_gateway(struct cni_call *c, struct bridge *br, const char *name,
			     const struct bridge_port_vlans *v)
{
	struct bridge_port_vlans own_vlan = { .vid = v->vid,
					      .preserve_default = v->preserve_default };
	int rc, home = netns_home(c->err);
	struct veth_req veth = {
		.peer = name, .peer_netns = home, .mtu = br->link.mtu, .master = br->link.index
	};
	struct link port, gateway;

	if (home < 0 || veth_random_name(c, &veth.name) < 0)
		return -1;
	nl_veth_add(c->host, &veth);
	rc = nl_commit_allow(c->host, EEXIST);
	if (rc == 0 || c->host->ack_lost)
		br->vlan_port = veth.name;
	if (rc < 0)
		return err_wrap(c->err, "%s", name);
	if (nl_link_get_allow(c->host, veth.name, &port) < 0 ||
	    nl_link_get(c->host, name, &gateway) < 0)
		return -1;
	if (!port.index) { /* another ADD made it just now */
		br->vlan_port = NULL;
		return 0;
	}
	veth_refuse_ra(c, &port);
	nl_link_up(c->host, gateway.index);
	if (nl_commit(c->host) < 0)
		return err_wrap(c->err, "%s", name);
	return bridge_port_set_vlans(c, &br->link, &port, &own_vlan);
}

bool bridge_vlan_ifname(const char *bridge, uint16_t vid, char name[IFNAMSIZ])
{
	int n = snprintf(name, IFNAMSIZ, "%s.%u", bridge, vid);

	return n > 0 && n < IFNAMSIZ;
}

static int vlan_gateway(struct cni_call *c, struct bridge *br, const struct bridge_port_vlans *v,
			struct link *out)
{
	char name[IFNAMSIZ];

	if (!bridge_vlan_ifname(br->link.name, v->vid, name))
		return err_set(c->err, ERR_INTERNAL, "%s.%u: name too long", br->link.name, v->vid);
	if (nl_link_get_allow(c->host, name, out) < 0)
		return -1;
	if (!out->index && make_vlan_gateway(c, br, arena_strdup(c->arena, name), v) < 0)
		return -1;
	return out->index ? 0 : nl_link_get(c->host, name, out);
}

int bridge_be_gateway(struct cni_call *c, struct bridge *br, const struct bridge_port_vlans *vlans)
{
	struct link gw = br->link;

	if (vlans->vid) {
		if (vlan_gateway(c, br, vlans, &gw) < 0)
			return -1;
		cni_add_interface(c, &gw, NULL);
	}
	for (size_t i = 0; i < c->result.n_ips; i++) {
		struct ip address = c->result.ips[i].gateway;

		if (address.family != c->result.ips[i].address.family)
			return err_config(c->err, "ipam: a gateway is not of its address's family");
		address.plen = c->result.ips[i].address.plen;
		if (bridge_add_address(c, br, &gw, &address) < 0)
			return -1;
	}
	return forwarding_enable(c);
}
