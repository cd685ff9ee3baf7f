/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - what is listened at and what is connected to, as words of a command line and as
 * socket addresses. Opens nothing.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	};
	socklen_t len;
	int type;         /* SOCK_STREAM, SOCK_DGRAM */
	bool is_dual;     /* of IPv6, and takes IPv4, too */
	const char *text; /* the word */
};

/*
 * "127.0.0.1:80", "[::1]:80", "*:80" (dual), each perhaps with "/tcp" or "/udp". The error says
 * what is wrong with which word. Ports are 1 to 65535.
 */
int listen_address_parse(struct listen_address *a, const char *s, struct err *err) NODISCARD;

/* The same without "*" and protocol, or "unix:PATH", "unix:@NAME" (abstract, unix(7)). */
int listen_address_parse_peer(struct listen_address *a, const char *s, struct err *err) NODISCARD;
