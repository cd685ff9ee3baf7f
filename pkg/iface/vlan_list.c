/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/vlan_list.h"

int vlan_list_collect(struct cni_call *c, const char *key, const struct vlan_range *trunk, size_t n,
		      struct vlan_set *set)
{
	for (size_t i = 0; i < n; i++) {
		const struct vlan_range *t = &trunk[i];

		if (t->has_min != t->has_max)
			return err_config(c->err, "%s[%zu].%s: missing", key, i,
					  t->has_min ? "maxID" : "minID");
		if (t->min > t->max)
			return err_config(c->err, "%s[%zu].minID: %u is above maxID %u", key, i,
					  t->min, t->max);
		if (t->has_id)
			vlan_set_add(set, t->id);
		for (uint16_t vid = t->min; t->has_min && vid <= t->max; vid++)
			vlan_set_add(set, vid);
	}
	return 0;
}
