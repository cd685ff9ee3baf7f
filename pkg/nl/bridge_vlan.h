/* SPDX-License-Identifier: Apache-2.0 */
/* bridge_vlan.h - the VLANs of a bridge port (bridge vlan ...). See uapi/if_bridge.h. */
#pragma once

#include "nl/io.h"

#define VLAN_MAX 4094

/* A set of VLAN ids. */
struct vlan_set {
	uint64_t bits[64];
};

void vlan_set_add(struct vlan_set *set, uint16_t vid);
bool vlan_set_has(const struct vlan_set *set, uint16_t vid);
bool vlan_set_is_empty(const struct vlan_set *set);

struct port_vlans {
	uint16_t pvid;           /* 0 = none; it leaves untagged */
	struct vlan_set members; /* pvid included */
};

/* bridge vlan add dev X vid VID pvid untagged */
void nl_vlan_add_pvid(struct nl *nl, int port, uint16_t vid);
/* bridge vlan add dev X vid FIRST-LAST, one message for the whole set */
void nl_vlan_add_set(struct nl *nl, int port, const struct vlan_set *set);
/* bridge vlan del dev X vid VID */
void nl_vlan_del(struct nl *nl, int port, uint16_t vid);

/* What the port has. */
int nl_vlan_get(struct nl *nl, int port, struct port_vlans *out) NODISCARD;
