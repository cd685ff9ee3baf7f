/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager.h - the service manager's side (systemd): descriptors that it passes at the start and
 * keeps over a restart, and being told that we are ready. sd_listen_fds(3), sd_notify(3), spoken by
 * hand: these are two variables and a datagram. Without a manager nothing happens.
 */
#pragma once

#include <stddef.h>

#define MANAGER_SOURCE 6 /* other objects of epoll begin with another number */

struct manager_message;

struct manager {
	int source; /* MANAGER_SOURCE: what an event of epoll is of */
	int epoll;
	int fd;                               /* to it, while there is something to tell; else -1 */
	struct manager_message *first, **end; /* not told yet, in order */
	/* Descriptors passed to this process, by their names. */
	struct {
		const char *name; /* "" where it has none */
		int fd;           /* -1: taken */
	} * passed;
	size_t n;
};

/* What is passed is in json's arena, as the names. */
void manager_open(struct manager *m, int epoll);
/* What it was not told is lost. */
void manager_end(struct manager *m);

/* The one that listens, -1: none. */
int manager_take_listener(struct manager *m);
/* The one of this name, -1: none. */
int manager_take(struct manager *m, const char *name);
/* It is to be taken later, under the same name. */
void manager_give_back(struct manager *m, const char *name, int fd);
/* What nobody has taken is closed, and kept no more. */
void manager_close(struct manager *m);

void manager_ready(struct manager *m);
/* Keep a descriptor under a name that is a file's, over a restart; no more. */
void manager_store(struct manager *m, const char *name, int fd);
void manager_remove(struct manager *m, const char *name);

/*
 * Nobody waits for a manager that is busy: what it takes later is told by an event of epoll, or at
 * some other time.
 */
void manager_event(struct manager *m);
