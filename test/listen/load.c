/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who talks through a forwarder, as fast as it goes (hack/bench --listen).
 *
 *	load sink|echo PORT                 a server at 127.0.0.1: reads all, gives a byte back
 *	load stream PORT N SECONDS          N connections to the sink, written to: MB/s
 *	load connect PORT N SECONDS         N at a time: connect, a byte, its echo, close:
 *	                                    connections a second, and how long one has taken
 *	load idle PORT N                    N connections, a byte through each; "held", and waits for
 *	                                    the end of stdin
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

enum {
	EVENTS = 64,
	CHUNK = 256 * 1024,
	MAX_FILES = 20000,
	MAX_TIMES = 1 << 20,
	BACKLOG = 4096,
};

static char buffer[CHUNK];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)atoi(port)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll: %s", strerror(errno));
}

/* ---- servers --------------------------------------------------------------------------------- */

static int listener(const char *port)
{
	struct sockaddr_in at = address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		die("listen at %s: %s", port, strerror(errno));
	return fd;
}

/* MSG_TRUNC: what has come is thrown away in the kernel. */
static void serve_one(int fd, bool echo)
{
	ssize_t n = recv(fd, buffer, sizeof(buffer), echo ? 0 : MSG_TRUNC);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		close(fd);
	else if (n > 0 && echo && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

static void serve(const char *port, bool echo)
{
	int gate = listener(port), epoll = epoll_create1(0);
	struct epoll_event ev[EVENTS];

	watch(epoll, gate, EPOLLIN);
	for (;;) {
		int n = epoll_wait(epoll, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;

			if (fd != gate) {
				serve_one(fd, echo);
				continue;
			}
			while ((fd = accept4(gate, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				watch(epoll, fd, EPOLLIN);
		}
	}
}

/* ---- clients --------------------------------------------------------------------------------- */

static int connected(const char *port)
{
	struct sockaddr_in to = address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect to %s: %s", port, strerror(errno));
	return fd;
}

static size_t write_some(int epoll, struct epoll_event *ev)
{
	int n = epoll_wait(epoll, ev, EVENTS, 1000);
	size_t sent = 0;

	for (int i = 0; i < n; i++) {
		ssize_t k =
			send(ev[i].data.fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN)
			die("send: %s", strerror(errno));
		sent += k > 0 ? (size_t)k : 0;
	}
	return sent;
}

/* The first tenth of the time fills buffers and is not counted. */
static void stream(const char *port, int n, double seconds)
{
	int epoll = epoll_create1(0);
	struct epoll_event ev[EVENTS];
	double begin = now(), from = begin + seconds / 10, end = from + seconds;
	size_t sent = 0;

	for (int i = 0; i < n; i++)
		watch(epoll, connected(port), EPOLLOUT);
	while (now() < from)
		write_some(epoll, ev);
	from = now();
	while (now() < end)
		sent += write_some(epoll, ev);
	printf("MBps=%.0f\n", (double)sent / (now() - from) / 1e6);
}

struct client {
	double since;
};

static void begin_one(struct client *clients, int epoll, const struct sockaddr_in *to)
{
	static const struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || fd >= MAX_FILES)
		die("socket: %s", strerror(errno));
	clients[fd].since = now();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* no TIME-WAIT */
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	watch(epoll, fd, EPOLLOUT);
}

/* Connected: a byte, and its echo is waited for. True when that has come. */
static bool go_on(int epoll, const struct epoll_event *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = e->data.fd };
	char byte = 'x';

	if (e->events & EPOLLOUT) {
		if (send(e->data.fd, &byte, 1, MSG_NOSIGNAL) != 1)
			die("send: %s", strerror(errno));
		epoll_ctl(epoll, EPOLL_CTL_MOD, e->data.fd, &ev);
		return false;
	}
	if (recv(e->data.fd, &byte, 1, 0) != 1)
		die("no echo: %s", strerror(errno));
	return true;
}

static int by_time(const void *x, const void *y)
{
	float a = *(const float *)x, b = *(const float *)y;

	return (a > b) - (a < b);
}

static void connect_all(const char *port, int n, double seconds)
{
	static struct client clients[MAX_FILES];
	static float times[MAX_TIMES];
	struct sockaddr_in to = address(port);
	int epoll = epoll_create1(0), done = 0;
	struct epoll_event ev[EVENTS];
	double begin = now(), end = begin + seconds;

	for (int i = 0; i < n; i++)
		begin_one(clients, epoll, &to);
	while (now() < end && done < MAX_TIMES) {
		int k = epoll_wait(epoll, ev, EVENTS, 1000);

		for (int i = 0; i < k && done < MAX_TIMES; i++) {
			if (!go_on(epoll, &ev[i]))
				continue;
			times[done++] = (float)((now() - clients[ev[i].data.fd].since) * 1e3);
			close(ev[i].data.fd);
			begin_one(clients, epoll, &to);
		}
	}
	end = now();
	qsort(times, (size_t)done, sizeof(*times), by_time);
	printf("cps=%.0f median_ms=%.3f p99_ms=%.3f\n", done / (end - begin),
	       done ? times[done / 2] : 0, done ? times[done - 1 - done / 100] : 0);
}

static void idle(const char *port, int n)
{
	for (int i = 0; i < n; i++) {
		int fd = connected(port);

		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || recv(fd, buffer, 1, 0) != 1)
			die("no echo: %s", strerror(errno));
	}
	puts("held");
	fflush(stdout);
	(void)!read(STDIN_FILENO, buffer, 1);
}

int main(int argc, char **argv)
{
	struct rlimit files = { MAX_FILES, MAX_FILES };

	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 3 && (!strcmp(argv[1], "sink") || !strcmp(argv[1], "echo")))
		serve(argv[2], !strcmp(argv[1], "echo"));
	else if (argc == 5 && !strcmp(argv[1], "stream"))
		stream(argv[2], atoi(argv[3]), atof(argv[4]));
	else if (argc == 5 && !strcmp(argv[1], "connect"))
		connect_all(argv[2], atoi(argv[3]), atof(argv[4]));
	else if (argc == 4 && !strcmp(argv[1], "idle"))
		idle(argv[2], atoi(argv[3]));
	else
		die("load sink|echo|stream|connect|idle PORT ...");
	return 0;
}
