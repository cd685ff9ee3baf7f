/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h - the daemon's side of its socket: questions are read, carried out, answered (ask.h). */
#pragma once

#include "attend.h"

#define SERVE_LISTEN     2 /* first members of what epoll tells of, beside LEASE_SOURCE */
#define SERVE_CONNECTION 3

struct serve {
	int source; /* SERVE_LISTEN */
	int fd;     /* listens */
	int spare;  /* given up for who comes when there is no other descriptor */
	struct attend *attend;
	struct connection *connections;
	size_t n;
};

/* Whoever connects; whatever has come from one. */
void serve_accept(struct serve *s);
void serve_event(struct connection *c);

/* Who has not asked anything for long is not waited for. */
void serve_end_idle(struct serve *s, int64_t now);

/* Who waits for an address is told that it is worth while. */
void serve_give_signs(struct serve *s);

/* The end: all are hung up on, and no lease is the worse for it. */
void serve_end(struct serve *s);

/* attend's .answer */
void serve_answer(struct connection *to, const struct cni_result *r, const struct err *err);
