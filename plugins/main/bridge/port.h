/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - the host's end of a container's veth pair as a port of the bridge: flags and
 * VLANs.
 */
#pragma once

#include "nl/bridge_vlan.h"
#include "skel/call.h"

/*
 * vid untagged (0 = none), trunk tagged; without preserve_default the bridge's default VLAN goes.
 */
struct bridge_port_vlans {
	uint16_t vid;
	bool has_trunk;
	struct vlan_set trunk;
	bool preserve_default;
};

/* What a port is to be. */
struct bridge_port {
	bool hairpin, isolated;
	struct bridge_port_vlans vlans;
};

int bridge_port_set_flags(struct cni_call *c, const struct link *port,
			  const struct bridge_port *want) NODISCARD;
int bridge_port_set_vlans(struct cni_call *c, const struct link *br, const struct link *port,
			  const struct bridge_port_vlans *v) NODISCARD;

/* CHECK: the host's end of `inside` is a port of the bridge, as it was made. */
int bridge_verify_port(struct cni_call *c, const struct link *br, const struct link *inside,
		       const struct bridge_port *want) NODISCARD;
