/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/mirror.h"

#include <stdio.h>
#include <string.h>

/* ---- rows by the roles that ports have in them, a column each -------------------------------- */

/* By the bit of the role. */
static const char *const columns[] = { "select_src_port", "select_dst_port", "output_port" };

static bool has_role(unsigned int roles, size_t column)
{
	return roles >> column & 1;
}

/* The port has these roles in the mirror, and no other port has any. */
static void where_roles(struct ovsdb_txn *t, unsigned int roles, const char *port_uuid)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		struct json *condition = ovsdb_where(t, columns[i], "==");

		if (has_role(roles, i))
			ovsdb_add_uuid(condition, NULL, port_uuid);
		else
			ovsdb_add_set(condition, NULL);
	}
}

/* The mirror is the owner's, and no port has a role in it. */
static void where_unused(struct ovsdb_txn *t, const char *owner)
{
	const struct ovsdb_pair id = { "owner", owner };

	ovsdb_add_map(ovsdb_where(t, "external_ids", "includes"), NULL, &id, 1);
	where_roles(t, 0, "");
}

/*
 * The port's bridge: the same condition wherever it is named, so that a move of the port is
 * noticed.
 */
static void where_bridge(struct ovsdb_txn *t, const struct ovs_mirrors *ms)
{
	ovsdb_where_str(t, "name", ms->bridge);
	ovsdb_where_uuid(t, "ports", "includes", ms->port_uuid);
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool set_has(const struct json *set, const char *uuid)
{
	const struct json *item;
	size_t n = ovsdb_set(set, &item);

	for (; n; n--, item = json_next(item)) {
		const char *have = ovsdb_uuid(item);

		if (have && !strcmp(have, uuid))
			return true;
	}
	return false;
}

static int query(struct ovsdb *db, const struct ovs_mirrors *ms, struct ovsdb_txn *t)
{
	ovsdb_select(t, "Bridge", "_uuid mirrors");
	ovsdb_where_str(t, "name", ms->bridge);
	ovsdb_select(t, "Bridge", "_uuid mirrors");
	where_bridge(t, ms);
	for (size_t i = 0; i < ms->n; i++) {
		ovsdb_select(t, "Mirror",
			     "_uuid select_src_port select_dst_port output_port output_vlan");
		ovsdb_where_str(t, "name", ms->mirror[i].name);
	}
	ovsdb_select(t, "Mirror", "_uuid");
	where_unused(t, ms->owner);
	return ovsdb_run(db, t);
}

/* From the rows of that name the bridge's. */
static void fill_in(const struct ovs_mirrors *ms, const struct json *row, struct ovs_mirror *m)
{
	const struct json *first;
	const char *uuid = NULL;

	for (; row; row = json_next(row)) {
		uuid = ovsdb_uuid(json_get(row, "_uuid"));
		if (uuid && set_has(ms->on_bridge, uuid))
			break;
	}
	m->has = 0;
	m->exists = row != NULL;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		m->has |= (unsigned int)set_has(json_get(row, columns[i]), ms->port_uuid) << i;
	m->has_output = ovsdb_set(json_get(row, "output_port"), &first) ||
			ovsdb_set(json_get(row, "output_vlan"), &first);
	if (row)
		snprintf(m->uuid, sizeof(m->uuid), "%s", uuid);
}

int ovs_mirrors_get(struct ovsdb *db, struct ovs_mirrors *ms)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look up mirrors of bridge %s", ms->bridge);

	if (query(db, ms, t) < 0)
		return -1;
	if (!ovsdb_rows(t, 0))
		return err_config(db->stream.err, "bridge: there is no OVS bridge %s", ms->bridge);
	if (!ovsdb_rows(t, 1))
		return err_config(db->stream.err, "bridge: port %s is not on bridge %s", ms->port,
				  ms->bridge);
	ms->on_bridge = json_get(ovsdb_rows(t, 1), "mirrors");
	ms->unused = ovsdb_rows(t, ms->n + 2);
	for (size_t i = 0; i < ms->n; i++)
		fill_in(ms, ovsdb_rows(t, i + 2), &ms->mirror[i]);
	return 0;
}

/* ---- joining --------------------------------------------------------------------------------- */

static bool takes_output(const struct ovs_mirror *m)
{
	return m->want & ~m->has & OVS_MIRROR_OUT;
}

/*
 * What has been seen is so still: the port is on the bridge, no mirror has come or gone. And an
 * output that was not set is not set still: the server would refuse a second one, but not tell us
 * that it was that.
 */
