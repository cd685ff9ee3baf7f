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
struct ovs_mirror_roles {
	bool src, dst, out;
};

struct ovs_mirror {
	const char *name;
	struct ovs_mirror_roles want; /* asked for */
	struct ovs_mirror_roles has;  /* filled in: found in the database */
	bool exists;                  /* the same */
	char uuid[OVSDB_UUID_LEN + 1];
};

/* A port of a bridge. */
struct ovs_mirror_port {
	const char *bridge, *name, *uuid;
};

/*
 * Which of the mirrors are there, and the port's roles in them; code 7 if it is not on the bridge.
 */
int ovs_mirrors_get(struct ovsdb *db, const struct ovs_mirror_port *p, struct ovs_mirror *m,
		    size_t n) NODISCARD;

/*
 * Give the port the roles asked for, all of them or none, in one transaction; a mirror that is not
 * there is made and becomes this owner's, and the bridge's others of this owner that have no port
 * are removed. Looks first, and again when another client has been quicker. Code 101 if the copies
 * of one go elsewhere already.
 */
int ovs_mirrors_join(struct ovsdb *db, const struct ovs_mirror_port *p, const char *owner,
		     struct ovs_mirror *m, size_t n) NODISCARD;
