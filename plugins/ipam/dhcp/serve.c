/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "cni/error.h"
#include "sys/pass_fd.h"

#define MOST_CONNECTIONS 4096
#define PATIENCE         10000 /* milliseconds for a question */

struct connection {
	int source; /* SERVE_CONNECTION */
	int fd, netns_fd;
	struct serve *serve;
	struct connection *next, **link; /* the pointer to this one */
	struct lease *lease;             /* asked for */
	char *text;
	size_t used, size;
	int64_t since;
	bool done; /* answered */
};

/* ---- coming and going ------------------------------------------------------------------------ */

/* Root, or whoever the daemon is. */
static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* Else it would be told of again and again that somebody waits. */
static void refuse(struct serve *s)
{
	struct err err = { 0 };
	auto_close int fd = -1;
	char question[2048];

	drop_fd(&s->spare);
	fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		const char *text;

		(void)err_set(&err, ERR_RETRY, "dhcp: the daemon has no file descriptor left");
		text = arena_printf(json_arena(), "%s\n", cni_error_print(&err, "1.1.0"));
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
		(void)!recv(fd, question, sizeof(question), 0);
	}
	drop_fd(&fd);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void serve_accept(struct serve *s)
{
	auto_close int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		refuse(s);
	if (fd < 0 || s->n == MOST_CONNECTIONS || !may_ask(fd))
		return;
	c = malloc(sizeof(*c));
	if (!c)
		return;
	*c = (struct connection){ .source = SERVE_CONNECTION,
				  .fd = fd,
				  .netns_fd = -1,
				  .serve = s,
				  .next = s->connections,
				  .link = &s->connections,
				  .since = lease_now() };
	e.data.ptr = c;
	if (epoll_ctl(s->attend->sockets.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(c);
		return;
	}
	(void)take_fd(&fd);
	if (c->next)
		c->next->link = &c->next;
	s->connections = c;
	s->n++;
}

static void drop(struct connection *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->serve->n--;
	drop_fd(&c->fd);
	drop_fd(&c->netns_fd);
	free(c->text);
	free(c);
}

static void hang_up(struct connection *c)
{
	if (c->lease)
		attend_cancel(c->serve->attend, c->lease);
	drop(c);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What does not fit into the socket's buffer is none of ours: a result is some hundred bytes. */
static void send_text(struct connection *c, const char *text)
{
	(void)!send(c->fd, text, strlen(text), MSG_NOSIGNAL);
	c->done = true;
}

static void send_error(struct connection *c, const struct err *err)
{
	send_text(c, arena_printf(json_arena(), "%s\n", cni_error_print(err, "1.1.0")));
}

static void send_object(struct connection *c, const struct json *o)
{
	send_text(c, arena_printf(json_arena(), "%s\n", json_print(o)));
}

void serve_answer(struct connection *to, const struct cni_result *r, const struct err *err)
{
	bool has_waited = to->lease;
	struct json *o = json_object();

	to->lease = NULL;
	if (err) {
		send_error(to, err);
	} else {
		json_add(o, "result", cni_result_object(r, "1.1.0"));
		send_object(to, o);
	}
	if (has_waited)
		hang_up(to);
}

/* ---- questions ------------------------------------------------------------------------------- */

static int ask_add(struct connection *c, const struct ask *a, struct err *err)
{
	struct attend *d = c->serve->attend;

	if (attend_add(d, a, c->netns_fd, c, err) < 0)
		return -1;
	if (!c->done)
		c->lease = lease_find(&d->leases, a->network, a->container_id, a->ifname);
	return 0;
}

static int ask_check(struct connection *c, const struct ask *a, struct err *err)
{
	const struct lease *l =
		lease_find(&c->serve->attend->leases, a->network, a->container_id, a->ifname);
	bool holds = l && lease_holds(l) && !l->lost;
	struct cni_result r;
	struct json *o;

	if (!holds)
		return err_set(err, ERR_CHECK, "dhcp: %s has no lease%s", a->ifname,
			       l && l->ipv4 && l->client.holds ? " of DHCPv6" : "");
	if (attend_result(l, &r) < 0)
		return err_set(err, ERR_INTERNAL, "dhcp: what the lease has given is not known");
	o = json_object();
	if (l->ipv4)
		json_add_str(o, "state", dhcp_state_names[l->client.state]);
	if (l->ipv6)
		json_add_str(o, "ipv6", dhcp6_state_names[l->ipv6->client.state]);
	json_add(o, "result", cni_result_object(&r, "1.1.0"));
	send_object(c, o);
	return 0;
}

static int carry_out(struct connection *c, const struct ask *a, struct err *err)
{
	struct attend *d = c->serve->attend;
	int rc = 0;

	if (!strcmp(a->command, "add"))
		return ask_add(c, a, err);
	if (!strcmp(a->command, "check"))
		return ask_check(c, a, err);
	if (!strcmp(a->command, "del"))
		rc = attend_del(d, a->network, a->container_id, a->ifname, err);
	else if (!strcmp(a->command, "gc"))
		rc = attend_gc(d, a, err);
	else if (strcmp(a->command, "status") != 0)
		return err_set(err, ERR_DECODE, "%.20s: no question that is known", a->command);
	if (!rc)
		send_object(c, json_object());
	return rc;
}

/* The reference's plugin, which is told in its own words: Go's net/rpc shows the status line. */
static bool is_go(struct connection *c)
{
	static const char word[] = "CONNECT ";

	if (c->used < sizeof(word) - 1 || memcmp(c->text, word, sizeof(word) - 1) != 0)
		return false;
	send_text(
		c,
		"HTTP/1.0 501 this is the daemon of cnic, whose plugin dhcp is needed too\r\n\r\n");
	return true;
}

static void on_question(struct connection *c, size_t len)
{
	struct ask a;
	struct err err = { 0 };

	if (is_go(c))
		return;
	if (ask_parse(c->text, len, &a, &err) < 0 || carry_out(c, &a, &err) < 0)
		send_error(c, &err);
}

static void take_netns(struct connection *c, struct msghdr *h)
{
	int fd = pass_fd_take(h);

	if (fd < 0)
		return;
	drop_fd(&c->netns_fd);
	c->netns_fd = fd;
}

/* 1: a line is there; 0: not yet; -1: it has gone, or is none of ours. */
static int read_more(struct connection *c)
{
	union pass_fd room;
	struct iovec iov;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (c->used == c->size) {
		size_t size = c->size ? 2 * c->size : 2048;
		char *text = c->size > ASK_MAX ? NULL : realloc(c->text, size);

		if (!text)
			return -1;
		c->text = text;
		c->size = size;
	}
	iov = (struct iovec){ c->text + c->used, c->size - c->used };
	pass_fd_expect(&h, &room);
	n = recvmsg(c->fd, &h, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	take_netns(c, &h);
	c->used += (size_t)n;
	return memchr(c->text, '\n', c->used) ? 1 : 0;
}

void serve_event(struct connection *c)
{
	int got = c->lease ? -1 : read_more(c); /* who waits says nothing but that it is gone */

	if (got > 0) {
		on_question(c, (size_t)((char *)memchr(c->text, '\n', c->used) - c->text));
		free(c->text);
		c->text = NULL;
		c->used = c->size = 0;
		drop_fd(&c->netns_fd);
	}
	if (got < 0 || c->done)
		hang_up(c);
}

void serve_end_idle(struct serve *s, int64_t now)
{
	struct connection *next;

	for (struct connection *c = s->connections; c; c = next) {
		next = c->next;
		if (c->done || (!c->lease && now - c->since > PATIENCE))
			hang_up(c);
	}
}

void serve_give_signs(struct serve *s)
{
	for (struct connection *c = s->connections; c; c = c->next)
		if (c->lease)
			(void)!send(c->fd, "\n", 1, MSG_NOSIGNAL);
}

void serve_end(struct serve *s)
{
	struct connection *next;

	for (struct connection *c = s->connections; c; c = next) {
		next = c->next;
		drop(c);
	}
}
