/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/attach.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define UNDO_TIMEOUT_MS   3000
#define STATUS_TIMEOUT_MS 3000

int ovs_open(struct cni_call *c, struct ovs_attachment *o)
{
	return ovsdb_open(&o->db, o->socket, OVS_TIMEOUT_MS, c->arena, c->err);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* ovs-cni's four keys first; it looks for the first three. */
static void identify(struct cni_call *c, struct ovs_port *p)
{
	const char *uid = cni_arg(c, "K8S_POD_UID");
	const struct ovsdb_pair all[] = {
		{ "owner", OVS_OWNER },
		{ "contNetns", c->req->netns },
		{ "contIface", c->req->ifname },
		{ "contPodUid", uid ? uid : "" },
		{ "contId", c->req->container_id },
		{ "contNetwork", c->req->net.name },
		{ "contPodName", cni_arg(c, "K8S_POD_NAME") },
		{ "contPodNamespace", cni_arg(c, "K8S_POD_NAMESPACE") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value)
			*arena_append(c->arena, p->ids, p->n_ids) = all[i];
}

/*
 * On the connection that asked for it, and on a new one if that is broken. A server that has
 * stalled and finds us gone when it goes on does the first request of each connection, in order.
 */
bool ovs_undo(struct cni_call *c, struct ovs_attachment *o,
	      int (*undo)(struct ovsdb *db, const void *arg), const void *arg)
{
	bool sent = !o->db.stream.broken;

	ovsdb_allow(&o->db, UNDO_TIMEOUT_MS);
	if (sent && undo(&o->db, arg) == 0)
		return true;
	o->may_remain = true;
	if (!o->db.stream.broken)
		return false;
	ovsdb_close(&o->db);
	if (ovsdb_open(&o->db, o->socket, UNDO_TIMEOUT_MS, c->arena, c->err) == 0)
		o->may_remain = undo(&o->db, arg) < 0;
	return !o->may_remain;
}

static void undo_plug(struct cni_call *c, void *arg)
{
	struct ovs_attachment *o = arg;

	if (!ovs_undo(c, o, ovs_port_undo_add, &o->port))
		fprintf(stderr, "rollback: port %s may remain in OVS: %s\n", o->port.name,
			c->err->msg);
}

int ovs_plug(struct cni_call *c, struct ovs_attachment *o, uint32_t link_timeout_ms)
{
	bool up;
	int rc;

	identify(c, &o->port);
	if (ovs_port_name(&o->port, c->err) < 0)
		return -1;
	undo_push(c, undo_plug, o);
	if (ovs_port_add(&o->db, &o->port, OVS_TIMEOUT_MS, &up) < 0)
		return -1;
	if (up || !link_timeout_ms)
		return 0;
	rc = ovs_port_wait_up(&o->db, &o->port, link_timeout_ms);
	if (rc > 0)
		return err_set(c->err, ERR_RETRY,
			       "port %s: its link is not up after %u ms; link_state_check_retries "
			       "times link_state_check_interval is too short?",
			       o->port.name, link_timeout_ms);
	return rc;
}

/* ---- external_ids of the port ---------------------------------------------------------------- */

static const char *id_of(const struct json *port, const char *key)
{
	const char *value = ovsdb_map(json_get(port, "external_ids"), key);

	return value ? value : "";
}

static bool id_is(const struct json *port, const char *key, const char *value)
{
	return !strcmp(id_of(port, key), value);
}

bool ovs_is_this(struct cni_call *c, const struct json *port)
{
	if (!id_is(port, "owner", OVS_OWNER) || !id_is(port, "contIface", c->req->ifname))
		return false;
	if (*id_of(port, "contId"))
		return id_is(port, "contId", c->req->container_id);
	return *c->req->netns && id_is(port, "contNetns", c->req->netns);
}

static void add_to_delete(struct cni_call *c, struct ovs_attachment *o, const struct json *port)
{
	const char *uuid = ovsdb_uuid(json_get(port, "_uuid")),
		   *name = ovsdb_str(json_get(port, "name"));

	if (!uuid || !name)
		return;
	*arena_append(c->arena, o->uuids, o->n_uuids) = uuid;
	*arena_append(c->arena, o->ends, o->n_ends) = name;
}

/* Once: the list is empty afterwards. */
static int remove_all(struct ovs_attachment *o)
{
	size_t n = o->n_uuids;

	o->n_uuids = 0;
	return n ? ovs_ports_remove(&o->db, o->uuids, n) : 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

static int find_by(struct cni_call *c, struct ovs_attachment *o, const char *key, const char *value)
{
	const struct ovsdb_pair ids[] = { { "owner", OVS_OWNER },
					  { "contIface", c->req->ifname },
					  { key, value } };
	const struct json *ports;

	if (ovs_ports_with(&o->db, ids, ARRAY_SIZE(ids), &ports) < 0)
		return -1;
	for (; ports; ports = json_next(ports))
		if (ovs_is_this(c, ports))
			add_to_delete(c, o, ports);
	return 0;
}

int ovs_unplug(struct cni_call *c, struct ovs_attachment *o)
{
	if (find_by(c, o, "contId", c->req->container_id) < 0)
		return -1;
	if (!o->n_uuids && *c->req->netns && find_by(c, o, "contNetns", c->req->netns) < 0)
		return -1;
	return remove_all(o);
}

/* A veth of that name, of the host, nothing else: a representor stays. */
int ovs_del_host_ends(struct cni_call *c, const struct ovs_attachment *o)
{
	for (size_t i = 0; i < o->n_ends; i++) {
		struct link link;

		if (str_ifname_fault(o->ends[i]))
			continue;
		if (nl_link_get_allow(c->host, o->ends[i], &link) < 0)
			return -1;
		if (!link.index || strcmp(link.kind, "veth") != 0)
			continue;
		nl_link_del(c->host, link.index);
		if (nl_commit_allow(c->host, ENODEV) < 0)
			return err_wrap(c->err, "%s", link.name);
	}
	return 0;
}

/* ---- lost interfaces ------------------------------------------------------------------------- */

/* 1: the port's interface was a netdev of the host and is not there. */
static int is_lost(struct cni_call *c, struct ovs_attachment *o, const char *name)
{
	struct link link;
	bool netdev;

	if (str_ifname_fault(name))
		return 0;
	if (nl_link_get_allow(c->host, name, &link) < 0)
		return -1;
	if (link.index)
		return 0;
	if (ovs_iface_is_netdev(&o->db, name, &netdev) < 0)
		return -1;
	return netdev;
}

/* The server picks out those that the switch could not open, as a rule none. */
int ovs_gc_lost(struct cni_call *c, struct ovs_attachment *o)
{
	const struct json *rows;

	if (ovs_ifaces_failed(&o->db, &rows) < 0)
		return -1;
	for (int n = 0; rows && n < OVSDB_MAX_OPS; rows = json_next(rows), n++) {
		const char *name = ovsdb_str(json_get(rows, "name"));
		int lost = name ? is_lost(c, o, name) : 0;
		struct ovs_state state;

		if (lost < 0 || (lost && ovs_port_get(&o->db, name, &state) < 0))
			return -1;
		if (lost && id_is(state.port, "owner", OVS_OWNER))
			add_to_delete(c, o, state.port);
	}
	return remove_all(o);
}

/* ---- GC -------------------------------------------------------------------------------------- */

/*
 * Which container a port of ovs-cni is for only its namespace's path says: it goes when it is lost.
 */
static int is_garbage(struct cni_call *c, struct ovs_attachment *o, const struct json *port)
{
	const char *id = id_of(port, "contId"), *name = ovsdb_str(json_get(port, "name"));

	if (*id && c->req->net.has_attachments && id_is(port, "contNetwork", c->req->net.name) &&
	    !cni_gc_is_valid(&c->req->net, id, id_of(port, "contIface")))
		return 1;
	return name ? is_lost(c, o, name) : 0;
}

int ovs_gc_ports(struct cni_call *c, struct ovs_attachment *o)
{
	const struct ovsdb_pair owner = { "owner", OVS_OWNER };
	const struct json *ports;

	if (ovs_ports_with(&o->db, &owner, 1, &ports) < 0)
		return -1;
	for (; ports; ports = json_next(ports)) {
		int garbage = is_garbage(c, o, ports);

		if (garbage < 0)
			return -1;
		if (garbage)
			add_to_delete(c, o, ports);
	}
	return remove_all(o) < 0 ? -1 : ovs_del_host_ends(c, o);
}

/* ---- inventory ------------------------------------------------------------------------------- */

/* One of ovs-cni's that does not tell the container is nobody's to judge. */
static int look_at_port(struct cni_call *c, struct ovs_attachment *o, const struct json *port,
			const struct cni_inventory *to)
{
	const char *name = ovsdb_str(json_get(port, "name")), *id = id_of(port, "contId");
	const char *what, *advice;
	int lost = name ? is_lost(c, o, name) : 0;

	if (lost < 0 || !name)
		return lost;
	what = arena_printf(c->arena, "OVS port %s", name);
	advice = arena_printf(c->arena, "ovs-vsctl del-port %s", name);
	if (lost)
		to->fault(to->ctx, arena_printf(c->arena, "%s has lost its interface", what),
			  advice);
	else if (*id)
		to->holding(to->ctx, &(struct cni_holding){
					     .plugin = c->plugin->name,
					     .network = id_of(port, "contNetwork"),
					     .container_id = id,
					     .ifname = id_of(port, "contIface"),
					     .what = what,
					     .advice = advice,
				     });
	return 0;
}

int ovs_inventory(struct cni_call *c, struct ovs_attachment *o, const struct cni_inventory *to)
{
	const struct ovsdb_pair owner = { "owner", OVS_OWNER };
	const struct json *ports;

	if (ovs_ports_with(&o->db, &owner, 1, &ports) < 0)
		return -1;
	for (; ports; ports = json_next(ports))
		if (look_at_port(c, o, ports, to) < 0)
			return -1;
	return 0;
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static bool same_trunks(const struct ovs_port *p, const struct json *trunks)
{
	struct vlan_set have = { 0 };
	const struct json *item;
	size_t n = ovsdb_set(trunks, &item);

	for (; n; n--, item = json_next(item)) {
		int64_t vid;

		if (!json_int(item, &vid) || vid < 0 || vid >= OVS_VLANS)
			return false;
		vlan_set_add(&have, (uint16_t)vid);
	}
	return !memcmp(&have, &p->trunks, sizeof(have));
}

static int verify_vlans(struct cni_call *c, const struct ovs_port *p, const struct json *port)
{
	const char *mode = ovsdb_str(json_get(port, "vlan_mode"));
	int64_t tag = -1;

	if (!mode || strcmp(mode, p->vlan_mode) != 0)
		return err_set(c->err, ERR_CHECK, "port %s: vlan_mode is not %s any more", p->name,
			       p->vlan_mode);
	if (ovsdb_int(json_get(port, "tag"), &tag) != p->has_tag || (p->has_tag && tag != p->tag))
		return err_set(c->err, ERR_CHECK, "port %s: its tag has changed", p->name);
	if (!same_trunks(p, json_get(port, "trunks")))
		return err_set(c->err, ERR_CHECK, "port %s: its trunks have changed", p->name);
	return 0;
}

static int verify_interface(struct cni_call *c, const struct ovs_port *p, const struct json *iface)
{
	const char *fault = ovsdb_str(json_get(iface, "error"));
	int64_t ofport;

	if (fault && *fault)
		return err_set(c->err, ERR_CHECK, "port %s: ovs-vswitchd says: %s", p->name, fault);
	if (!ovsdb_int(json_get(iface, "ofport"), &ofport) || ofport <= 0)
		return err_set(c->err, ERR_CHECK, "port %s: ovs-vswitchd has not opened it",
			       p->name);
	if (p->iface_id && !id_is(iface, "iface-id", p->iface_id))
		return err_set(c->err, ERR_CHECK, "port %s: iface-id is not %s any more", p->name,
			       p->iface_id);
	return 0;
}

int ovs_check_port(struct cni_call *c, struct ovs_attachment *o)
{
	const struct ovs_port *p = &o->port;
	struct ovs_state state;
	const char *bridge;

	if (ovs_port_get(&o->db, p->name, &state) < 0 ||
	    ovs_bridge_of_port(&o->db, state.port, &bridge) < 0)
		return -1;
	if (!state.port || !state.iface)
		return err_set(c->err, ERR_CHECK, "port %s is gone from OVS", p->name);
	if (!bridge || strcmp(bridge, p->bridge) != 0)
		return err_set(c->err, ERR_CHECK, "%s is no port of OVS bridge %s any more",
			       p->name, p->bridge);
	if (!ovs_is_this(c, state.port))
		return err_set(c->err, ERR_CHECK, "port %s belongs to another attachment", p->name);
	return verify_vlans(c, p, state.port) < 0 ? -1 : verify_interface(c, p, state.iface);
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

static int status(struct cni_call *c, struct ovs_attachment *o)
{
	if (ovsdb_open(&o->db, o->socket, STATUS_TIMEOUT_MS, c->arena, c->err) < 0 ||
	    (o->port.bridge && ovs_bridge_check(&o->db, o->port.bridge, ERR_UNAVAILABLE) < 0))
		return -1;
	return ovs_switch_sync(&o->db, STATUS_TIMEOUT_MS);
}

/*
 * A switch that does not act any more is worse than a database that cannot be asked: packets stop.
 */
int ovs_server_status(struct cni_call *c, struct ovs_attachment *o)
{
	int rc = status(c, o);

	if (rc > 0)
		return err_set(c->err, ERR_LIMITED, "%s: ovs-vswitchd does not answer", o->socket);
	if (rc < 0 && c->err->code != ERR_CONFIG && c->err->code != ERR_FIELD)
		c->err->code = ERR_UNAVAILABLE;
	return rc;
}
