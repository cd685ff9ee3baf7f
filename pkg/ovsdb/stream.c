/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/clock.h"
#include "net/ip.h"
#include "json/json.h"

#define FIRST_BUFFER 4096

/* ---- framing --------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void frame_string(struct ovsdb_frame *f, char c)
{
	if (f->escaped)
		f->escaped = false;
	else if (c == '\\')
		f->escaped = true;
	else if (c == '"')
		f->in_string = false;
}

/* 1 when c has ended the object, -1 when there cannot be one. */
static int frame_char(struct ovsdb_frame *f, char c)
{
	if (f->in_string) {
		frame_string(f, c);
		return 0;
	}
	if (!f->depth && c != '{')
		return is_space(c) ? 0 : -1;
	if (c == '"')
		f->in_string = true;
	if (c == '{' || c == '[' || c == ',')
		f->values++;
	if (c == '{' || c == '[')
		f->depth++;
	if (c == '}' || c == ']')
		f->depth--;
	if (f->depth > JSON_MAX_DEPTH || f->values > OVSDB_MAX_VALUES)
		return -1;
	return !f->depth;
}

long ovsdb_frame_next(struct ovsdb_frame *f, const char *buf, size_t used)
{
	while (f->at < used) {
		int rc = frame_char(f, buf[f->at++]);

		if (rc)
			return rc < 0 ? -1 : (long)f->at;
	}
	return 0;
}

/* ---- connecting ------------------------------------------------------------------------------ */

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int unix_address(struct ovsdb_stream *s, const char *path, union address *a, socklen_t *len)
{
	size_t n = strlen(path);

	if (*path != '/')
		return err_config(s->err, "%s: not an absolute path", s->where);
	if (n >= sizeof(a->un.sun_path))
		return err_config(s->err, "%s: longer than a socket's path can be", s->where);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, n + 1);
	*len = sizeof(a->un);
	return 0;
}

static bool parse_port(const char *s, uint16_t *port)
{
	char *end;
	unsigned long n;

	*port = OVSDB_PORT;
	if (!*s)
		return true;
	if (*s++ != ':' || *s < '0' || *s > '9')
		return false;
	n = strtoul(s, &end, 10);
	*port = (uint16_t)n;
	return !*end && n && n <= UINT16_MAX;
}

/* IP[:PORT], [IP6][:PORT] */
static bool parse_tcp(struct ovsdb_stream *s, const char *text, struct ip *ip, uint16_t *port)
{
	bool bracket = *text == '[';
	const char *end;

	text += bracket;
	end = text + strcspn(text, bracket ? "]" : ":");
	if (!ip_parse(ip, arena_strndup(s->arena, text, (size_t)(end - text))) ||
	    (bracket && *end != ']'))
		return false;
	return parse_port(end + bracket, port);
}

static int tcp_address(struct ovsdb_stream *s, const char *text, union address *a, socklen_t *len)
{
	struct ip ip;
	uint16_t port;

	if (!parse_tcp(s, text, &ip, &port))
		return err_config(s->err, "%s: not tcp:ADDRESS:PORT", s->where);
	a->any.sa_family = ip.family;
	if (ip.family == AF_INET) {
		a->in.sin_port = htons(port);
		a->in.sin_addr = ip.v4;
		*len = sizeof(a->in);
	} else {
		a->in6.sin6_port = htons(port);
		a->in6.sin6_addr = ip.v6;
		*len = sizeof(a->in6);
	}
	return 0;
}

static int parse_endpoint(struct ovsdb_stream *s, union address *a, socklen_t *len)
{
	static const char unix_scheme[] = "unix:", tcp_scheme[] = "tcp:", ssl_scheme[] = "ssl:";
	const char *e = s->where;

	*a = (union address){ 0 };
	if (!strncmp(e, unix_scheme, sizeof(unix_scheme) - 1))
		return unix_address(s, e + sizeof(unix_scheme) - 1, a, len);
	if (*e == '/')
		return unix_address(s, e, a, len);
	if (!strncmp(e, tcp_scheme, sizeof(tcp_scheme) - 1))
		return tcp_address(s, e + sizeof(tcp_scheme) - 1, a, len);
	if (!strncmp(e, ssl_scheme, sizeof(ssl_scheme) - 1))
		return err_set(s->err, ERR_FIELD, "%s: ssl is not supported, unix: and tcp: are",
			       e);
	return err_config(s->err, "\"%s\" is not unix:PATH or tcp:ADDRESS:PORT", e);
}

static int retry(struct ovsdb_stream *s, const char *what)
{
	err_fill(s->err, ERR_RETRY, errno, "%s: %s", s->where, what);
	return -1;
}

