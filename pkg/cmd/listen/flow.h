/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - the bytes of a connection, both ways, by splice(2): from a socket only what the other
 * one takes is read, so a slow reader slows its writer. What ends on one side ends on the other
 * when all of it has been passed on.
 */
#pragma once

#include "cmd/listen/conn.h"
#include "cmd/listen/pipes.h"

enum listen_flow {
	LISTEN_FLOW_WAITS,         /* for events */
	LISTEN_FLOW_MORE,          /* there may be more, and others have waited long enough */
	LISTEN_FLOW_DONE,          /* both ways have ended well */
	LISTEN_FLOW_CLIENT_BROKEN, /* reset; all that is for the server is in its socket */
	LISTEN_FLOW_SERVER_BROKEN, /* the other way round */
};

/* moved: have bytes been? */
enum listen_flow listen_flow_run(struct listen_conn *c, struct listen_pipes *pipes, bool *moved);

/*
 * Nothing can be written to `s` any more (write_error), but what it has sent before is on its way,
 * or still to be read: a server that answers and closes before it has read all, resets. That is for
 * the other yet. False: there is none.
 */
bool listen_flow_outlives(struct listen_conn *c, struct listen_side *s, struct listen_pipes *pipes);

/* What lies between the two goes. */
void listen_flow_drop(struct listen_conn *c, struct listen_pipes *pipes);
