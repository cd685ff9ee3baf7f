/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - a connection's life in the forwarder: accepted, connected on the other side, its bytes
 * moved, closed. Knows no signal and no namespace that comes or goes (forward.h).
 */
#pragma once

#include "cmd/listen/conn.h"
#include "cmd/listen/gates.h"
#include "cmd/listen/pipes.h"

/* All that connections share. */
struct listen_hub {
	const struct listen_options *opt;
	int epoll; /* tells of sides of connections, and of what forward.c has added */
	struct listen_gates gates;
	struct listen_conns conns;
	struct listen_pipes pipes;
	struct listen_conn *busy, **busy_end;
	uint64_t serial;  /* of connections, for unique ids */
	int64_t now;      /* clock_ms() */
	int64_t retry_at; /* clock_ms(): when listen_link_retry() is due; 0: it is not */
	int64_t look_at;  /* the same of listen_link_look() */
	bool is_told;     /* why no server can be had, until one can */
};

/* One more connection through a gate. False: there is none, or none can be had (errno). */
bool listen_link_accept(struct listen_hub *h, const struct listen_gate *gate);
/* epoll(7) says so of one of its sides. */
void listen_link_event(struct listen_hub *h, struct listen_side *s, uint32_t events);
/* The turn of those that had more to do. */
void listen_link_run_busy(struct listen_hub *h);
/* A full UNIX socket is asked again, for those that it has refused. */
void listen_link_retry(struct listen_hub *h);
/* Those of which one side has reset: all that was before it has arrived, or never will? */
void listen_link_look(struct listen_hub *h);
/* Both sides are reset. */
void listen_link_abort(struct listen_hub *h, struct listen_conn *c);
/* A namespace's sockets are closed, its connections reset. */
void listen_link_close(struct listen_hub *h, struct listen_group *group);
