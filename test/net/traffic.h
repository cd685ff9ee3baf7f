// SPDX-License-Identifier: Apache-2.0
/*
 * The traffic tool of the end-to-end tests: who answers under an address, and whom does it see?
 * One program, its commands in a file each. It must not change anything but its own sockets.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

#define SIZE_OF_ADDRESS(a) \
	((socklen_t)((a)->any.sa_family == AF_INET ? sizeof((a)->v4) : sizeof((a)->v6)))

enum { TEXT_SIZE = 128 };

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Numbers only: 192.0.2.1, fd00::1, with %interface after it where one is needed. */
bool address_parse(union address *address, const char *text);
void address_print(char text[TEXT_SIZE], const union address *address);
uint16_t address_port(const union address *address);
void address_set_port(union address *address, unsigned port);
bool address_is_multicast(const union address *address);

/* tcp, udp or sctp to its protocol number. */
int protocol_of(const char *name);

/* Goes on in the background without any descriptor of the caller's; prints the pid. Called when
 * all is ready, so that nobody has to wait for it. */
void into_background(void);

void serve(const char *name, char **specs);
void ask(void);
void flow_send(const char *target, unsigned port, double rate, double seconds);
void flow_receive(unsigned port, double seconds);
void mroute(const char *group, const char *source, const char *from, const char *to);
