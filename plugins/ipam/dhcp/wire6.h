/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire6.h - packet sockets: DHCPv6 messages on an interface of a container's namespace. As those of
 * wire.h they take no port from the container, and hear what its firewall would drop.
 */
#pragma once

#include "base/err.h"
#include "packet6.h"
#include "wire.h"

struct wire6 {
	int fd; /* -1: none. Not blocking */
	struct wire_link link;
};

/* On an interface of the namespace, which must be up: see wire_open(). */
int wire6_open(struct wire6 *w, int netns_fd, const char *ifname, struct err *err) NODISCARD;

/* One that was opened so by a process before this. It is w's, also if it is none, or not there. */
int wire6_adopt(struct wire6 *w, int fd, const char *ifname, struct err *err) NODISCARD;

/*
 * To all servers, from the interface's link-local address. A message that cannot be sent, as there
 * is no such address yet, is one that got lost.
 */
void wire6_send(const struct wire6 *w, const struct dhcp6_request *r);

/*
 * The next message; it points into buf[WIRE6_MTU]. 0 and -1 as wire_receive().
 */
#define WIRE6_MTU 1500
int wire6_receive(const struct wire6 *w, uint8_t buf[WIRE6_MTU], struct dhcp6_message *m);

/* See wire_close(). */
void wire6_close(struct wire6 *w, int closer);