static void assert_ops(struct ovsdb_txn *t, const struct ovs_mirrors *ms)
{
	struct json *row = ovsdb_wait(t, "Bridge", "mirrors", "==", 0);

	if (ms->on_bridge)
		json_add_copy(row, "mirrors", ms->on_bridge);
	else
		ovsdb_add_set(row, "mirrors");
	where_bridge(t, ms);
	for (size_t i = 0; i < ms->n; i++) {
		if (!ms->mirror[i].exists || !takes_output(&ms->mirror[i]))
			continue;
		ovsdb_add_set(ovsdb_wait(t, "Mirror", "output_port", "==", 0), "output_port");
		ovsdb_where_uuid(t, "_uuid", "==", ms->mirror[i].uuid);
	}
}

static void insert_op(struct ovsdb_txn *t, const struct ovs_mirrors *ms, const struct ovs_mirror *m)
{
	const struct ovsdb_pair id = { "owner", ms->owner };
	struct json *row = ovsdb_insert(t, "Mirror", m->uuid);

	json_add_str(row, "name", m->name);
	ovsdb_add_map(row, "external_ids", &id, 1);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (has_role(m->want, i))
			ovsdb_add_uuid(row, columns[i], ms->port_uuid);
}

static void join_op(struct ovsdb_txn *t, const struct ovs_mirrors *ms, const struct ovs_mirror *m)
{
	ovsdb_op(t, "mutate", "Mirror");
	ovsdb_where_uuid(t, "_uuid", "==", m->uuid);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (has_role(m->want, i))
			ovsdb_add_uuid(ovsdb_mutation(t, columns[i], "insert"), NULL,
				       ms->port_uuid);
}

/* The next mirror from `row` on that is the bridge's and not asked for; NULL if there is none. */
static const struct json *next_unused(const struct json *row, const struct ovs_mirrors *ms)
{
	for (; row; row = json_next(row)) {
		const char *uuid = ovsdb_uuid(json_get(row, "_uuid"));
		size_t i = 0;

		while (uuid && i < ms->n && strcmp(ms->mirror[i].uuid, uuid) != 0)
			i++;
		if (uuid && i == ms->n && set_has(ms->on_bridge, uuid))
			break;
	}
	return row;
}

/* The bridge's unused mirrors go, if all that were unused are so still. */
static void gc_ops(struct ovsdb_txn *t, const struct ovs_mirrors *ms)
{
	const struct json *row = next_unused(ms->unused, ms);
	struct json *rows;

	if (!row)
		return;
	rows = ovsdb_wait_rows(t, "Mirror", "_uuid", "==", 0);
	where_unused(t, ms->owner);
	for (const struct json *v = ms->unused; v; v = json_next(v))
		json_add_copy(json_add_object(rows, NULL), "_uuid", json_get(v, "_uuid"));
	ovsdb_op(t, "mutate", "Bridge");
	where_bridge(t, ms);
	for (; row; row = next_unused(json_next(row), ms))
		ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "delete"), NULL,
			       ovsdb_uuid(json_get(row, "_uuid")));
}

/* The last n operations of the transaction: a mutation for each mirror. */
static void change_ops(struct ovsdb_txn *t, const struct ovs_mirrors *ms)
{
	for (size_t i = 0; i < ms->n; i++)
		if (!ms->mirror[i].exists)
			insert_op(t, ms, &ms->mirror[i]);
	for (size_t i = 0; i < ms->n; i++) {
		if (ms->mirror[i].exists) {
			join_op(t, ms, &ms->mirror[i]);
			continue;
		}
		ovsdb_op(t, "mutate", "Bridge");
		where_bridge(t, ms);
		ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "insert"), NULL, ms->mirror[i].uuid);
	}
}

/* 1 when an assertion did not hold: another client was quicker. */
static int change(struct ovsdb *db, struct ovs_mirrors *ms)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "change mirrors of bridge %s", ms->bridge);
	int rc;

	for (size_t i = 0; i < ms->n; i++)
		if (!ms->mirror[i].exists && ovsdb_new_uuid(ms->mirror[i].uuid, db->stream.err) < 0)
			return -1;
	assert_ops(t, ms);
	gc_ops(t, ms);
	change_ops(t, ms);
	rc = ovsdb_try(db, t);
	for (size_t i = t->n - ms->n; !rc && i < t->n; i++)
		if (ovsdb_count(t, i) != 1)
			return err_set(db->stream.err, ERR_INTERNAL,
				       "bridge %s: port %s was not added to its mirrors",
				       ms->bridge, ms->port);
	return rc;
}

