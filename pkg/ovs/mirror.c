/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/mirror.h"

#include <stdio.h>
#include <string.h>

#include "ovs/mirror_row.h"

/* ---- looking --------------------------------------------------------------------------------- */

/*
 * The port's bridge: the same condition wherever it is named, so that a move of the port is
 * noticed.
 */
static void where_bridge(struct ovsdb_txn *t, const struct ovs_mirror_port *p)
{
	ovsdb_where_str(t, "name", p->bridge);
	ovsdb_where_uuid(t, "ports", "includes", p->uuid);
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

struct view {
	const struct json *bridge;                /* its mirrors */
	const struct json *rows[OVS_MAX_MIRRORS]; /* one for each mirror, NULL if it is not there */
	const struct json *unused;                /* the owner's, on whichever bridge */
};

/* With an owner: its unused mirrors as well. */
static int query_view(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		      const struct ovs_mirror *m, size_t n, struct ovsdb_txn *t)
{
	ovsdb_select(t, "Bridge", "_uuid mirrors");
	ovsdb_where_str(t, "name", p->bridge);
	ovsdb_select(t, "Bridge", "_uuid mirrors");
	where_bridge(t, p);
	for (size_t i = 0; i < n; i++) {
		ovsdb_select(t, "Mirror",
			     "_uuid select_src_port select_dst_port output_port output_vlan");
		ovsdb_where_str(t, "name", m[i].name);
	}
	if (owner) {
		ovsdb_select(t, "Mirror", "_uuid");
		ovs_mirror_where_unused(t, owner);
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

static void fill_roles(const struct ovs_mirror_port *p, const struct json *row,
		       struct ovs_mirror *m)
{
	m->exists = row != NULL;
	m->has.src = set_has(json_get(row, ovs_mirror_columns[0]), p->uuid);
	m->has.dst = set_has(json_get(row, ovs_mirror_columns[1]), p->uuid);
	m->has.out = set_has(json_get(row, ovs_mirror_columns[2]), p->uuid);
	if (row)
		snprintf(m->uuid, sizeof(m->uuid), "%s", ovsdb_uuid(json_get(row, "_uuid")));
}

static int get_view(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		    struct ovs_mirror *m, size_t n, struct view *view)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look up mirrors of bridge %s", p->bridge);
	const struct json *bridge;

	if (query_view(db, p, owner, m, n, t) < 0)
		return -1;
	if (!ovsdb_rows(t, 0))
		return err_config(db->stream.err, "bridge: there is no OVS bridge %s", p->bridge);
	bridge = ovsdb_rows(t, 1);
	if (!bridge)
		return err_config(db->stream.err, "bridge: port %s is not on bridge %s", p->name,
				  p->bridge);
	view->bridge = json_get(bridge, "mirrors");
	for (size_t i = 0; i < n; i++) {
		view->rows[i] = one_of(ovsdb_rows(t, i + 2), view->bridge);
		fill_roles(p, view->rows[i], &m[i]);
	}
	view->unused = owner ? ovsdb_rows(t, n + 2) : NULL;
	return 0;
}

int ovs_mirrors_get(struct ovsdb *db, const struct ovs_mirror_port *p, struct ovs_mirror *m,
		    size_t n)
{
	struct view view;

	return get_view(db, p, NULL, m, n, &view);
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
 * output that was not set is not set still: the server would refuse a second one, but not tell us
 * that it was that.
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
		ovsdb_where_uuid(t, "_uuid", "==", m[i].uuid);
	}
}

static void insert_mirror(struct ovsdb_txn *t, const struct ovs_mirror_port *p, const char *owner,
			  const struct ovs_mirror *m)
{
	const struct ovsdb_pair id = { "owner", owner };
	struct json *row = ovsdb_insert(t, "Mirror", m->uuid);

	json_add_str(row, "name", m->name);
	ovsdb_add_map(row, "external_ids", &id, 1);
	for (size_t role = 0; role < OVS_MIRROR_ROLES; role++)
		if (ovs_mirror_has_role(&m->want, role))
			ovsdb_add_uuid(row, ovs_mirror_columns[role], p->uuid);
}

static void mutate_mirror(struct ovsdb_txn *t, const struct ovs_mirror_port *p,
			  const struct ovs_mirror *m)
{
	ovsdb_op(t, "mutate", "Mirror");
	ovsdb_where_uuid(t, "_uuid", "==", m->uuid);
	for (size_t role = 0; role < OVS_MIRROR_ROLES; role++)
		if (ovs_mirror_has_role(&m->want, role))
			ovsdb_add_uuid(ovsdb_mutation(t, ovs_mirror_columns[role], "insert"), NULL,
				       p->uuid);
}

/* The next mirror from `row` on that is the bridge's and not asked for; NULL if there is none. */
static const struct json *next_unused(const struct json *row, const struct ovs_mirror *m, size_t n,
				      const struct json *bridge)
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
static void gc_ops(struct ovsdb_txn *t, const struct ovs_mirror_port *p, const char *owner,
		   const struct ovs_mirror *m, size_t n, const struct view *view)
{
	const struct json *row = next_unused(view->unused, m, n, view->bridge);
	struct json *rows;

	if (!row)
		return;
	rows = ovsdb_wait_rows(t, "Mirror", "_uuid", "==", 0);
	ovs_mirror_where_unused(t, owner);
	for (const struct json *v = view->unused; v; v = json_next(v))
		json_add_copy(json_add_object(rows, NULL), "_uuid", json_get(v, "_uuid"));
	ovsdb_op(t, "mutate", "Bridge");
	where_bridge(t, p);
	for (; row; row = next_unused(json_next(row), m, n, view->bridge))
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

/* 1 when an assertion did not hold: another client was quicker. */
static int change(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		  struct ovs_mirror *m, size_t n, const struct view *view)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "change mirrors of bridge %s", p->bridge);
	int rc;

	for (size_t i = 0; i < n; i++)
		if (!m[i].exists && ovsdb_new_uuid(m[i].uuid, db->stream.err) < 0)
			return -1;
	assert_view(t, p, m, n, view);
	gc_ops(t, p, owner, m, n, view);
	change_all(t, p, owner, m, n);
	rc = ovsdb_try(db, t);
	if (rc)
		return rc;
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

		if (get_view(db, p, owner, m, n, &view) < 0)
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
