/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - a forwarded connection: its two sockets, what lies between them, and the lists that such
 * records are in. Moves no bytes (flow.h), decides nothing (forward.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen_group;

/* One socket, and the bytes that have come from it and are not yet with the other one. */
struct listen_side {
	int fd;      /* -1: there is none */
	int pipe[2]; /* -1 where nothing is held */
	uint32_t held;
	uint8_t which; /* its place in .side */
	/* As far as epoll has told, until EAGAIN or a read that is short. */
	bool is_readable, is_writable;
	bool is_ending;  /* only EAGAIN says that there is no more: the end may be behind it */
	bool is_bulk;    /* much at a time has come */
	bool is_eof;     /* nothing more comes from it */
	bool is_shut;    /* nothing more goes to it */
	bool is_failed;  /* epoll has told of an error */
	int write_error; /* errno: no more can be written to it, only what it has sent be read */
};

enum { LISTEN_CLIENT, LISTEN_SERVER };

enum listen_conn_state {
	LISTEN_CONN_CONNECTING, /* the server has not answered */
	LISTEN_CONN_REFUSED,    /* by a full UNIX socket; to be tried again */
	LISTEN_CONN_OPEN,
	LISTEN_CONN_LINGERING, /* one side has reset: what it had sent is on its way to the other */
	LISTEN_CONN_DEAD,      /* closed; an event of the same batch may still name it */
};

struct listen_conn {
	struct listen_side side[2];
	struct listen_conn *prev, *next; /* of its state's list */
	struct listen_conn *next_busy;   /* has more to do, and let others have their turn */
	struct listen_group *group;
	int64_t since; /* clock_ms(): in its state, or of its last bytes */
	uint8_t state; /* enum listen_conn_state */
	bool is_busy;
	uint32_t left; /* LINGERING: bytes that had not arrived when it was looked at */
};

struct listen_conn_list {
	struct listen_conn *first, *last;
};

/* Records are made 64 at a time and used again. */
struct listen_conns {
	struct listen_conn_list list[LISTEN_CONN_DEAD + 1]; /* by state, oldest first */
	struct listen_conn *unused, *blocks;
	size_t n; /* that are not dead */
};

/* NULL: no memory. Connecting, without sockets. */
struct listen_conn *listen_conn_new(struct listen_conns *all, struct listen_group *group,
				    int64_t now);
/* To the end of the list of that state. */
void listen_conn_move(struct listen_conns *all, struct listen_conn *c, enum listen_conn_state state,
		      int64_t now);
/* Those that are dead may be used again. */
void listen_conns_reuse(struct listen_conns *all);
void listen_conns_free(struct listen_conns *all);

/* Whose side it is. */
static inline struct listen_conn *listen_conn_of(struct listen_side *s)
{
	return (struct listen_conn *)(void *)(s - s->which);
}