int ovs_mirrors_join(struct ovsdb *db, struct ovs_mirrors *ms)
{
	int rc = 1;

	while (rc > 0) {
		if (ovs_mirrors_get(db, ms) < 0)
			return -1;
		for (size_t i = 0; i < ms->n; i++)
			if (takes_output(&ms->mirror[i]) && ms->mirror[i].has_output)
				return err_set(db->stream.err, ERR_IN_USE,
					       "mirror %s of bridge %s has an output port or VLAN "
					       "already",
					       ms->mirror[i].name, ms->bridge);
		rc = change(db, ms);
		if (rc > 0 && !ovsdb_time_left(db))
			return err_set(db->stream.err, ERR_RETRY,
				       "bridge %s: others keep changing its mirrors", ms->bridge);
	}
	return rc;
}

/* ---- leaving --------------------------------------------------------------------------------- */

static const char leaving[] = "take a port out of its mirrors";

/* uuid: NULL is any mirror. */
static void leave_ops(struct ovsdb_txn *t, const char *port_uuid, unsigned int roles,
		      const char *uuid)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!has_role(roles, i))
			continue;
		ovsdb_op(t, "mutate", "Mirror");
		ovsdb_where_uuid(t, columns[i], "includes", port_uuid);
		if (uuid)
			ovsdb_where_uuid(t, "_uuid", "==", uuid);
		ovsdb_add_uuid(ovsdb_mutation(t, columns[i], "delete"), NULL, port_uuid);
	}
}

int ovs_mirrors_leave(struct ovsdb *db, const char *port_uuid, unsigned int roles)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "%s", leaving);

	leave_ops(t, port_uuid, roles, NULL);
	return ovsdb_run(db, t);
}

/* Two operations: unless others have joined it. That is an assertion, and fails the transaction. */
static void remove_ops(struct ovsdb_txn *t, const char *uuid, unsigned int roles,
		       const char *port_uuid)
{
	ovsdb_wait_rows(t, "Mirror", "name", "!=", 0);
	ovsdb_where_uuid(t, "_uuid", "==", uuid);
	where_roles(t, roles, port_uuid);
	ovsdb_op(t, "mutate", "Bridge");
	ovsdb_where_uuid(t, "mirrors", "includes", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "delete"), NULL, uuid);
}

static int remove_unused(struct ovsdb *db, const char *uuid)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "remove a mirror that has no port");

	remove_ops(t, uuid, 0, "");
	return ovsdb_try(db, t) < 0 ? -1 : 0;
}

int ovs_mirrors_gc(struct ovsdb *db, const char *owner)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look for mirrors that have no port");
	const struct json *row;

	ovsdb_select(t, "Mirror", "_uuid");
	where_unused(t, owner);
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

/* What the port has got by joining. */
static void undo_ops(struct ovsdb_txn *t, const char *port_uuid, const struct ovs_mirror *m)
{
	leave_ops(t, port_uuid, *m->uuid ? m->want & ~m->has : 0, m->uuid);
}

/* 1 when a mirror that has been made is not as it was made: not there, or others have joined it. */
static int undo_at_once(struct ovsdb *db, const struct ovs_mirrors *ms)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "%s", leaving);

	for (const struct ovs_mirror *m = ms->mirror; m < ms->mirror + ms->n; m++) {
		if (is_made(m))
			remove_ops(t, m->uuid, m->want, ms->port_uuid);
		else
			undo_ops(t, ms->port_uuid, m);
	}
	return t->n ? ovsdb_try(db, t) : 0;
}

/*
 * In one transaction, if that is possible: a server that has stalled does one when it goes on and
 * finds us gone, but not what comes behind it.
 */
int ovs_mirrors_undo_join(struct ovsdb *db, const void *mirrors)
{
	const struct ovs_mirrors *ms = mirrors;
	int rc = undo_at_once(db, ms);
	struct ovsdb_txn *t;

	if (rc <= 0)
		return rc;
	t = ovsdb_begin(db, "%s", leaving);
	for (size_t i = 0; i < ms->n; i++)
		undo_ops(t, ms->port_uuid, &ms->mirror[i]);
	if (t->n && ovsdb_run(db, t) < 0)
		return -1;
	for (size_t i = 0; i < ms->n; i++)
		if (is_made(&ms->mirror[i]) && remove_unused(db, ms->mirror[i].uuid) < 0)
			return -1;
	return 0;
}
