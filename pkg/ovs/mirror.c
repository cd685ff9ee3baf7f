/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/mirror.h"

#include <stdio.h>
#include <string.h>

static const char *const by_role[] = { "select_src_port", "select_dst_port", "output_port" };

static bool has_role(const struct ovs_mirror_roles *r, size_t role)
{
	const bool roles[] = { r->src, r->dst, r->out };

	return roles[role];
}

static const char *say(struct ovsdb *db, const char *what, const char *name)
{
	return arena_printf(db->stream.arena, "%s %s", what, name);
}

static void where_uuid(struct ovsdb_txn *t, const char *column, const char *function,
		       const char *uuid)
{
	ovsdb_add_uuid(ovsdb_where(t, column, function), NULL, uuid);
}

/* Did a wait of 0 ms fail, and with it the transaction? */
static bool was_asserted(const struct ovsdb_txn *t)
{
	return t->error && !strcmp(t->error, "timed out");
}

/* ---- looking --------------------------------------------------------------------------------- */

/*
 * The port's bridge: the same condition wherever it is named, so that a move of the port is
 * noticed.
 */
static void where_bridge(struct ovsdb_txn *t, const struct ovs_mirror_port *p)
{
	json_add_str(ovsdb_where(t, "name", "=="), NULL, p->bridge);
	where_uuid(t, "ports", "includes", p->uuid);
}

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

static bool is_empty(const struct json *set)
{
	const struct json *first;

	return !ovsdb_set(set, &first);
}

static const struct ovs_mirror_roles no_roles;
static const char *const uuid_column[] = { "_uuid", NULL };

/* The port has these roles in the mirror, and no other port has any. */
static void where_only(struct ovsdb_txn *t, const struct ovs_mirror_roles *roles,
		       const char *port_uuid)
{
	for (size_t role = 0; role < ARRAY_SIZE(by_role); role++) {
		struct json *condition = ovsdb_where(t, by_role[role], "==");

		if (has_role(roles, role))
			ovsdb_add_uuid(condition, NULL, port_uuid);
		else
			ovsdb_add_empty(condition, NULL);
	}
}

/* Of the owner, and no port has a role in it. */
static void where_unused(struct ovsdb_txn *t, const char *owner)
{
	const struct ovsdb_pair id = { "owner", owner };

	ovsdb_add_map(ovsdb_where(t, "external_ids", "includes"), NULL, &id, 1);
	where_only(t, &no_roles, "");
	ovsdb_columns(t, uuid_column);
}

struct view {
	const struct json *bridge;                /* its mirrors */
	const struct json *rows[OVS_MAX_MIRRORS]; /* one for each mirror, NULL if it is not there */
	const struct json *unused;                /* the owner's, on whichever bridge */
};

/* With an owner: its unused mirrors as well. */
static int send_look(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		     const struct ovs_mirror *m, size_t n, struct ovsdb_txn *t)
{
	static const char *const bridge[] = { "_uuid", "mirrors", NULL };
	static const char *const mirror[] = { "_uuid",       "select_src_port", "select_dst_port",
					      "output_port", "output_vlan",     NULL };

	ovsdb_op(t, "select", "Bridge");
	json_add_str(ovsdb_where(t, "name", "=="), NULL, p->bridge);
	ovsdb_columns(t, bridge);
	ovsdb_op(t, "select", "Bridge");
	where_bridge(t, p);
	ovsdb_columns(t, bridge);
	for (size_t i = 0; i < n; i++) {
		ovsdb_op(t, "select", "Mirror");
		json_add_str(ovsdb_where(t, "name", "=="), NULL, m[i].name);
		ovsdb_columns(t, mirror);
	}
	if (owner) {
		ovsdb_op(t, "select", "Mirror");
		where_unused(t, owner);
	}
	return ovsdb_run(db, t);
}

