// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "sctp.h"
#include "traffic.h"

enum {
	MOST = 1024,
	QUIET_MS = 400,
	ANSWER_MS = 10000,
	AGAIN_MS =
		/*
		 * datagrams are sent again: the first may have met an address without its neighbour
		 */
	200,
	HOPS = 8,
};

struct question {
	char line[256];
	int protocol;
	union address source, target;
	bool has_source, is_done, wants_none;
	long long begun, ended, deadline;
	int error;
	struct sctp_packet sctp; /* the last one sent */
	char answer[TEXT_SIZE];
};

static struct question questions[MOST];
static struct pollfd polled[MOST];
static unsigned count;

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- reading the questions ----------------------------------------------------------------- */

static void source_parse(struct question *q, const char *text)
{
	char copy[TEXT_SIZE], *port;

	if (strcmp(text, "-") == 0)
		return;
	snprintf(copy, sizeof(copy), "%s", text);
	port = strchr(copy, '#');
	if (port)
		*port++ = '\0';
	if (!address_parse(&q->source, copy))
		die("no source address '%s'", text);
	if (port)
		address_set_port(&q->source, (unsigned)atoi(port));
	q->has_source = true;
}

static void question_parse(struct question *q, const char *line)
{
	char label[32], name[8], source[64], target[64], expected[16];
	unsigned port;

	errno = 0;
	if (sscanf(line, "%31s %7s %63s %63s %u %15s", label, name, source, target, &port,
		   expected) != 6)
		die("bad line: %s", line);
	q->protocol = protocol_of(name);
	source_parse(q, source);
	if (!address_parse(&q->target, target))
		die("no address '%s'", target);
	address_set_port(&q->target, port);
	snprintf(q->line, sizeof(q->line), "%s %s %s %s %u", label, name, source, target, port);
	q->wants_none = strcmp(expected, "none") == 0;
	q->begun = now_ms();
	q->deadline = q->begun + (q->wants_none ? QUIET_MS : ANSWER_MS);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void finish(struct question *q, struct pollfd *p)
{
	q->is_done = true;
	q->ended = now_ms();
	close(p->fd);
	p->fd = -1;
}

static int new_socket(struct question *q)
{
	static const int types[] = {
		[IPPROTO_TCP] = SOCK_STREAM, [IPPROTO_UDP] = SOCK_DGRAM, [IPPROTO_SCTP] = SOCK_RAW
	};
	int hops = HOPS, one = 1;
	int fd = socket(q->target.any.sa_family, types[q->protocol] | SOCK_NONBLOCK, q->protocol);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (q->has_source && bind(fd, &q->source.any, SIZE_OF_ADDRESS(&q->source)) < 0)
		die("bind for %s", q->line);
	return fd;
}

/* Only to a multicast group goes a socket that takes answers from anyone. */
static bool is_connected(const struct question *q)
{
	return !address_is_multicast(&q->target);
}

static void send_again(struct question *q, struct pollfd *p)
{
	if (q->protocol == IPPROTO_UDP)
		sendto(p->fd, "?", 1, 0, is_connected(q) ? NULL : &q->target.any,
		       is_connected(q) ? 0 : SIZE_OF_ADDRESS(&q->target));
	else if (q->protocol == IPPROTO_SCTP)
		sctp_send(p->fd, &q->sctp, &q->target);
}

static void sctp_begin(struct question *q)
{
	uint16_t port = q->has_source ? address_port(&q->source) : 0;
	uint32_t random[2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		die("getrandom");
	q->sctp.type = SCTP_INIT;
	q->sctp.source = port ? port : (uint16_t)(random[0] % 30000 + 30000);
	q->sctp.target = address_port(&q->target);
	q->sctp.own_tag = random[1] | 1;
}

static void begin(struct question *q, struct pollfd *p)
{
	union address target = q->target;
	bool is_refused;

	p->fd = new_socket(q);
	if (q->protocol == IPPROTO_SCTP) {
		sctp_begin(q);
		address_set_port(&target, 0);
	}
	is_refused = is_connected(q) && connect(p->fd, &target.any, SIZE_OF_ADDRESS(&target)) < 0 &&
		     errno != EINPROGRESS;
	if (is_refused) {
		q->error = errno;
		finish(q, p);
		return;
	}
	p->events = q->protocol == IPPROTO_TCP ? POLLOUT : POLLIN;
	send_again(q, p);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void read_answer(struct question *q, struct pollfd *p)
{
	ssize_t size = recv(p->fd, q->answer, sizeof(q->answer) - 1, MSG_DONTWAIT);

	if (size < 0 && errno == EAGAIN)
		return;
	q->error = size < 0 ? errno : 0;
	q->answer[size > 0 ? size : 0] = '\0';
	finish(q, p);
}

static void go_on_tcp(struct question *q, struct pollfd *p)
{
	socklen_t size = sizeof(q->error);

	if (p->events == POLLIN) {
		read_answer(q, p);
		return;
	}
	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &q->error, &size);
	if (q->error)
		finish(q, p);
	p->events = POLLIN;
}

static void sctp_end(struct question *q, struct pollfd *p, const char *text)
{
	q->sctp.type = SCTP_ABORT;
	sctp_send(p->fd, &q->sctp, &q->target);
	snprintf(q->answer, sizeof(q->answer), "%s", text);
	finish(q, p);
}

/*
 * The socket hears what others on this host are sent as well; the tag tells what is for us. So it
 * is with ICMP errors, which tell nothing but the address: they are not listened to.
 */
static void go_on_sctp(struct question *q, struct pollfd *p)
{
	struct sctp_packet in, *out = &q->sctp;
	union address from;

	if (!sctp_receive(p->fd, &in, &from))
		return;
	if (in.target != out->source || in.source != out->target || in.tag != out->own_tag)
		return;
	if (in.type == SCTP_INIT_ACK && out->type == SCTP_INIT) {
		out->type = SCTP_COOKIE_ECHO;
		out->tag = in.own_tag;
		sctp_send(p->fd, out, &q->target);
	} else if (in.type == SCTP_COOKIE_ACK && out->type == SCTP_COOKIE_ECHO) {
		sctp_end(q, p, in.text);
	}
}

static void go_on(struct question *q, struct pollfd *p)
{
	if (q->protocol == IPPROTO_TCP)
		go_on_tcp(q, p);
	else if (q->protocol == IPPROTO_UDP)
		read_answer(q, p);
	else
		go_on_sctp(q, p);
}

/* Ends what is past its time; returns the rest's number. */
static unsigned expire(bool again)
{
	unsigned i, open = 0;
	long long now = now_ms();

	for (i = 0; i < count; i++) {
		if (questions[i].is_done)
			continue;
		if (questions[i].deadline <= now)
			finish(&questions[i], &polled[i]);
		else if (again)
			send_again(&questions[i], &polled[i]);
		open += !questions[i].is_done;
	}
	return open;
}

static void all_answers(void)
{
	long long again = now_ms() + AGAIN_MS;
	unsigned i;

	while (expire(now_ms() >= again)) {
		if (now_ms() >= again)
			again = now_ms() + AGAIN_MS;
		if (poll(polled, count, AGAIN_MS / 4) < 0 && errno != EINTR)
			die("poll");
		for (i = 0; i < count; i++)
			if (!questions[i].is_done && polled[i].revents)
				go_on(&questions[i], &polled[i]);
	}
}

/* Why there is none, if one was wanted. */
static void print(const struct question *q)
{
	if (q->answer[0])
		printf("%s %s\n", q->line, q->answer);
	else if (q->wants_none)
		printf("%s none\n", q->line);
	else
		printf("%s none: %s after %lld ms\n", q->line,
		       q->error ? strerror(q->error) : "silence", q->ended - q->begun);
}

void ask(void)
{
	char line[512];
	unsigned i;

	while (fgets(line, sizeof(line), stdin)) {
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		if (count == MOST)
			die("too many lines");
		question_parse(&questions[count], line);
		begin(&questions[count], &polled[count]);
		count++;
	}
	all_answers();
	for (i = 0; i < count; i++)
		print(&questions[i]);
}
