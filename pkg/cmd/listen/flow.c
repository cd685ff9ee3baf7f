/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS    16 /* until it is another connection's turn */
#define COPY_SIZE LISTEN_PIPE_LEAST
#define FLAGS     (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

/* One way: from a side to the other. */
struct way {
	struct listen_side *from, *to;
	struct listen_pipes *pipes;
	bool moved;
};

/* Try the next; wait for an event; the socket that was read, or written, is broken. */
enum step { STEP_ON, STEP_WAIT, STEP_READ_BROKEN, STEP_WRITE_BROKEN };

static void give_pipe(struct listen_side *s, struct listen_pipes *pipes)
{
	if (s->pipe[0] >= 0)
		listen_pipes_give(pipes, s->pipe, !s->held);
	s->held = 0;
}

/*
 * Which says EAGAIN is not ready until an event says so. One that cannot be written to is broken
 * then: what it had sent before has been read.
 */
static enum step read_refused(struct listen_side *s)
{
	if (errno == EINTR)
		return STEP_ON;
	if (errno != EAGAIN || s->write_error)
		return STEP_READ_BROKEN;
	s->is_readable = false;
	return STEP_WAIT;
}

static enum step write_refused(struct listen_side *s)
{
	if (errno == EINTR)
		return STEP_ON;
	if (errno != EAGAIN) {
		s->write_error = s->write_error ? s->write_error : errno;
		return STEP_WRITE_BROKEN;
	}
	s->is_writable = false;
	return STEP_WAIT;
}

static enum step empty_pipe(struct way *w)
{
	struct listen_side *from = w->from;
	ssize_t n;

	if (!w->to->is_writable)
		return STEP_WAIT;
	n = splice(from->pipe[0], NULL, w->to->fd, NULL, from->held, FLAGS);
	if (n < 0)
		return write_refused(w->to);
	w->moved = true;
	from->held -= (uint32_t)n;
	if (!from->held)
		give_pipe(from, w->pipes);
	return STEP_ON;
}

/*
 * Much at a time: its pages change hands. The pipe is empty, so EAGAIN is the socket's. splice(2)
 * does not go beyond urgent data: if it tells of the end there, or of nothing for now, recv(2) is
 * asked, which does.
 */
static enum step fill_pipe(struct way *w)
{
	struct listen_side *from = w->from;
	ssize_t n = splice(from->fd, NULL, from->pipe[1], NULL, LISTEN_PIPE_SIZE, FLAGS);
	enum step step = STEP_ON;

	if (n < 0 && !(errno == EAGAIN && from->is_ending))
		step = read_refused(from);
	from->is_bulk = n >= COPY_SIZE;
	from->held = n > 0 ? (uint32_t)n : 0;
	if (!from->held)
		give_pipe(from, w->pipes);
	return step;
}

/*
 * Is a 0 of recv(2) the end? A write that was refused has taken a reset from the socket, which
 * reads as if it had ended then. After an end the reset is EPIPE; ENOTCONN takes nothing.
 */
static bool is_end(const struct listen_side *s)
{
	return !s->write_error || s->write_error == EPIPE || s->write_error == ENOTCONN;
}

/* 0: the end. Of a socket that is not ending, less than there is room for is all there is. */
static enum step receive(struct way *w, char *buf, int flags, ssize_t *n)
{
	struct listen_side *from = w->from;

	*n = recv(from->fd, buf, COPY_SIZE, flags | MSG_DONTWAIT);
	if (*n < 0)
		return read_refused(from);
	from->is_eof = *n == 0;
	from->is_bulk = *n == COPY_SIZE;
	return from->is_eof && !is_end(from) ? STEP_READ_BROKEN : STEP_ON;
}

static enum step transmit(struct way *w, const char *buf, ssize_t n, ssize_t *sent)
{
	*sent = n ? send(w->to->fd, buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (*sent < 0)
		return write_refused(w->to);
	w->moved |= *sent > 0;
	return STEP_ON;
}

/* Without the memory for all of it the connection is broken; its pipe is not another's then. */
static enum step keep(struct listen_side *from, const char *buf, ssize_t n)
{
	ssize_t kept = write(from->pipe[1], buf, (size_t)n);

