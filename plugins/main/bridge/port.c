/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

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
