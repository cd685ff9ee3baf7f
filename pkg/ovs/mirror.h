/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror.h - mirrors of Open vSwitch bridges as rows of its database: copies of what some ports
 * receive and send go to another port. A mirror is one of a bridge by a name; on two bridges the
 * same name is two mirrors. Neither they nor ports are roots: a mirror is removed by taking it out
 * of Bridge.mirrors, and a port that is removed leaves its mirrors by itself.
 */
#pragma once

#include "ovsdb/ovsdb.h"
#include "ovsdb/value.h"

#define OVS_MAX_MIRRORS 30 /* in one call: each takes two operations of a transaction */

/* What a port is to a mirror: packets that come from it, that go to it, the copies go to it. */
enum { OVS_MIRROR_SRC = 1, OVS_MIRROR_DST = 2, OVS_MIRROR_OUT = 4 };

struct ovs_mirror {
	const char *name;
	unsigned int want; /* roles asked for */
	/* filled in: what is in the database */
	unsigned int has;
	bool exists;
	bool has_output; /* the copies go to a port or a VLAN */
	char uuid[OVSDB_UUID_LEN + 1];
};

/* A port of a bridge, and mirrors there. */
struct ovs_mirrors {
	const char *bridge, *port, *port_uuid;
	const char *owner; /* of the mirrors that are made */
	struct ovs_mirror *mirror;
	size_t n;
	/* filled in: what is in the database */
	const struct json *on_bridge; /* the bridge's mirrors */
	const struct json *unused;    /* rows: the owner's without ports, on whichever bridge */
};

/*
 * Which of the mirrors are there, and the port's roles in them; code 7 if it is not on the bridge.
 */
int ovs_mirrors_get(struct ovsdb *db, struct ovs_mirrors *ms) NODISCARD;

/*
 * Give the port the roles asked for, all of them or none, in one transaction; a mirror that is not
 * there is made and becomes this owner's, and the bridge's others of this owner that have no port
 * are removed. Looks first, and again when another client has been quicker. Code 101 if the copies
 * of one go elsewhere already.
 */
int ovs_mirrors_join(struct ovsdb *db, struct ovs_mirrors *ms) NODISCARD;

/*
 * The undo of it, for ovs_undo(): takes away what was wanted and not had, and the mirrors that have
 * been made.
 */
int ovs_mirrors_undo_join(struct ovsdb *db, const void *mirrors) NODISCARD;

/* Take these roles from the port, in whatever mirrors. */
int ovs_mirrors_leave(struct ovsdb *db, const char *port_uuid, unsigned int roles) NODISCARD;

/* Remove the mirrors of this owner that have no port any more, on whichever bridge. */
int ovs_mirrors_gc(struct ovsdb *db, const char *owner) NODISCARD;
