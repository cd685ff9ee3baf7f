/* SPDX-License-Identifier: Apache-2.0 */
/* mirror_leave.h - a port leaves its mirrors; mirrors that have no port are removed. */
#pragma once

#include "ovs/mirror.h"

/*
 * The undo of ovs_mirrors_join(): takes away what was wanted and not had, and the mirrors that have
 * been made.
 */
int ovs_mirrors_undo_join(struct ovsdb *db, const char *port_uuid, const struct ovs_mirror *m,
			  size_t n) NODISCARD;

/* Take these roles from the port, in whatever mirrors. */
int ovs_mirrors_leave(struct ovsdb *db, const char *port_uuid,
		      const struct ovs_mirror_roles *roles) NODISCARD;

/* Remove the mirrors of this owner that have no port any more, on whichever bridge. */
int ovs_mirrors_gc(struct ovsdb *db, const char *owner) NODISCARD;
