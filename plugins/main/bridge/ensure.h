/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ensure.h - the bridge that a plugin attaches containers to: made on demand, shared by all of them,
 * given addresses. Steps for plugins, like iface.h.
 */
#ifndef CNIC_BRIDGE_ENSURE_H
#define CNIC_BRIDGE_ENSURE_H

#include "skel/call.h"
#include "nl/bridge_vlan.h"

struct bridge_options {
	const char *name;
	uint32_t mtu;        /* of a new bridge, 0 = kernel's default */
	bool vlan_filtering; /* of a new bridge */
	bool promisc;        /* of any; never cleared */
	bool force_address;  /* replace a conflicting address instead of failing */
};

/*
 * In a turn, together with the container's joining: find or make the bridge and bring it up. If the
 * call fails, a bridge or address it made is taken away again, unless another container uses the
 * bridge by then.
 */
int bridge_ensure(struct cni_call *c, const struct bridge_options *conf, struct link *br) NODISCARD;

/* After a port has joined: a bridge whose MAC nobody has set takes its ports' lowest. */
int bridge_refresh(struct cni_call *c, const struct link *port, struct link *br) NODISCARD;

/*
 * Give `link` (the bridge, or its VLAN interface) a gateway address. There already: success. Another
 * IPv4 address or an overlapping IPv6 one: replaced with force_address, else an error.
 */
int bridge_add_address(struct cni_call *c, const struct bridge_options *conf, const struct link *link,
		       const struct ip *address) NODISCARD;

/*
 * When the container's end is up: let a port that was held (veth_options.held) forward, and wait until it
 * does. The look, which as a rule finds it up, is part of the turn; a wait is not.
 */
int bridge_port_forward(struct cni_call *c, const struct link *port, bool held) NODISCARD;

/* VLANs of a port: vid untagged (0 = none), trunk tagged; without preserve the default one goes. */
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

int bridge_port_set_vlans(struct cni_call *c, const struct link *br, const struct link *port,
		   const struct bridge_port_vlans *v) NODISCARD;
int bridge_verify_port_vlans(struct cni_call *c, const struct link *port,
			  const struct bridge_port_vlans *v) NODISCARD;

/*
 * The host's interface in a VLAN of the bridge: a veth named <bridge>.<vlan> whose far end is a port.
 * Made when first needed, shared; removed only if the ADD that made it fails.
 */
bool bridge_vlan_ifname(const char *bridge, uint16_t vid, char name[IFNAMSIZ]); /* false: too long */
int bridge_vlan_gateway(struct cni_call *c, const struct link *br, const struct bridge_port_vlans *v,
		     struct link *out) NODISCARD;

/* Gateways where IPAM named none: each subnet's first address. is_default: and the default routes there. */
void bridge_set_gateways(struct cni_call *c, bool is_default);

/* The result's gateways are addresses of the bridge, or of its interface in the VLAN; forwarding is on. */
int bridge_be_gateway(struct cni_call *c, const struct bridge_options *conf, const struct link *br,
			  const struct bridge_port_vlans *vlans) NODISCARD;

/* CHECK: the bridge of prevResult, and the host's end of `inside` as its port. */
int bridge_verify(struct cni_call *c, const struct bridge_options *conf, struct link *br) NODISCARD;
int bridge_verify_port(struct cni_call *c, const struct link *br, const struct link *inside,
		    const struct bridge_port *want) NODISCARD;

#endif
