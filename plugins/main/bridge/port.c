/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <string.h>

int bridge_port_set_flags(struct cni_call *c, const struct link *port,
			  const struct bridge_port *want)
{
	if (!want->hairpin && !want->isolated)
		return 0;
	nl_port_flags(c->host, port->index, want->hairpin, want->isolated);
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "%s", port->name) : 0;
}

int bridge_port_set_vlans(struct cni_call *c, const struct link *br, const struct link *port,
			  const struct bridge_port_vlans *v)
{
	if (!v->vid && !v->has_trunk)
		return 0;
	if (!v->preserve_default && br->default_pvid)
		nl_vlan_del(c->host, port->index, br->default_pvid);
	if (v->vid)
		nl_vlan_add_pvid(c->host, port->index, v->vid);
	if (v->has_trunk)
		nl_vlan_add_set(c->host, port->index, &v->trunk);
	if (!v->vid)
		nl_vlan_add_pvid(c->host, port->index, 1); /* untagged frames need some VLAN */
	return nl_commit(c->host) < 0 ? err_wrap(c->err, "VLANs of %s", port->name) : 0;
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
