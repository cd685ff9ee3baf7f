/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.h - a bridge, or its interface in a VLAN, that is its containers' gateway. */
#pragma once

#include "ensure.h"
#include "port.h"

/*
 * The host's interface in a VLAN of the bridge: a veth named <bridge>.<vlan> whose far end is a
 * port. Made when first needed, shared; removed only if the ADD that made it fails. False: the name
 * is too long.
 */
bool bridge_vlan_ifname(const char *bridge, uint16_t vid, char name[IFNAMSIZ]);

/*
 * Gateways where IPAM named none: each subnet's first address. is_default: and default routes by
 * them, where the result has none of the family.
 */
void bridge_set_gateways(struct cni_call *c, bool is_default);

/*
 * The result's gateways become addresses of the bridge or its VLAN's interface; forwarding goes on.
 */
int bridge_be_gateway(struct cni_call *c, struct bridge *br,
		      const struct bridge_port_vlans *vlans) NODISCARD;
