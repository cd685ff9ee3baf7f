// SPDX-License-Identifier: Apache-2.0
/*
 * What setting up a TCP connection to a published port costs.
 *
 *	bench connect COUNT NAME=PORTS...    COUNT connections through each host, in turns
 *
 * The namespaces NAME-remote and NAME-container are there (test/bench/connect-host), and PORTS
 * ports of the host between them, from FIRST_PORT on, lead to SERVER_PORT of the container. Each
 * connection is to a port drawn at random. Both ends are ours: all that connect(2) waits for
 * happens in the kernel. Both ends are reset, so that none is left in TIME-WAIT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum {
	WARM_UP = 20,
	TURN = 20, /* connections */
	BACKLOG = 16,
	FIRST_PORT = 10001,
	SERVER_PORT = 80,
	TIMEOUT_S = 5,
};

#define HOST_ADDRESS 0x0ac80001u /* 10.200.0.1, the remote's neighbour */

struct path {
	const char *name;
	unsigned ports, n, failed;
	int remote, server; /* a namespace, a listening socket */
	double *ms;
};

static int open_ns(const char *name, const char *part)
{
	char path[256];

	text(path, sizeof(path), NS_DIR "/%s-%s", name, part);
	return netns_open(path);
}

static int serve(int ns)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(SERVER_PORT) };
	int fd;

	netns_enter(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, BACKLOG) < 0)
		die("server: %s", strerror(errno));
	return fd;
}

static void parse(struct path *p, char *arg, unsigned count)
{
	char *ports = strchr(arg, '=');
	int container;

	if (!ports)
		die("not NAME=PORTS: %s", arg);
	*ports++ = '\0';
	p->name = arg;
	p->ports = (unsigned)strtoul(ports, NULL, 10);
	if (!p->ports)
		die("%s has no ports", arg);
	p->ms = allocate(count, sizeof(*p->ms));
	container = open_ns(p->name, "container");
	p->server = serve(container);
	close(container);
	p->remote = open_ns(p->name, "remote");
}

static void reset(int fd)
{
	struct linger none = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

/* A limit: a port may lead nowhere. */
static int client(void)
{
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		die("client: %s", strerror(errno));
	return fd;
}

/* In the remote's namespace. False if there is no connection. */
static bool connect_once(const struct path *p, double *ms)
{
	unsigned port = FIRST_PORT + (unsigned)rand() % p->ports;
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(HOST_ADDRESS),
	};
	int fd = client(), peer;
	double from = now_ms();

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "%s, port %u: %s\n", p->name, port, strerror(errno));
		close(fd);
		return false;
	}
	*ms = now_ms() - from;
	peer = accept4(p->server, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		die("accept: %s", strerror(errno));
	reset(fd);
	reset(peer);
	return true;
}

static void turn(struct path *p, unsigned count, bool counts)
{
	double ms;

	netns_enter(p->remote);
	for (unsigned i = 0; i < count; i++) {
		bool ok = connect_once(p, &ms);

		if (!ok && !counts)
			die("%s: no port answers", p->name);
		p->failed += !ok;
		if (ok && counts)
			p->ms[p->n++] = ms;
	}
}

static void report_path(const struct path *p)
{
	printf("connect SYN %s n=%u failed=%u median=%.4f p99=%.4f ports=%u\n", p->name, p->n,
	       p->failed, quantile(p->ms, p->n, 50), quantile(p->ms, p->n, 99), p->ports);
}

void measure_connect(int argc, char **argv)
{
	struct path paths[MAX_SIDES] = { 0 };
	unsigned n = (unsigned)argc - 1, turns;

	if (argc < 2 || n > MAX_SIDES)
		die("connect COUNT NAME=PORTS..., at most %d", MAX_SIDES);
	turns = (unsigned)strtoul(argv[0], NULL, 10) / TURN;
	for (unsigned i = 0; i < n; i++) {
		parse(&paths[i], argv[1 + i], turns * TURN);
		turn(&paths[i], WARM_UP, false);
	}
	for (unsigned t = 0; t < turns; t++)
		for (unsigned i = 0; i < n; i++)
			turn(&paths[(i + t) % n], TURN, true);
	for (unsigned i = 0; i < n; i++)
		report_path(&paths[i]);
}
