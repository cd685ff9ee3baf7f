/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vlan_list.h - a trunk's VLANs as configurations list them: objects with an id, a range, or both.
 */
#pragma once

#include "nl/bridge_vlan.h"
#include "skel/call.h"

struct vlan_range {
	uint16_t min, max, id;
	bool has_min, has_max, has_id;
};

/*
 * Their union, added to *set. `key` is for errors: half a range, a range that ends before it
 * begins.
 */
int vlan_list_collect(struct cni_call *c, const char *key, const struct vlan_range *trunk, size_t n,
		      struct vlan_set *set) NODISCARD;
