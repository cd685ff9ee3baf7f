/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/mirror_row.h"

const char *const ovs_mirror_columns[OVS_MIRROR_ROLES] = { "select_src_port", "select_dst_port",
							   "output_port" };

bool ovs_mirror_has_role(const struct ovs_mirror_roles *r, size_t role)
{
	const bool roles[] = { r->src, r->dst, r->out };

	return roles[role];
}

void ovs_mirror_where_roles(struct ovsdb_txn *t, const struct ovs_mirror_roles *roles,
			    const char *port_uuid)
{
	for (size_t role = 0; role < OVS_MIRROR_ROLES; role++) {
		struct json *condition = ovsdb_where(t, ovs_mirror_columns[role], "==");

		if (roles && ovs_mirror_has_role(roles, role))
			ovsdb_add_uuid(condition, NULL, port_uuid);
		else
			ovsdb_add_empty(condition, NULL);
	}
}

void ovs_mirror_where_unused(struct ovsdb_txn *t, const char *owner)
{
	const struct ovsdb_pair id = { "owner", owner };

	ovsdb_add_map(ovsdb_where(t, "external_ids", "includes"), NULL, &id, 1);
	ovs_mirror_where_roles(t, NULL, "");
}
