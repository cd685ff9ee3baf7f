/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - ports of Open vSwitch bridges as rows of its database (ovs-vswitchd.conf.db(5)): a Port
 * in Bridge.ports with an Interface of the same name. Neither table is a root: a port is removed by
 * taking it out of Bridge.ports, and its rows go with it.
 *
 * The database server and the switch are two processes: a row says what is to be, and ofport what
 * is.
 */
#pragma once

#include "nl/bridge_vlan.h"
#include "ovsdb/ovsdb.h"
#include "ovsdb/value.h"

#define OVS_VLANS 4096

struct ovs_port {
	const char *bridge, *name;
	const char *vlan_mode;
	bool has_tag;
	uint16_t tag;
	struct vlan_set trunks; /* none: all */
	struct ovsdb_pair *ids; /* Port.external_ids */
	size_t n_ids;
	const char *iface_type;  /* NULL: the default, a netdev */
	const char *iface_id;    /* Interface.external_ids, NULL: none */
	uint16_t ofport_request; /* 0: any */
	/* chosen by ovs_port_name() */
	char uuid[OVSDB_UUID_LEN + 1], iface_uuid[OVSDB_UUID_LEN + 1];
};

/* Give the rows to be their ids, by which they can be taken back whatever became of the request. */
int ovs_port_name(struct ovs_port *p, struct err *err) NODISCARD;

/*
 * Add the port in one transaction, and wait until the switch has opened it; `up` if its link was up
 * then. Code 7 if there is no such bridge; the switch's own words if it cannot open the interface.
 */
int ovs_port_add(struct ovsdb *db, const struct ovs_port *p, uint32_t timeout_ms,
		 bool *up) NODISCARD;

/* Wait until its link is up: 1 if it is not in that time. */
int ovs_port_wait_up(struct ovsdb *db, const struct ovs_port *p, uint32_t timeout_ms) NODISCARD;

/*
 * Take it back (a struct ovs_port), for ovs_undo(). Whatever has been sent for it before on the
 * same connection is done before.
 */
int ovs_port_undo_add(struct ovsdb *db, const void *port) NODISCARD;

/* Rows of Port (_uuid, name, external_ids) that have all of these external_ids; NULL if none. */
int ovs_ports_with(struct ovsdb *db, const struct ovsdb_pair *ids, size_t n,
		   const struct json **rows) NODISCARD;

/*
 * The names of interfaces of the host that the switch could not open: rows of Interface, NULL if
 * none.
 */
int ovs_ifaces_failed(struct ovsdb *db, const struct json **rows) NODISCARD;

/* Is it a netdev of the host, not something of the switch's own? */
int ovs_iface_is_netdev(struct ovsdb *db, const char *name, bool *yes) NODISCARD;

/* Remove ports, from whichever bridge they are on; one that is gone is fine. One transaction. */
int ovs_ports_remove(struct ovsdb *db, const char *const *uuids, size_t n) NODISCARD;

/* What the database has under a port's name; NULL for what it has not. */
struct ovs_state {
	const struct json *port, *iface;
};
int ovs_port_get(struct ovsdb *db, const char *name, struct ovs_state *out) NODISCARD;

/* An error of this code unless there is such a bridge. */
int ovs_bridge_check(struct ovsdb *db, const char *name, int code) NODISCARD;

/* The bridge that has this row of Port, or a port with this interface; NULL if none. */
int ovs_bridge_of_port(struct ovsdb *db, const struct json *port, const char **bridge) NODISCARD;
int ovs_bridge_of(struct ovsdb *db, const char *iface, const char **bridge) NODISCARD;

/* Wait until the switch has done all that the database asks for up to now: 1 if it has not. */
int ovs_switch_sync(struct ovsdb *db, uint32_t timeout_ms) NODISCARD;
