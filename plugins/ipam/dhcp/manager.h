/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager.h - the service manager's side (systemd): descriptors that it passes at the start and
 * keeps over a restart, and being told that we are ready. sd_listen_fds(3), sd_notify(3), spoken by
 * hand: these are two variables and a datagram. Without a manager nothing happens.
 */
#pragma once

#include <stddef.h>

/* Descriptors passed to this process, by their names. */
struct manager {
	struct {
		const char *name; /* "" where it has none */
		int fd;           /* -1: taken */
	} * passed;
	size_t n;
};

/* In json's arena, as the names. */
void manager_open(struct manager *m);

/* The one that listens, -1: none. */
int manager_take_listener(struct manager *m);
/* The one of this name, -1: none. */
int manager_take(struct manager *m, const char *name);
/* What nobody has taken is closed, and kept no more. */
void manager_close(struct manager *m);

void manager_ready(void);
/* Keep a descriptor under a name that is a file's, over a restart; no more. */
void manager_store(const char *name, int fd);
void manager_remove(const char *name);