static const struct json *one_of(const struct json *rows, const struct json *uuids)
{
	for (; rows; rows = json_next(rows)) {
		const char *uuid = ovsdb_uuid(json_get(rows, "_uuid"));

		if (uuid && set_has(uuids, uuid))
			return rows;
	}
	return NULL;
}

static void note(const struct ovs_mirror_port *p, const struct json *row, struct ovs_mirror *m)
{
	m->exists = row != NULL;
	m->has.src = set_has(json_get(row, by_role[0]), p->uuid);
	m->has.dst = set_has(json_get(row, by_role[1]), p->uuid);
	m->has.out = set_has(json_get(row, by_role[2]), p->uuid);
	if (row)
		snprintf(m->uuid, sizeof(m->uuid), "%s", ovsdb_uuid(json_get(row, "_uuid")));
}

static int look(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		struct ovs_mirror *m, size_t n, struct view *view)
{
	struct ovsdb_txn *t = ovsdb_begin(db, say(db, "look up mirrors of bridge", p->bridge));
	const struct json *bridge;

	if (send_look(db, p, owner, m, n, t) < 0)
		return -1;
	if (!ovsdb_rows(t, 0))
		return err_set(db->stream.err, ERR_CONFIG, "bridge: there is no OVS bridge %s",
			       p->bridge);
	bridge = ovsdb_rows(t, 1);
	if (!bridge)
		return err_set(db->stream.err, ERR_CONFIG, "bridge: port %s is not on bridge %s",
			       p->name, p->bridge);
	view->bridge = json_get(bridge, "mirrors");
	for (size_t i = 0; i < n; i++) {
		view->rows[i] = one_of(ovsdb_rows(t, i + 2), view->bridge);
		note(p, view->rows[i], &m[i]);
	}
	view->unused = owner ? ovsdb_rows(t, n + 2) : NULL;
	return 0;
}