/* Nothing sensible can come over it any more. */
static int give_up(struct ovsdb_stream *s, int code, int sys, const char *why)
{
	s->broken = true;
	err_fill(s->err, code, sys, "%s: %s", s->where, why);
	return -1;
}

static int timed_out(struct ovsdb_stream *s)
{
	return give_up(s, ERR_RETRY, 0, "ovsdb-server does not answer");
}

/* What has happened of it, perhaps nothing yet (0). */
static int wait_for(struct ovsdb_stream *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int64_t left = s->deadline - clock_ms();
	int n = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (n == 0)
		return timed_out(s);
	if (n < 0)
		return errno == EINTR ? 0 : retry(s, "poll");
	return p.revents;
}

/*
 * A unix socket whose server has a full backlog has no state to be polled for: connect(2) must
 * block, and SO_SNDTIMEO is its bound. Called again it goes on waiting.
 */
static int connect_in_time(struct ovsdb_stream *s, const union address *a, socklen_t len)
{
	for (;;) {
		int64_t left = s->deadline - clock_ms();
		struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

		if (left <= 0)
			return timed_out(s);
		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (connect(s->fd, &a->any, len) == 0)
			return 0;
		if (errno != EINTR && errno != EAGAIN && errno != EINPROGRESS && errno != EALREADY)
			return retry(s, "connect");
	}
}

int ovsdb_stream_open(struct ovsdb_stream *s, const char *endpoint, int timeout_ms,
		      struct arena *arena, struct err *err)
{
	union address a;
	socklen_t len;
	int rc;

	*s = (struct ovsdb_stream){ .fd = -1,
				    .where = endpoint,
				    .deadline = clock_ms() + timeout_ms,
				    .broken = true,
				    .arena = arena,
				    .err = err };
	if (parse_endpoint(s, &a, &len) < 0)
		return -1;
	s->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return err_sys(err, "%s: socket", endpoint);
	rc = connect_in_time(s, &a, len);
	s->broken = rc < 0;
	return rc;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void make_room(struct ovsdb_stream *s)
{
	size_t bigger = s->size ? s->size * 2 : FIRST_BUFFER;
	char *in;

	if (s->used + 1 < s->size)
		return;
	in = arena_alloc(s->arena, bigger);
	if (s->used)
		memcpy(in, s->in, s->used);
	s->in = in;
	s->size = bigger;
}

/* One byte stays free for the NUL that a text is parsed with. */
static int receive(struct ovsdb_stream *s)
{
	ssize_t n;

	make_room(s);
	n = recv(s->fd, s->in + s->used, s->size - 1 - s->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return give_up(s, ERR_RETRY, errno, "receive");
	if (n == 0)
		return give_up(s, ERR_RETRY, 0, "ovsdb-server closed the connection");
	s->used += (size_t)n;
	s->total += (size_t)n;
	if (s->total > OVSDB_MAX_BYTES)
		return give_up(s, ERR_INTERNAL, 0, "ovsdb-server sends too much");
	return 0;
}

int ovsdb_stream_put(struct ovsdb_stream *s, const char *text, size_t len)
{
	if (s->broken)
		return give_up(s, ERR_RETRY, 0, "the connection is lost");
	while (len) {
		ssize_t n = send(s->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		int got;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return give_up(s, ERR_RETRY, errno, "send");
		if (n >= 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		got = wait_for(s, POLLIN | POLLOUT);
		if (got < 0 || (got & POLLIN && receive(s) < 0))
			return -1;
	}
	return 0;
}

/* Out of the buffer, which keeps what is behind it. */
static void take_text(struct ovsdb_stream *s, size_t n, const char **text, size_t *len)
{
	*text = arena_strndup(s->arena, s->in, n);
	*len = n;
	s->used -= n;
	memmove(s->in, s->in + n, s->used);
	s->frame = (struct ovsdb_frame){ .values = s->frame.values };
}

int ovsdb_stream_get(struct ovsdb_stream *s, const char **text, size_t *len)
{
	if (s->broken)
		return give_up(s, ERR_RETRY, 0, "the connection is lost");
	for (;;) {
		long n = ovsdb_frame_next(&s->frame, s->in, s->used);
		int got;

		if (n < 0)
			return give_up(s, ERR_INTERNAL, 0,
				       "ovsdb-server sends what is no JSON object, or too deep, or "
				       "too much");
		if (n > 0) {
			take_text(s, (size_t)n, text, len);
			return 0;
		}
		got = wait_for(s, POLLIN);
		if (got < 0 || (got && receive(s) < 0))
			return -1;
	}
}
