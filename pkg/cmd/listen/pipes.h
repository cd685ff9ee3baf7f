/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipes.h - pipes for splice(2), which are held only while bytes are in them. A few that are empty
 * are kept; at most so many are open at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_PIPE_SIZE  ((size_t)256 * 1024) /* bytes, where the kernel grants it */
#define LISTEN_PIPE_LEAST 8192                 /* bytes that each has room for */
#define LISTEN_PIPES_KEPT 32

struct listen_pipes {
	int kept[LISTEN_PIPES_KEPT][2];
	size_t n_kept, n_open, n_max;
};

/* False: there is none to be had. */
bool listen_pipes_take(struct listen_pipes *p, int ends[2]);
/* is_empty: another may have it. */
void listen_pipes_give(struct listen_pipes *p, int ends[2], bool is_empty);
void listen_pipes_close(struct listen_pipes *p);
