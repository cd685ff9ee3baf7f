/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/link.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/scope.h"
#include "cmd/listen/events.h"
#include "cmd/listen/flow.h"
#include "cmd/listen/proxy.h"
#include "cmd/listen/say.h"
#include "cmd/listen/sockets.h"

/* Urgent data (EPOLLPRI) and the end (EPOLLRDHUP) are where a read may stop short. */
#define EVENTS        (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET)

#define RETRY_MS      10    /* until a full UNIX socket is asked again: no event tells */
#define LOOK_MS       10    /* until it is asked what has arrived: no event tells */
#define LOOK_LATE_MS  500   /* the same where nothing has for long */
#define LOOKS         64    /* at a time */
#define LINGER_MS     30000 /* without anything that arrives: who is to get it may read late */
#define CUT_LINGER_MS 1000  /* of what a client has not ended before it reset */

/* ---- its end --------------------------------------------------------------------------------- */

/* A close(2) that resets a TCP connection; a UNIX socket just closes. */
static void reset(struct listen_side *s)
{
	static const struct linger at_once = { 1, 0 };

	if (s->fd >= 0 && !s->is_failed)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	drop_fd(&s->fd);
}

static void end(struct listen_hub *h, struct listen_conn *c)
{
	struct listen_group *group = c->group;

	listen_flow_drop(c, &h->pipes);
	drop_fd(&c->side[LISTEN_CLIENT].fd);
	drop_fd(&c->side[LISTEN_SERVER].fd);
	c->group = NULL;
	listen_conn_move(&h->conns, c, LISTEN_CONN_DEAD, h->now);
	listen_gates_leave(&h->gates, group);
}

void listen_link_abort(struct listen_hub *h, struct listen_conn *c)
{
	reset(&c->side[LISTEN_CLIENT]);
	reset(&c->side[LISTEN_SERVER]);
	end(h, c);
}

/* The last one's end frees the group: then it is no connection's. */
void listen_link_close(struct listen_hub *h, struct listen_group *group)
{
	size_t left = group->n_conns;

	listen_gates_close(&h->gates, group);
	for (int s = 0; s < LISTEN_CONN_DEAD; s++) {
		struct listen_conn *c = h->conns.list[s].first, *next;

		for (; left && c; c = next) {
			next = c->next;
			if (c->group != group)
				continue;
			listen_link_abort(h, c);
			left--;
		}
	}
}

/* Said once, until it has been well again: each connection would have a line. */
static void fail(struct listen_hub *h, struct listen_conn *c, const struct err *err)
{
	if (!h->is_told)
		listen_say("connect: %s", err->msg);
	h->is_told = true;
	listen_link_abort(h, c);
}

static void fail_sys(struct listen_hub *h, struct listen_conn *c, int error)
{
	struct err err;

	err_fill(&err, ERR_INTERNAL, error, "%s", h->opt->to.text);
	fail(h, c, &err);
}

/* ---- its reset ------------------------------------------------------------------------------- */

/*
 * Bytes that are on their way to a side, its end among them. A reset takes those of TCP that are
 * not acknowledged; what a UNIX socket has been given stays with its peer.
 */
static uint32_t count_left(const struct listen_hub *h, const struct listen_conn *c,
			   const struct listen_side *to)
{
	bool is_unix = to->which == LISTEN_SERVER && h->opt->to.any.sa_family == AF_UNIX;
	int n = 0;

	if (to->is_failed || to->write_error || (!is_unix && ioctl(to->fd, SIOCOUTQ, &n) < 0))
		return 0;
	return (uint32_t)n + c->side[!to->which].held;
}

static void linger(struct listen_hub *h, struct listen_conn *c, uint32_t left)
{
	c->left = left;
	listen_conn_move(&h->conns, c, LISTEN_CONN_LINGERING, h->now);
	if (!h->look_at || h->look_at > h->now + LOOK_MS)
		h->look_at = h->now + LOOK_MS;
}

/* Nothing more comes from a side. The other one is reset when all that it has sent has arrived. */
static void pass_reset(struct listen_hub *h, struct listen_conn *c, struct listen_side *from)
{
	uint32_t left = count_left(h, c, &c->side[!from->which]);

	if (!left) {
		listen_link_abort(h, c);
		return;
	}
	listen_flow_drop(c, &h->pipes);
	reset(from);
	linger(h, c, left);
}

/* Bytes are moved: also of a client that has reset, as long as its server takes them. */
static bool is_flowing(const struct listen_conn *c)
{
	return c->state == LISTEN_CONN_OPEN ||
	       (c->state == LISTEN_CONN_LINGERING && c->side[LISTEN_CLIENT].fd >= 0 &&
		c->side[LISTEN_SERVER].fd >= 0);
}

