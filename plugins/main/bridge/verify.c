/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <string.h>

#include "iface/verify.h"

int bridge_verify(struct cni_call *c, const struct bridge_options *options, struct link *br)
{
	if (verify_host(c, options->name, "bridge", br) < 0)
		return -1;
	if (options->promisc && !br->promiscuity)
		return err_set(c->err, ERR_CHECK, "bridge %s is not promiscuous any more",
			       br->name);
	return 0;
}

static int verify_vlans(struct cni_call *c, const struct link *port,
			const struct bridge_port_vlans *v)
{
	uint16_t pvid = v->vid ? v->vid : 1;
	struct port_vlans have;

	if (!v->vid && !v->has_trunk)
		return 0;
	if (nl_vlan_get(c->host, port->index, &have) < 0)
		return -1;
	if (have.pvid != pvid)
		return err_set(c->err, ERR_CHECK, "port %s: untagged VLAN is %u, not %u",
			       port->name, have.pvid, pvid);
	for (uint16_t vid = 1; v->has_trunk && vid <= VLAN_MAX; vid++)
		if (vlan_set_has(&v->trunk, vid) && !vlan_set_has(&have.members, vid))
			return err_set(c->err, ERR_CHECK, "port %s is not in VLAN %u any more",
				       port->name, vid);
	return 0;
}

int bridge_verify_port(struct cni_call *c, const struct link *br, const struct link *inside,
		       const struct bridge_port *want)
{
	struct link port;

	if (nl_link_get_index_allow(c->host, inside->peer, &port) < 0)
		return -1;
	if (!port.index || strcmp(port.kind, "veth") != 0)
		return err_set(c->err, ERR_CHECK, "the host's end of %s is gone", c->req->ifname);
	if (port.master != br->index)
		return err_set(c->err, ERR_CHECK, "%s is no port of bridge %s any more", port.name,
			       br->name);
	if (port.hairpin != want->hairpin || port.isolated != want->isolated)
		return err_set(c->err, ERR_CHECK,
			       "port %s: hairpinMode or portIsolation has changed", port.name);
	return verify_vlans(c, &port, &want->vlans);
}
