/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - a connection to an OVSDB server and the JSON texts that come over it, back to back
 * with nothing between them (RFC 7047, section 4). Never blocks beyond its deadline; what the
 * server may send is bounded. Knows nothing of what the texts mean.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define OVSDB_MAX_BYTES  ((size_t)16 << 20) /* of all that a server sends on one connection */
#define OVSDB_MAX_VALUES 1000000            /* in it: values cost more memory than their text */
#define OVSDB_PORT       6640               /* IANA's, where "tcp:" names none */

/* Where the search for the end of a text has got to. */
struct ovsdb_frame {
	size_t at, values;
	unsigned int depth;
	bool in_string, escaped;
};

/*
 * Go on looking at buf[0..used): the length of the JSON object that it begins with, 0 if there is
 * more of it to come, -1 if it cannot be one. White space in front counts as part of it. Says
 * nothing about whether it is well-formed: json_parse() does.
 */
long ovsdb_frame_next(struct ovsdb_frame *f, const char *buf, size_t used);

struct ovsdb_stream {
	int fd;
	const char *where; /* as configured, for error texts */
	int64_t deadline;  /* clock_ms(); renewed by ovsdb_allow() */
	bool broken;       /* nothing sensible can come over it any more */
	char *in;
	size_t used, size, total;
	struct ovsdb_frame frame;
	struct arena *arena;
	struct err *err;
};

/*
 * unix:PATH, a bare absolute path, tcp:IP[:PORT] (an IPv6 address in brackets). Code 7 for what is
 * none of these, 2 for ssl:, 11 if no server answers there.
 */
int ovsdb_stream_open(struct ovsdb_stream *s, const char *endpoint, int timeout_ms,
		      struct arena *arena, struct err *err) NODISCARD;

/* Send all of it; reads meanwhile, lest two peers wait for each other. */
int ovsdb_stream_put(struct ovsdb_stream *s, const char *text, size_t len) NODISCARD;

/* The next text, in the arena. */
int ovsdb_stream_get(struct ovsdb_stream *s, const char **text, size_t *len) NODISCARD;