	from->held = kept > 0 ? (uint32_t)kept : 0;
	return kept == n ? STEP_ON : STEP_READ_BROKEN;
}

/* A little: copied, which is cheaper than a pipe. What is not taken lies in the pipe. */
static enum step pass(struct way *w)
{
	struct listen_side *from = w->from;
	char buf[COPY_SIZE];
	ssize_t n, sent = 0;
	enum step step = receive(w, buf, 0, &n);

	if (n > 0) {
		from->is_readable = from->is_bulk || from->is_ending;
		step = transmit(w, buf, n, &sent);
	}
	if (n > 0 && sent < 0)
		sent = 0;
	if (n > sent && step != STEP_WRITE_BROKEN && keep(from, buf + sent, n - sent) != STEP_ON)
		step = STEP_READ_BROKEN;
	if (!from->held)
		give_pipe(from, w->pipes);
	return step;
}

/* Without a pipe: what has been taken is read once more, so that nothing has to be kept. */
static enum step pass_peeked(struct way *w)
{
	char buf[COPY_SIZE];
	ssize_t n, sent;
	enum step step = receive(w, buf, MSG_PEEK, &n);

	if (n > 0)
		step = transmit(w, buf, n, &sent);
	if (n <= 0 || sent <= 0)
		return step;
	return recv(w->from->fd, buf, (size_t)sent, MSG_DONTWAIT) == sent ? STEP_ON
									  : STEP_READ_BROKEN;
}

static enum step step(struct way *w)
{
	if (w->from->held)
		return empty_pipe(w);
	if (w->from->is_eof) {
		if (!w->to->is_shut && shutdown(w->to->fd, SHUT_WR) < 0)
			return write_refused(w->to);
		w->to->is_shut = true;
		return STEP_WAIT;
	}
	if (!w->from->is_readable || !w->to->is_writable)
		return STEP_WAIT;
	if (!listen_pipes_take(w->pipes, w->from->pipe))
		return pass_peeked(w);
	return w->from->is_bulk ? fill_pipe(w) : pass(w);
}

static enum step run_way(struct way *w)
{
	enum step s = STEP_ON;

	for (int i = 0; i < ROUNDS && s == STEP_ON; i++)
		s = step(w);
	return s;
}

bool listen_flow_outlives(struct listen_conn *c, struct listen_side *s, struct listen_pipes *pipes)
{
	struct listen_side *other = &c->side[!s->which];

	if (s->is_eof && !s->held)
		return false;
	give_pipe(other, pipes);
	other->is_eof = s->is_shut = true;
	s->is_readable = s->is_ending = true;
	return true;
}

static enum listen_flow broken(const struct listen_side *s)
{
	return s->which == LISTEN_CLIENT ? LISTEN_FLOW_CLIENT_BROKEN : LISTEN_FLOW_SERVER_BROKEN;
}

/*
 * Nothing can be done for now. Behind its end a side may have reset: that breaks the connection, as
 * does an end of both where not all has been read, which a close(2) makes a reset.
 */
static enum listen_flow end_of(const struct listen_conn *c)
{
	bool is_done = true;

	for (int i = 0; i < 2; i++) {
		const struct listen_side *s = &c->side[i];

		if (s->is_failed && s->is_eof && !s->held)
			return broken(s);
		is_done = is_done && s->is_shut && !s->held;
	}
	if (!is_done)
		return LISTEN_FLOW_WAITS;
	for (int i = 0; i < 2; i++)
		if (c->side[i].write_error)
			return broken(&c->side[i]);
	return LISTEN_FLOW_DONE;
}

enum listen_flow listen_flow_run(struct listen_conn *c, struct listen_pipes *pipes, bool *moved)
{
	bool more = false;

	*moved = false;
	for (int i = 0; i < 2; i++) {
		struct way w = { &c->side[i], &c->side[!i], pipes, false };
		enum step s = run_way(&w);

		*moved |= w.moved;
		more |= s == STEP_ON || s == STEP_WRITE_BROKEN;
		if (s == STEP_READ_BROKEN)
			return broken(w.from);
		if (s == STEP_WRITE_BROKEN && !listen_flow_outlives(c, w.to, pipes))
			return broken(w.to);
	}
	return more ? LISTEN_FLOW_MORE : end_of(c);
}

void listen_flow_drop(struct listen_conn *c, struct listen_pipes *pipes)
{
	give_pipe(&c->side[LISTEN_CLIENT], pipes);
	give_pipe(&c->side[LISTEN_SERVER], pipes);
}
