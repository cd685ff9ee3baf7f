/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The client waits longer than the server is asked to, so that the server's answer comes first. */
#define GRACE_MS 1000

/* ---- adding ---------------------------------------------------------------------------------- */

int ovs_port_name(struct ovs_port *p, struct err *err)
{
	return ovsdb_new_uuid(p->uuid, err) < 0 ? -1 : ovsdb_new_uuid(p->iface_uuid, err);
}

static void insert_interface(struct ovsdb_txn *t, const struct ovs_port *p)
{
	struct json *row = ovsdb_insert(t, "Interface", p->iface_uuid);

	json_add_str(row, "name", p->name);
	if (p->iface_type)
		json_add_str(row, "type", p->iface_type);
	if (p->ofport_request)
		json_add_int(row, "ofport_request", p->ofport_request);
	if (p->iface_id) {
		const struct ovsdb_pair id = { "iface-id", p->iface_id };

		ovsdb_add_map(row, "external_ids", &id, 1);
	}
}

static void insert_port(struct ovsdb_txn *t, const struct ovs_port *p)
{
	struct json *row = ovsdb_insert(t, "Port", p->uuid);

	json_add_str(row, "name", p->name);
	json_add_str(row, "vlan_mode", p->vlan_mode);
	if (p->has_tag)
		json_add_int(row, "tag", p->tag);
	if (!vlan_set_is_empty(&p->trunks)) {
		struct json *trunks = ovsdb_add_set(row, "trunks");

		for (uint16_t vid = 0; vid < OVS_VLANS; vid++)
			if (vlan_set_has(&p->trunks, vid))
				json_add_int(trunks, NULL, vid);
	}
	ovsdb_add_map(row, "external_ids", p->ids, p->n_ids);
	ovsdb_add_uuid(row, "interfaces", p->iface_uuid);
}

/* The wait is an assertion: a port of a bridge that is not there would be committed as nothing. */
static struct ovsdb_txn *insert(struct ovsdb *db, const struct ovs_port *p)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "add port %s", p->name);

	json_add_str(ovsdb_wait(t, "Bridge", "name", "==", 0), "name", p->bridge);
	ovsdb_where_str(t, "name", p->bridge);
	insert_interface(t, p);
	insert_port(t, p);
	ovsdb_op(t, "mutate", "Bridge");
	ovsdb_where_str(t, "name", p->bridge);
	ovsdb_add_uuid(ovsdb_mutation(t, "ports", "insert"), NULL, p->uuid);
	return t;
}

static struct ovsdb_txn *wait_ofport(struct ovsdb *db, const struct ovs_port *p, uint32_t timeout)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "wait for ovs-vswitchd to open port %s", p->name);

	ovsdb_add_set(ovsdb_wait(t, "Interface", "ofport", "!=", timeout), "ofport");
	ovsdb_where_uuid(t, "_uuid", "==", p->iface_uuid);
	ovsdb_select(t, "Interface", "ofport error link_state");
	ovsdb_where_uuid(t, "_uuid", "==", p->iface_uuid);
	return t;
}

static int inserted(struct ovsdb *db, const struct ovs_port *p, struct ovsdb_txn *t)
{
	struct err *err = db->stream.err;

	if (ovsdb_finish(db, t) < 0) {
		if (!ovsdb_timed_out(t))
			return -1;
		return err_config(err, "bridge: there is no OVS bridge %s", p->bridge);
	}
	if (ovsdb_count(t, 3) != 1)
		return err_set(err, ERR_INTERNAL, "bridge %s: port %s was not added", p->bridge,
			       p->name);
	return 0;
}

static int opened(struct ovsdb *db, const struct ovs_port *p, struct ovsdb_txn *t, bool *up)
{
	struct err *err = db->stream.err;
	const struct json *row;
	const char *fault, *state;
	int64_t ofport;

	if (ovsdb_finish(db, t) < 0) {
		if (!ovsdb_timed_out(t))
			return -1;
		return err_set(err, ERR_RETRY,
			       "port %s: ovs-vswitchd has not opened it; is it running?", p->name);
	}
	row = ovsdb_rows(t, 1);
	if (!row)
		return err_set(err, ERR_RETRY, "port %s has been removed meanwhile", p->name);
	state = ovsdb_str(json_get(row, "link_state"));
	*up = state && !strcmp(state, "up");
	if (ovsdb_int(json_get(row, "ofport"), &ofport) && ofport > 0)
		return 0;
	fault = ovsdb_str(json_get(row, "error"));
	err_fill(err, ERR_INTERNAL, 0, "port %s: ovs-vswitchd cannot open it", p->name);
	snprintf(err->details, sizeof(err->details), "%s", fault ? fault : "");
	return -1;
}

/* Both requests at once: the second is answered when the switch has acted on the first. */
int ovs_port_add(struct ovsdb *db, const struct ovs_port *p, uint32_t timeout_ms, bool *up)
{
	struct ovsdb_txn *first = insert(db, p), *second = wait_ofport(db, p, timeout_ms);

	ovsdb_allow(db, (int)timeout_ms + GRACE_MS);
	if (ovsdb_send(db, first) < 0 || ovsdb_send(db, second) < 0 || inserted(db, p, first) < 0)
		return -1;
	return opened(db, p, second, up);
}

int ovs_port_wait_up(struct ovsdb *db, const struct ovs_port *p, uint32_t timeout_ms)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "wait for the link of port %s", p->name);

	ovsdb_allow(db, (int)timeout_ms + GRACE_MS);
	json_add_str(ovsdb_wait(t, "Interface", "link_state", "==", timeout_ms), "link_state",
		     "up");
	ovsdb_where_uuid(t, "_uuid", "==", p->iface_uuid);
	return ovsdb_try(db, t);
}