/* When it is looked at again, in milliseconds. */
static int64_t look(struct listen_hub *h, struct listen_conn *c)
{
	int to = c->side[LISTEN_SERVER].fd >= 0 ? LISTEN_SERVER : LISTEN_CLIENT;
	bool cut = to == LISTEN_SERVER && !c->side[LISTEN_CLIENT].is_eof;
	int64_t limit = cut ? CUT_LINGER_MS : LINGER_MS;
	uint32_t left = count_left(h, c, &c->side[to]);
	int64_t since = left == c->left ? c->since : h->now;

	if (h->opt->idle_ms && h->opt->idle_ms < limit)
		limit = h->opt->idle_ms;
	if ((!left && !is_flowing(c)) || since + limit <= h->now) {
		listen_link_abort(h, c);
		return LOOK_LATE_MS;
	}
	c->left = left;
	listen_conn_move(&h->conns, c, LISTEN_CONN_LINGERING, since);
	return LOOK_MS + (h->now - since) / 4;
}

/* Each has its turn, as often as their number allows. */
void listen_link_look(struct listen_hub *h)
{
	struct listen_conn_list *l = &h->conns.list[LISTEN_CONN_LINGERING];
	struct listen_conn *last = l->last, *c = NULL;
	int64_t pause = LOOK_LATE_MS;

	for (int i = 0; i < LOOKS && c != last; i++) {
		int64_t ms;

		c = l->first;
		ms = look(h, c);
		pause = ms < pause ? ms : pause;
	}
	if (c != last)
		pause = LOOK_MS;
	h->look_at = l->first ? h->now + pause : 0;
}

/* ---- its bytes ------------------------------------------------------------------------------- */

static void queue(struct listen_hub *h, struct listen_conn *c)
{
	if (c->is_busy)
		return;
	c->is_busy = true;
	c->next_busy = NULL;
	*h->busy_end = c;
	h->busy_end = &c->next_busy;
}

/*
 * What a client has sent before it reset waits only so long for a server that does not read. EPIPE
 * is the reset of one that has ended before: that waits as ever. The error, which is told once, may
 * have been told by a write already.
 */
static bool is_reset(struct listen_side *client)
{
	socklen_t len = sizeof(int);

	if (!client->is_failed || client->is_eof)
		return false;
	if (!client->write_error &&
	    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &client->write_error, &len) == 0 &&
	    !client->write_error)
		client->write_error = ECONNRESET;
	return client->write_error && client->write_error != EPIPE;
}

static void run(struct listen_hub *h, struct listen_conn *c)
{
	struct listen_side *client = &c->side[LISTEN_CLIENT], *server = &c->side[LISTEN_SERVER];
	bool moved;

	switch (listen_flow_run(c, &h->pipes, &moved)) {
	case LISTEN_FLOW_DONE:
		end(h, c);
		return;
	case LISTEN_FLOW_CLIENT_BROKEN:
		pass_reset(h, c, client);
		return;
	case LISTEN_FLOW_SERVER_BROKEN:
		pass_reset(h, c, server);
		return;
	case LISTEN_FLOW_MORE:
		queue(h, c);
		break;
	case LISTEN_FLOW_WAITS:
		if (c->state == LISTEN_CONN_OPEN && is_reset(client))
			linger(h, c, count_left(h, c, server));
		break;
	}
	if (moved && h->opt->idle_ms && c->state == LISTEN_CONN_OPEN)
		listen_conn_move(&h->conns, c, LISTEN_CONN_OPEN, h->now);
}

void listen_link_run_busy(struct listen_hub *h)
{
	struct listen_conn *c = h->busy;

	h->busy = NULL;
	h->busy_end = &h->busy;
	while (c) {
		struct listen_conn *next = c->next_busy;

		c->is_busy = false;
		if (is_flowing(c))
			run(h, c);
		c = next;
	}
}

/* ---- its beginning --------------------------------------------------------------------------- */

static bool watch(const struct listen_hub *h, struct listen_side *s)
{
	struct err ignored;

	return listen_events_add(h->epoll, s->fd, EVENTS, s, &ignored) == 0;
}

