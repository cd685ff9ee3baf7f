// SPDX-License-Identifier: Apache-2.0
/* A flow of UDP datagrams: one side sends at a rate, the other tells what comes through. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

enum {
	PAYLOAD = 1400,
	FRAME = PAYLOAD + 8 + 20 + 14, /* as qdiscs count it: UDP, IPv4, Ethernet */
	BURST_MS = 200,                /* the burst is what comes at first */
	SETTLE_MS = 1000,              /* from here on it is the rate alone */
	QUIET_MS = 3000,
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 8 << 20;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* What is due by now, then a millisecond's pause. What finds a full queue is lost. */
void flow_send(const char *target, unsigned port, double rate, double seconds)
{
	static const char payload[PAYLOAD];
	const struct timespec pause = { .tv_nsec = 1000000 };
	int64_t begun = now_us(), sent = 0;
	union address to;
	int fd = udp_socket();

	if (!address_parse(&to, target))
		die("no address '%s'", target);
	address_set_port(&to, port);
	for (int64_t us = 0; (double)us < seconds * 1e6; us = now_us() - begun) {
		for (; (double)sent * FRAME * 8 < rate * (double)us / 1e6; sent++)
			(void)sendto(fd, payload, sizeof(payload), MSG_DONTWAIT, &to.any,
				     SIZE_OF_ADDRESS(&to));
		nanosleep(&pause, NULL);
	}
}

static int64_t receive(int fd, int timeout_ms)
{
	char payload[PAYLOAD];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, timeout_ms) != 1 || recv(fd, payload, sizeof(payload), 0) < 0)
		return -1;
	return now_us();
}

/* One line: bytes of the first 200 ms, and bits a second of the `seconds` that begin after 1 s. */
static void measure(int fd, double seconds)
{
	int64_t first = receive(fd, 10000), burst = 1, steady = 0, at = first;

	if (first < 0)
		die("nothing has come");
	while (at >= 0 && (double)(at - first) < (SETTLE_MS / 1e3 + seconds) * 1e6) {
		at = receive(fd, QUIET_MS);
		burst += at >= 0 && at - first < BURST_MS * 1000;
		steady += at - first >= SETTLE_MS * 1000;
	}
	if (at < 0)
		die("the flow has ended");
	printf("%lld %.0f\n", (long long)burst * FRAME, (double)steady * FRAME * 8 / seconds);
}

/* Says "ready" first: a flow may begin. */
void flow_receive(unsigned port, double seconds)
{
	union address any = { .v4 = { .sin_family = AF_INET } };
	int fd = udp_socket();

	address_set_port(&any, port);
	if (bind(fd, &any.any, SIZE_OF_ADDRESS(&any)) < 0)
		die("bind");
	puts("ready");
	fflush(stdout);
	measure(fd, seconds);
}