int ovs_mirrors_get(struct ovsdb *db, const struct ovs_mirror_port *p, struct ovs_mirror *m,
		    size_t n)
{
	struct view view;

	return look(db, p, NULL, m, n, &view);
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Copies that go to a VLAN go elsewhere, too. */
static int check_output(struct ovsdb *db, const struct ovs_mirror_port *p,
			const struct ovs_mirror *m, const struct json *row)
{
	if (!row || !m->want.out || m->has.out)
		return 0;
	if (is_empty(json_get(row, "output_port")) && is_empty(json_get(row, "output_vlan")))
		return 0;
	return err_set(db->stream.err, ERR_IN_USE,
		       "mirror %s of bridge %s has an output port or VLAN already", m->name,
		       p->bridge);
}

/*
 * What has been seen is so still: the port is on the bridge, no mirror has come or gone. And an
 * output that nobody had is nobody's: the server would refuse a second one, but not tell us that it
 * was that.
 */
static void assert_view(struct ovsdb_txn *t, const struct ovs_mirror_port *p,
			const struct ovs_mirror *m, size_t n, const struct view *view)
{
	struct json *row = ovsdb_wait(t, "Bridge", "mirrors", "==", 0);

	if (view->bridge)
		json_add_copy(row, "mirrors", view->bridge);
	else
		ovsdb_add_empty(row, "mirrors");
	where_bridge(t, p);
	for (size_t i = 0; i < n; i++) {
		if (!m[i].exists || !m[i].want.out || m[i].has.out)
			continue;
		ovsdb_add_empty(ovsdb_wait(t, "Mirror", "output_port", "==", 0), "output_port");
		where_uuid(t, "_uuid", "==", m[i].uuid);
	}
}

static void insert_mirror(struct ovsdb_txn *t, const struct ovs_mirror_port *p, const char *owner,
			  const struct ovs_mirror *m)
{
	const struct ovsdb_pair id = { "owner", owner };
	struct json *row = ovsdb_insert(t, "Mirror", m->uuid);

	json_add_str(row, "name", m->name);
	ovsdb_add_map(row, "external_ids", &id, 1);
	for (size_t role = 0; role < ARRAY_SIZE(by_role); role++)
		if (has_role(&m->want, role))
			ovsdb_add_uuid(row, by_role[role], p->uuid);
}

static void mutate_mirror(struct ovsdb_txn *t, const struct ovs_mirror_port *p,
			  const struct ovs_mirror *m)
{
	ovsdb_op(t, "mutate", "Mirror");
	where_uuid(t, "_uuid", "==", m->uuid);
	for (size_t role = 0; role < ARRAY_SIZE(by_role); role++)
		if (has_role(&m->want, role))
			ovsdb_add_uuid(ovsdb_mutation(t, by_role[role], "insert"), NULL, p->uuid);
}

/* The next mirror from `row` on that is the bridge's and not asked for; NULL if there is none. */
static const struct json *next_to_sweep(const struct json *row, const struct ovs_mirror *m,
					size_t n, const struct json *bridge)
{
	for (; row; row = json_next(row)) {
		const char *uuid = ovsdb_uuid(json_get(row, "_uuid"));
		size_t i = 0;

		while (uuid && i < n && strcmp(m[i].uuid, uuid) != 0)
			i++;
		if (uuid && i == n && set_has(bridge, uuid))
			break;
	}
	return row;
}

/* The bridge's unused mirrors go, if all that were unused are so still. */
static void sweep_ops(struct ovsdb_txn *t, const struct ovs_mirror_port *p, const char *owner,
		      const struct ovs_mirror *m, size_t n, const struct view *view)
{
	const struct json *row = next_to_sweep(view->unused, m, n, view->bridge);
	struct json *rows;

	if (!row)
		return;
	ovsdb_op(t, "wait", "Mirror");
	where_unused(t, owner);
	json_add_str(t->op, "until", "==");
	json_add_uint(t->op, "timeout", 0);
	rows = json_add_list(t->op, "rows");
	for (const struct json *v = view->unused; v; v = json_next(v))
		json_add_copy(json_add_object(rows, NULL), "_uuid", json_get(v, "_uuid"));
	ovsdb_op(t, "mutate", "Bridge");
	where_bridge(t, p);
	for (; row; row = next_to_sweep(json_next(row), m, n, view->bridge))
		ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "delete"), NULL,
			       ovsdb_uuid(json_get(row, "_uuid")));
}

/* The last n operations of the transaction: a mutation for each mirror. */
static void change_all(struct ovsdb_txn *t, const struct ovs_mirror_port *p, const char *owner,
		       const struct ovs_mirror *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!m[i].exists)
			insert_mirror(t, p, owner, &m[i]);
	for (size_t i = 0; i < n; i++) {
		if (m[i].exists) {
			mutate_mirror(t, p, &m[i]);
			continue;
		}
		ovsdb_op(t, "mutate", "Bridge");
		where_bridge(t, p);
		ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "insert"), NULL, m[i].uuid);
	}
}

/* 1 when an assertion did not hold: somebody was quicker. */
static int change(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		  struct ovs_mirror *m, size_t n, const struct view *view)
{
	struct ovsdb_txn *t = ovsdb_begin(db, say(db, "change mirrors of bridge", p->bridge));

	for (size_t i = 0; i < n; i++)
		if (!m[i].exists && ovsdb_new_uuid(m[i].uuid, db->stream.err) < 0)
			return -1;
	assert_view(t, p, m, n, view);
	sweep_ops(t, p, owner, m, n, view);
	change_all(t, p, owner, m, n);
	if (ovsdb_run(db, t) < 0)
		return was_asserted(t) ? 1 : -1;
	for (size_t i = t->n - n; i < t->n; i++)
		if (ovsdb_count(t, i) != 1)
			return err_set(db->stream.err, ERR_INTERNAL,
				       "bridge %s: port %s was not added to its mirrors", p->bridge,
				       p->name);
	return 0;
}