/* It is the first in a socket's buffer, and fits. 0, or an error. */
static int send_header(struct listen_hub *h, const struct listen_conn *c)
{
	struct sockaddr_storage from = { 0 }, to = { 0 };
	socklen_t from_len = sizeof(from), to_len = sizeof(to);
	uint8_t header[LISTEN_PROXY_MAX];
	int client = c->side[LISTEN_CLIENT].fd;
	ssize_t sent;
	size_t n;

	if (getpeername(client, (void *)&from, &from_len) < 0 ||
	    getsockname(client, (void *)&to, &to_len) < 0)
		return errno;
	n = listen_proxy_header(header, &from, &to, c->group->name, h->serial++);
	sent = send(c->side[LISTEN_SERVER].fd, header, n, MSG_NOSIGNAL);
	if (sent < 0)
		return errno;
	return sent == (ssize_t)n ? 0 : EMSGSIZE;
}

/* Of one that was connected: what it sent before is still to be read. */
static bool was_reset(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

/* Without a header no byte of the client's is sent. */
static void open_up(struct listen_hub *h, struct listen_conn *c)
{
	struct listen_side *client = &c->side[LISTEN_CLIENT], *server = &c->side[LISTEN_SERVER];

	h->is_told = false;
	listen_conn_move(&h->conns, c, LISTEN_CONN_OPEN, h->now);
	if (h->opt->proxy && !server->write_error)
		server->write_error = send_header(h, c);
	if (server->write_error &&
	    !(was_reset(server->write_error) && listen_flow_outlives(c, server, &h->pipes))) {
		listen_link_abort(h, c);
		return;
	}
	client->is_readable = client->is_writable = true;
	server->is_writable = true;
	run(h, c);
}

static void connect_server(struct listen_hub *h, struct listen_conn *c)
{
	struct listen_side *s = &c->side[LISTEN_SERVER];
	int rc = connect(s->fd, &h->opt->to.any, h->opt->to.len), error = errno;

	if (rc < 0 && error == EAGAIN) {
		h->retry_at = h->now + RETRY_MS;
		if (c->state != LISTEN_CONN_REFUSED)
			listen_conn_move(&h->conns, c, LISTEN_CONN_REFUSED, c->since);
		return;
	}
	if (rc < 0 && error != EINPROGRESS) {
		fail_sys(h, c, error);
		return;
	}
	s->is_ending = h->opt->to.any.sa_family == AF_UNIX;
	if (!watch(h, s))
		listen_link_abort(h, c);
	else if (rc == 0)
		open_up(h, c);
	else
		listen_conn_move(&h->conns, c, LISTEN_CONN_CONNECTING, c->since);
}

/* What one is refused, the others are, too. */
void listen_link_retry(struct listen_hub *h)
{
	struct listen_conn *c;

	h->retry_at = 0;
	while ((c = h->conns.list[LISTEN_CONN_REFUSED].first) && !h->retry_at)
		connect_server(h, c);
}

bool listen_link_accept(struct listen_hub *h, const struct listen_gate *gate)
{
	struct err err = { 0 };
	struct listen_conn *c;
	int fd;

	do
		fd = accept4(gate->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == ECONNABORTED || errno == EINTR));
	if (fd < 0)
		return false;
	c = listen_conn_new(&h->conns, gate->group, h->now);
	if (!c) {
		close(fd);
		errno = ENOMEM;
		return false;
	}
	gate->group->n_conns++;
	c->side[LISTEN_CLIENT].fd = fd;
	c->side[LISTEN_SERVER].fd = listen_sockets_to_connect(h->opt, &err);
	if (c->side[LISTEN_SERVER].fd < 0)
		fail(h, c, &err);
	else if (!watch(h, &c->side[LISTEN_CLIENT]))
		listen_link_abort(h, c);
	else
		connect_server(h, c);
	return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_answer(struct listen_hub *h, struct listen_conn *c, bool failed)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (failed && getsockopt(c->side[LISTEN_SERVER].fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error && !was_reset(error)) {
		fail_sys(h, c, error);
		return;
	}
	c->side[LISTEN_SERVER].write_error = error;
	open_up(h, c);
}

void listen_link_event(struct listen_hub *h, struct listen_side *s, uint32_t events)
{
	struct listen_conn *c = listen_conn_of(s);
	bool failed = events & (EPOLLERR | EPOLLHUP);

	if (c->state == LISTEN_CONN_DEAD || s->fd < 0) /* closed since, by the other's event */
		return;
	s->is_readable |= failed || (events & (EPOLLIN | EPOLLRDHUP));
	s->is_writable |= failed || (events & EPOLLOUT);
	s->is_ending |= failed || (events & (EPOLLPRI | EPOLLRDHUP));
	s->is_failed |= (events & EPOLLERR) != 0;
	if (c->state == LISTEN_CONN_CONNECTING && s->which == LISTEN_SERVER)
		on_answer(h, c, failed);
	else if (is_flowing(c))
		run(h, c);
	else if (s->is_failed) /* before its server has answered, or behind the other's reset */
		listen_link_abort(h, c);
}
