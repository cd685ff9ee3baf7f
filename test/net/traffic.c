// SPDX-License-Identifier: Apache-2.0
/*
 *	traffic serve NAME PROTO/PORT[-PORT][@ADDRESS[%IFNAME]]...
 *		Listens, prints the pid of the server and leaves it in the background. It answers with
 *		"NAME:PORT PEER", its own port and the address it sees. Without an address: both
 *		families. A multicast address is joined on the interface.
 *	traffic ask <<< "LABEL PROTO SOURCE[#PORT]|- ADDRESS PORT EXPECTED..."
 *		Asks for all lines at the same time and prints them with what was got in place of what
 *		was expected: an answer, or "none". Lines that expect none are waited for 0.4 s, others
 *		3 s.
 *	traffic mroute GROUP SOURCE IFNAME IFNAME
 *		Has the kernel forward what the source sends to a multicast group, until killed.
 *	traffic flow-receive PORT SECONDS, traffic flow-send ADDRESS PORT RATE SECONDS
 *		UDP at RATE bits a second, and what comes through: "ready"; then the bytes of the first
 *		0.2 s, and the bits a second of SECONDS from 1 s on, with headers.
 *
 * PROTO is tcp, udp or sctp. SCTP is spoken over raw sockets: kernels without an SCTP of their own
 * translate its addresses all the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("traffic: ", stderr);
	vfprintf(stderr, format, list);
	if (errno)
		fprintf(stderr, ": %s", strerror(errno));
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

bool address_parse(union address *address, const char *text)
{
	char copy[TEXT_SIZE], *ifname;

	snprintf(copy, sizeof(copy), "%s", text);
	ifname = strchr(copy, '%');
	if (ifname)
		*ifname++ = '\0';
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, copy, &address->v4.sin_addr) == 1) {
		address->any.sa_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, copy, &address->v6.sin6_addr) != 1)
		return false;
	address->any.sa_family = AF_INET6;
	if (ifname)
		address->v6.sin6_scope_id = if_nametoindex(ifname);
	return true;
}

void address_print(char text[TEXT_SIZE], const union address *address)
{
	const void *bytes = &address->v6.sin6_addr;

	if (address->any.sa_family == AF_INET)
		bytes = &address->v4.sin_addr;
	inet_ntop(address->any.sa_family, bytes, text, TEXT_SIZE);
}

uint16_t address_port(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

void address_set_port(union address *address, unsigned port)
{
	if (address->any.sa_family == AF_INET)
		address->v4.sin_port = htons((uint16_t)port);
	else
		address->v6.sin6_port = htons((uint16_t)port);
}

bool address_is_multicast(const union address *address)
{
	if (address->any.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(address->v4.sin_addr.s_addr));
	return IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr);
}

int protocol_of(const char *name)
{
	if (strcmp(name, "tcp") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "sctp") == 0)
		return IPPROTO_SCTP;
	errno = 0;
	die("no protocol '%s'", name);
}

void into_background(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		printf("%d\n", pid);
		exit(0);
	}
	setsid();
	if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
	    !freopen("/dev/null", "w", stderr))
		_exit(1);
}

int main(int argc, char **argv)
{
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	if (argc > 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv + 3);
	else if (argc == 2 && strcmp(argv[1], "ask") == 0)
		ask();
	else if (argc == 6 && strcmp(argv[1], "mroute") == 0)
		mroute(argv[2], argv[3], argv[4], argv[5]);
	else if (argc == 6 && strcmp(argv[1], "flow-send") == 0)
		flow_send(argv[2], (unsigned)atoi(argv[3]), atof(argv[4]), atof(argv[5]));
	else if (argc == 4 && strcmp(argv[1], "flow-receive") == 0)
		flow_receive((unsigned)atoi(argv[2]), atof(argv[3]));
	else
		die("serve NAME PROTO/PORT..., ask, flow-send, flow-receive, or mroute GROUP SOURCE IFNAME IFNAME");
	return 0;
}