int ovs_mirrors_join(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		     struct ovs_mirror *m, size_t n)
{
	struct view view;

	for (;;) {
		int rc;

		if (look(db, p, owner, m, n, &view) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (check_output(db, p, &m[i], view.rows[i]) < 0)
				return -1;
		rc = change(db, p, owner, m, n, &view);
		if (rc <= 0)
			return rc;
		err_clear(db->stream.err);
		if (!ovsdb_time_left(db))
			return err_set(db->stream.err, ERR_RETRY,
				       "bridge %s: others keep changing its mirrors", p->bridge);
	}
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* uuid: NULL is any mirror. */
static void leave_op(struct ovsdb_txn *t, const char *port_uuid, size_t role, const char *uuid)
{
	ovsdb_op(t, "mutate", "Mirror");
	where_uuid(t, by_role[role], "includes", port_uuid);
	if (uuid)
		where_uuid(t, "_uuid", "==", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, by_role[role], "delete"), NULL, port_uuid);
}

static const char leaving[] = "take a port out of its mirrors";

int ovs_mirrors_leave(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror_roles *roles)
{
	struct ovsdb_txn *t = ovsdb_begin(db, leaving);

	for (size_t role = 0; role < ARRAY_SIZE(by_role); role++)
		if (has_role(roles, role))
			leave_op(t, port_uuid, role, NULL);
	return ovsdb_run(db, t);
}

/* Two operations: unless others have joined it. That is an assertion, and fails the transaction. */
static void remove_ops(struct ovsdb_txn *t, const char *uuid, const struct ovs_mirror_roles *roles,
		       const char *port_uuid)
{
	static const char *const columns[] = { "name", NULL };

	ovsdb_op(t, "wait", "Mirror");
	where_uuid(t, "_uuid", "==", uuid);
	where_only(t, roles, port_uuid);
	ovsdb_columns(t, columns);
	json_add_str(t->op, "until", "!=");
	json_add_list(t->op, "rows");
	json_add_uint(t->op, "timeout", 0);
	ovsdb_op(t, "mutate", "Bridge");
	where_uuid(t, "mirrors", "includes", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, "mirrors", "delete"), NULL, uuid);
}

static int remove_unused(struct ovsdb *db, const char *uuid)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "remove a mirror that has no port");

	remove_ops(t, uuid, &no_roles, "");
	if (ovsdb_run(db, t) == 0)
		return 0;
	if (!was_asserted(t))
		return -1;
	err_clear(db->stream.err);
	return 0;
}

int ovs_mirrors_gc(struct ovsdb *db, const char *owner)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look for mirrors that have no port");

	ovsdb_op(t, "select", "Mirror");
	where_unused(t, owner);
	if (ovsdb_run(db, t) < 0)
		return -1;
	for (const struct json *row = ovsdb_rows(t, 0); row; row = json_next(row)) {
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
	for (size_t role = 0; role < ARRAY_SIZE(by_role); role++)
		if (*m->uuid && has_role(&m->want, role) && !has_role(&m->has, role))
			leave_op(t, port_uuid, role, m->uuid);
}

/* 1 when a mirror that has been made is not as it was made: not there, or others have joined it. */
static int undo_at_once(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror *m,
			size_t n)
{
	struct ovsdb_txn *t = ovsdb_begin(db, leaving);

	for (size_t i = 0; i < n; i++) {
		if (is_made(&m[i]))
			remove_ops(t, m[i].uuid, &m[i].want, port_uuid);
		else
			leave_ops(t, port_uuid, &m[i]);
	}
	if (!t->n || ovsdb_run(db, t) == 0)
		return 0;
	return was_asserted(t) ? 1 : -1;
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
	err_clear(db->stream.err);
	t = ovsdb_begin(db, leaving);
	for (size_t i = 0; i < n; i++)
		leave_ops(t, port_uuid, &m[i]);
	if (t->n && ovsdb_run(db, t) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_made(&m[i]) && remove_unused(db, m[i].uuid) < 0)
			return -1;
	return 0;
}
