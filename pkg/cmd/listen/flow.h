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
	LISTEN_FLOW_WAITS,  /* for events */
	LISTEN_FLOW_MORE,   /* there may be more, and others have waited long enough */
	LISTEN_FLOW_DONE,   /* both ways have ended well */
	LISTEN_FLOW_BROKEN, /* reset */
};

/* moved: have bytes been? */
enum listen_flow listen_flow_run(struct listen_conn *c, struct listen_pipes *pipes, bool *moved);

/* What lies between the two goes. */
void listen_flow_drop(struct listen_conn *c, struct listen_pipes *pipes);
