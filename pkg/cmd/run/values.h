/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.h - the values of options of `cnic run`: texts of a command line as data. Knows no option,
 * no kernel and no file; what is not understood is false, and the caller has the words for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/ip.h"

/* [IP:]HOST:CONTAINER[/tcp|udp|sctp], ports 1 to 65535; an IPv6 address stands in brackets. */
struct run_publish {
	struct ip ip; /* AF_UNSPEC: all of the host's */
	uint16_t host, container;
	const char *protocol; /* "tcp" where none is given */
};
bool run_value_publish(struct run_publish *p, const char *s, struct arena *arena);

/* INSIDE:OUTSIDE:COUNT, as a line of /proc/PID/uid_map (user_namespaces(7)). */
struct run_id_map {
	uint32_t inside, outside, count;
};
bool run_value_id_map(struct run_id_map *m, const char *s);

/* SRC:DST[:ro|:rw], both without a colon, DST from the root. */
struct run_mount {
	const char *source, *target; /* source NULL: a tmpfs */
	bool read_only;
};
bool run_value_bind(struct run_mount *m, const char *s, struct arena *arena);

/* An address or a prefix, with a port behind it: 10.1.0.0/16, 10.1.0.2:443, [fd00::2]:443. */
struct run_egress {
	struct ip to;  /* .plen: all bits of an address */
	uint16_t port; /* 0: all, of all protocols; else TCP's and UDP's */
};
bool run_value_egress(struct run_egress *e, const char *s, struct arena *arena);

/* A decimal number without sign or space, at most max. */
bool run_value_number(uint32_t *n, const char *s, uint32_t max);

/* What sethostname(2) and resolvers take: letters, digits, '-' and '.', at most 64 bytes. */
bool run_value_is_hostname(const char *s);

/* From the root, and not the root itself; a ':' would begin what is no part of it. */
bool run_value_is_target(const char *s);
