/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK of a bridge and its port. */
#include <string.h>

#include "ensure.h"
#include "iface/verify.h"

int bridge_verify(struct cni_call *c, const struct bridge_options *conf, struct link *br)
{
	for (size_t i = 0; i < c->prev->n_interfaces; i++) {
		const struct cni_interface *f = &c->prev->interfaces[i];

		if (strcmp(f->name, conf->name) != 0 || (f->sandbox && *f->sandbox))
			continue;
		if (verify_host(c, f, "bridge", br) < 0)
			return -1;
		if (conf->promisc && !br->promiscuity)
			return err_set(c->err, ERR_CHECK, "bridge %s is not promiscuous any more",
				       br->name);
		return 0;
	}
	return err_set(c->err, ERR_CONFIG, "prevResult.interfaces: bridge %s is not among them",
		       conf->name);
}

int bridge_verify_port(struct cni_call *c, const struct link *br, const struct link *inside,
		    const struct bridge_port *want)
{
	struct link port;

	if (nl_link_get_index_allow(c->host, inside->peer, &port) < 0)
		return -1;
	if (!port.index || strcmp(port.kind, "veth") != 0)
		return err_set(c->err, ERR_CHECK, "the host's end of %s is gone", c->ifname);
	if (port.master != br->index)
		return err_set(c->err, ERR_CHECK, "%s is no port of bridge %s any more", port.name,
			       br->name);
	if (port.hairpin != want->hairpin || port.isolated != want->isolated)
		return err_set(c->err, ERR_CHECK,
			       "port %s: hairpinMode or portIsolation has changed", port.name);
	return bridge_verify_port_vlans(c, &port, &want->vlans);
}
