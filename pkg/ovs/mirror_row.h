/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror_row.h - rows of Mirror by the roles that ports have in them, a column each. Sends nothing:
 * what is here adds to operations.
 */
#pragma once

#include "ovs/mirror.h"

#define OVS_MIRROR_ROLES 3

extern const char *const ovs_mirror_columns[OVS_MIRROR_ROLES];
bool ovs_mirror_has_role(const struct ovs_mirror_roles *r, size_t role);

/* The port has these roles in the mirror (NULL: none), and no other port has any. */
void ovs_mirror_where_roles(struct ovsdb_txn *t, const struct ovs_mirror_roles *roles,
			    const char *port_uuid);

/* The mirror is the owner's, and no port has a role in it. */
void ovs_mirror_where_unused(struct ovsdb_txn *t, const char *owner);