/* ---- removing -------------------------------------------------------------------------------- */

static void remove_op(struct ovsdb_txn *t, const char *uuid)
{
	ovsdb_op(t, "mutate", "Bridge");
	ovsdb_where_uuid(t, "ports", "includes", uuid);
	ovsdb_add_uuid(ovsdb_mutation(t, "ports", "delete"), NULL, uuid);
}

int ovs_port_undo_add(struct ovsdb *db, const void *port)
{
	const struct ovs_port *p = port;
	struct ovsdb_txn *t = ovsdb_begin(db, "remove port %s", p->name);

	remove_op(t, p->uuid);
	return ovsdb_run(db, t);
}

int ovs_ports_remove(struct ovsdb *db, const char *const *uuids, size_t n)
{
	while (n) {
		struct ovsdb_txn *t = ovsdb_begin(db, "remove ports");

		for (; n && t->n < OVSDB_MAX_OPS; n--)
			remove_op(t, *uuids++);
		if (ovsdb_run(db, t) < 0)
			return -1;
	}
	return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

int ovs_ports_with(struct ovsdb *db, const struct ovsdb_pair *ids, size_t n,
		   const struct json **rows)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look for ports");

	ovsdb_select(t, "Port", "_uuid name external_ids");
	ovsdb_add_map(ovsdb_where(t, "external_ids", "includes"), NULL, ids, n);
	return ovsdb_query(db, t, rows);
}

int ovs_ifaces_failed(struct ovsdb *db, const struct json **rows)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look for lost interfaces");

	ovsdb_select(t, "Interface", "name");
	json_add_int(ovsdb_where(t, "ofport", "=="), NULL, -1);
	ovsdb_where_str(t, "type", "");
	return ovsdb_query(db, t, rows);
}

/* Rows by their name, or by a row that they refer to. */
static int find(struct ovsdb *db, const char *table, const char *columns, const char *by,
		const char *value, const struct json **rows)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look up %s %s", table, value);

	ovsdb_select(t, table, columns);
	if (!strcmp(by, "name"))
		ovsdb_where_str(t, by, value);
	else
		ovsdb_where_uuid(t, by, "includes", value);
	return ovsdb_query(db, t, rows);
}

int ovs_iface_is_netdev(struct ovsdb *db, const char *name, bool *yes)
{
	const struct json *row;
	const char *type;

	if (find(db, "Interface", "type", "name", name, &row) < 0)
		return -1;
	type = ovsdb_str(json_get(row, "type"));
	*yes = type && (!*type || !strcmp(type, "system"));
	return 0;
}

int ovs_port_get(struct ovsdb *db, const char *name, struct ovs_state *out)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "look up port %s", name);

	*out = (struct ovs_state){ 0 };
	ovsdb_select(t, "Port", "_uuid name vlan_mode tag trunks external_ids");
	ovsdb_where_str(t, "name", name);
	ovsdb_select(t, "Interface", "ofport error link_state external_ids type");
	ovsdb_where_str(t, "name", name);
	if (ovsdb_run(db, t) < 0)
		return -1;
	out->port = ovsdb_rows(t, 0);
	out->iface = ovsdb_rows(t, 1);
	return 0;
}

int ovs_bridge_check(struct ovsdb *db, const char *name, int code)
{
	const struct json *row;

	if (find(db, "Bridge", "name", "name", name, &row) < 0)
		return -1;
	return row ? 0 : err_set(db->stream.err, code, "bridge: there is no OVS bridge %s", name);
}

int ovs_bridge_of_port(struct ovsdb *db, const struct json *port, const char **bridge)
{
	const char *uuid = ovsdb_uuid(json_get(port, "_uuid"));
	const struct json *row = NULL;
	int rc = uuid ? find(db, "Bridge", "name", "ports", uuid, &row) : 0;

	*bridge = ovsdb_str(json_get(row, "name"));
	return rc;
}

/* Interface by name, the Port that has it, the Bridge that has that. */
int ovs_bridge_of(struct ovsdb *db, const char *iface, const char **bridge)
{
	const struct json *row;
	const char *uuid;

	*bridge = NULL;
	if (find(db, "Interface", "_uuid", "name", iface, &row) < 0)
		return -1;
	uuid = ovsdb_uuid(json_get(row, "_uuid"));
	if (!uuid)
		return 0;
	if (find(db, "Port", "_uuid", "interfaces", uuid, &row) < 0)
		return -1;
	return ovs_bridge_of_port(db, row, bridge);
}

/* ---- the switch ------------------------------------------------------------------------------ */

/* ovs-vswitchd copies next_cfg to cur_cfg when it has done what the database asks for. */
int ovs_switch_sync(struct ovsdb *db, uint32_t timeout_ms)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "ask ovs-vswitchd for a sign of life");
	int64_t number;

	ovsdb_allow(db, (int)timeout_ms + GRACE_MS);
	ovsdb_op(t, "mutate", "Open_vSwitch");
	json_add_int(ovsdb_mutation(t, "next_cfg", "+="), NULL, 1);
	ovsdb_select(t, "Open_vSwitch", "next_cfg");
	if (ovsdb_run(db, t) < 0)
		return -1;
	if (!ovsdb_int(json_get(ovsdb_rows(t, 1), "next_cfg"), &number))
		return err_set(db->stream.err, ERR_INTERNAL, "%s: %s: next_cfg is no number",
			       t->label, db->stream.where);
	t = ovsdb_begin(db, "wait for ovs-vswitchd");
	ovsdb_wait_rows(t, "Open_vSwitch", "cur_cfg", "!=", timeout_ms);
	json_add_int(ovsdb_where(t, "cur_cfg", ">="), NULL, number);
	return ovsdb_try(db, t);
}
