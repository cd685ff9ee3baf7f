/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge that is its containers' gateway. */
#include "ensure.h"
#include "iface/forwarding.h"

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

			p->gateway = ip_next(&net);
		}
		if (is_default && !has_default_route(r, p->gateway.family)) {
			struct cni_route *route = arena_append(c->arena, r->routes, r->n_routes);

			*route = (struct cni_route){ .dst.family = p->gateway.family,
						     .gw = p->gateway };
		}
	}
}

int bridge_be_gateway(struct cni_call *c, const struct bridge_options *conf, const struct link *br,
			  const struct bridge_port_vlans *vlans)
{
	struct link gw = *br;

	if (vlans->vid) {
		if (bridge_vlan_gateway(c, br, vlans, &gw) < 0)
			return -1;
		cni_add_interface(c, &gw, NULL);
	}
	for (size_t i = 0; i < c->result.n_ips; i++) {
		struct ip address = c->result.ips[i].gateway;

		if (address.family != c->result.ips[i].address.family)
			return err_set(c->err, ERR_CONFIG,
				       "ipam: a gateway is not of its address's family");
		address.plen = c->result.ips[i].address.plen;
		if (bridge_add_address(c, conf, &gw, &address) < 0)
			return -1;
	}
	return iface_enable_forwarding(c);
}
