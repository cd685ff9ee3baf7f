/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/mirror_leave.h"

#include "ovs/mirror_row.h"

/* uuid: NULL is any mirror. */
static void leave_op(struct ovsdb_txn *t, const char *port_uuid, size_t role, const char *uuid)
{
	ovsdb_op(t, "mutate", "Mirror");
	ovsdb_where_uuid(t, ovs_mirror_columns[role], "includes", port_uuid);
	if (uuid)
		ovsdb_where_uuid(t, "_uuid", "==", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, ovs_mirror_columns[role], "delete"), NULL, port_uuid);
}

static const char leaving[] = "take a port out of its mirrors";

int ovs_mirrors_leave(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror_roles *roles)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "%s", leaving);

	for (size_t role = 0; role < OVS_MIRROR_ROLES; role++)
		if (ovs_mirror_has_role(roles, role))
			leave_op(t, port_uuid, role, NULL);
	return ovsdb_run(db, t);
}

/* Two operations: unless others have joined it. That is an assertion, and fails the transaction. */
static void remove_ops(struct ovsdb_txn *t, const char *uuid, const struct ovs_mirror_roles *roles,
		       const char *port_uuid)
{
	ovsdb_wait_rows(t, "Mirror", "name", "!=", 0);
	ovsdb_where_uuid(t, "_uuid", "==", uuid);
	ovs_mirror_where_roles(t, roles, port_uuid);
	ovsdb_op(t, "mutate", "Bridge");
	ovsdb_where_uuid(t, "mirrors", "includes", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "delete"), NULL, uuid);
}

static int remove_unused(struct ovsdb *db, const char *uuid)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "remove a mirror that has no port");

	remove_ops(t, uuid, NULL, "");
	return ovsdb_try(db, t) < 0 ? -1 : 0;
}

int ovs_mirrors_gc(struct ovsdb *db, const char *owner)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look for mirrors that have no port");
	const struct json *row;

	ovsdb_select(t, "Mirror", "_uuid");
	ovs_mirror_where_unused(t, owner);
	if (ovsdb_query(db, t, &row) < 0)
		return -1;
	for (; row; row = json_next(row)) {
		const char *uuid = ovsdb_uuid(json_get(row, "_uuid"));

		if (uuid && remove_unused(db, uuid) < 0)
			return -1;
	}
	return 0;
}

/* ---- the undo of joining --------------------------------------------------------------------- */

static bool is_made(const struct ovs_mirror *m)
{
	return !m->exists && *m->uuid;
}

static void leave_ops(struct ovsdb_txn *t, const char *port_uuid, const struct ovs_mirror *m)
{
	for (size_t role = 0; role < OVS_MIRROR_ROLES; role++)
		if (*m->uuid && ovs_mirror_has_role(&m->want, role) &&
		    !ovs_mirror_has_role(&m->has, role))
			leave_op(t, port_uuid, role, m->uuid);
}

/* 1 when a mirror that has been made is not as it was made: not there, or others have joined it. */
static int undo_at_once(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror *m,
			size_t n)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "%s", leaving);

	for (size_t i = 0; i < n; i++) {
		if (is_made(&m[i]))
			remove_ops(t, m[i].uuid, &m[i].want, port_uuid);
		else
			leave_ops(t, port_uuid, &m[i]);
	}
	return t->n ? ovsdb_try(db, t) : 0;
}

/*
 * In one transaction, if that is possible: a server that has stalled does one when it goes on and
 * finds us gone, but not what comes behind it.
 */
int ovs_mirrors_undo_join(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror *m,
			  size_t n)
{
	int rc = undo_at_once(db, port_uuid, m, n);
	struct ovsdb_txn *t;

	if (rc <= 0)
		return rc;
	t = ovsdb_begin(db, "%s", leaving);
	for (size_t i = 0; i < n; i++)
		leave_ops(t, port_uuid, &m[i]);
	if (t->n && ovsdb_run(db, t) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_made(&m[i]) && remove_unused(db, m[i].uuid) < 0)
			return -1;
	return 0;
}
