// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sctp.h"
#include "traffic.h"

enum { MOST = 1024 };

/* A raw SCTP socket hears all ports; which ones are served is in the table. */
struct listener {
	int protocol;
	union address address;
	bool is_shared; /* uses another one's socket */
};

static struct listener listeners[MOST];
static struct pollfd polled[MOST];
static unsigned count;
static const char *server_name;

/* ---- listening ----------------------------------------------------------------------------- */

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		die("setsockopt");
}

static void join(int fd, const union address *address, const char *spec)
{
	const char *ifname = strchr(spec, '%');
	struct group_req request = { .gr_interface = ifname ? if_nametoindex(ifname + 1) : 0 };
	int level = address->any.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	memcpy(&request.gr_group, address, sizeof(*address));
	if (setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof(request)) < 0)
		die("join %s", spec);
}

static int raw_socket_of(int family)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (listeners[i].protocol == IPPROTO_SCTP &&
		    listeners[i].address.any.sa_family == family)
			return polled[i].fd;
	return -1;
}

static int new_socket(int protocol, const union address *address)
{
	static const int types[] = {
		[IPPROTO_TCP] = SOCK_STREAM, [IPPROTO_UDP] = SOCK_DGRAM, [IPPROTO_SCTP] = SOCK_RAW
	};
	int family = address->any.sa_family;
	int fd = socket(family, types[protocol], protocol);

	if (fd < 0)
		die("socket");
	if (family == AF_INET6 && protocol != IPPROTO_SCTP)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (protocol == IPPROTO_SCTP)
		return fd;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &address->any, SIZE_OF_ADDRESS(address)) < 0)
		die("bind port %u", address_port(address));
	if (protocol == IPPROTO_TCP && listen(fd, 128) < 0)
		die("listen");
	return fd;
}

static void listen_on(int protocol, const union address *address, const char *spec)
{
	struct listener *new = &listeners[count];
	int fd = protocol == IPPROTO_SCTP ? raw_socket_of(address->any.sa_family) : -1;

	if (count == MOST)
		die("too many ports");
	new->is_shared = fd >= 0;
	if (fd < 0)
		fd = new_socket(protocol, address);
	if (address_is_multicast(address))
		join(fd, address, spec);
	new->protocol = protocol;
	new->address = *address;
	/* poll() skips a negative descriptor. */
	polled[count].fd = new->is_shared ? -1 : fd;
	polled[count].events = POLLIN;
	count++;
}

static void listen_on_port(int protocol, unsigned port, const char *spec)
{
	static const char *const wildcards[] = { "0.0.0.0", "::" };
	const char *at = strchr(spec, '@');
	union address address;
	unsigned i;

	for (i = 0; i < (at ? 1 : 2); i++) {
		if (!address_parse(&address, at ? at + 1 : wildcards[i]))
			die("no address in '%s'", spec);
		address_set_port(&address, port);
		listen_on(protocol, &address, spec);
	}
}

static void listen_as(const char *spec)
{
	unsigned first, last, port;
	char name[8];
	int n = sscanf(spec, "%7[a-z]/%u-%u", name, &first, &last);

	if (n < 2)
		die("'%s' is not PROTO/PORT", spec);
	for (port = first; port <= (n == 3 ? last : first); port++)
		listen_on_port(protocol_of(name), port, spec);
}

/* ---- answering ----------------------------------------------------------------------------- */

static void answer_for(char answer[TEXT_SIZE], unsigned port, const union address *peer)
{
	char text[TEXT_SIZE];

	address_print(text, peer);
	snprintf(answer, TEXT_SIZE, "%s:%u %.64s", server_name, port, text);
}

static void answer_tcp(int fd)
{
	char answer[TEXT_SIZE];
	union address peer, own;
	socklen_t peer_size = sizeof(peer), own_size = sizeof(own);
	int connection = accept(fd, &peer.any, &peer_size);

	if (connection < 0)
		return;
	if (getsockname(connection, &own.any, &own_size) == 0) {
		answer_for(answer, address_port(&own), &peer);
		(void)!write(connection, answer, strlen(answer));
	}
	close(connection);
}

static void answer_udp(int fd, unsigned port)
{
	char answer[TEXT_SIZE];
	union address peer;
	socklen_t size = sizeof(peer);

	if (recvfrom(fd, answer, sizeof(answer), MSG_DONTWAIT, &peer.any, &size) < 0)
		return;
	answer_for(answer, port, &peer);
	sendto(fd, answer, strlen(answer), 0, &peer.any, size);
}

static bool is_served(int family, unsigned port)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (listeners[i].protocol == IPPROTO_SCTP &&
		    listeners[i].address.any.sa_family == family &&
		    address_port(&listeners[i].address) == port)
			return true;
	return false;
}

static void answer_sctp(int fd)
{
	const uint32_t mask = 0x5a5a5a5a;
	struct sctp_packet in, out = { 0 };
	union address peer;

	if (!sctp_receive(fd, &in, &peer) || !is_served(peer.any.sa_family, in.target))
		return;
	out.source = in.target;
	out.target = in.source;
	out.tag = in.own_tag;
	out.own_tag = in.own_tag ^ mask;
	if (in.type == SCTP_INIT && in.tag == 0) {
		out.type = SCTP_INIT_ACK;
	} else if (in.type == SCTP_COOKIE_ECHO && in.tag == out.own_tag) {
		out.type = SCTP_COOKIE_ACK;
		answer_for(out.text, in.target, &peer);
	} else {
		return;
	}
	sctp_send(fd, &out, &peer);
}

static void answer(unsigned i)
{
	switch (listeners[i].protocol) {
	case IPPROTO_TCP:
		answer_tcp(polled[i].fd);
		break;
	case IPPROTO_UDP:
		answer_udp(polled[i].fd, address_port(&listeners[i].address));
		break;
	default:
		answer_sctp(polled[i].fd);
	}
}

void serve(const char *name, char **specs)
{
	unsigned i;

	server_name = name;
	for (; *specs; specs++)
		listen_as(*specs);
	into_background();
	while (poll(polled, count, -1) >= 0 || errno == EINTR)
		for (i = 0; i < count; i++)
			if (polled[i].revents)
				answer(i);
}
