/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/channel.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sys/pass_fd.h"

/* The first byte of a message. */
#define NOTHING    '-'
#define TEXT       '='
#define DESCRIPTOR '<'

static int has_ended(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "the other side has ended");
}

static int not_sent(struct err *err)
{
	return errno == EPIPE ? has_ended(err) : err_sys(err, "tell the other side");
}

static int not_received(ssize_t n, struct err *err)
{
	return n < 0 && errno != ECONNRESET ? err_sys(err, "hear from the other side")
					    : has_ended(err);
}

int run_channel_open(int ends[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "make a pair of sockets");
	return 0;
}

/* sendmsg(2) writes to none of it, but its type does not say so. */
union bytes {
	const void *in;
	void *out;
};

int run_channel_send(int end, const char *text, struct err *err)
{
	char kind = text ? TEXT : NOTHING;
	const union bytes bytes = { .in = text };
	struct iovec parts[] = { { &kind, 1 }, { bytes.out, text ? strlen(text) : 0 } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(end, &m, MSG_NOSIGNAL) < 0 ? not_sent(err) : 0;
}

int run_channel_receive(int end, const char **text, struct arena *arena, struct err *err)
{
	ssize_t n = recv(end, NULL, 0, MSG_PEEK | MSG_TRUNC);
	char *buf;

	if (n <= 0)
		return not_received(n, err);
	buf = arena_alloc(arena, (size_t)n + 1);
	n = recv(end, buf, (size_t)n, 0);
	if (n <= 0)
		return not_received(n, err);
	*text = *buf == TEXT ? buf + 1 : NULL;
	return 0;
}

int run_channel_send_fd(int end, int fd, struct err *err)
{
	return pass_fd_send(end, DESCRIPTOR, fd, 0) < 0 ? not_sent(err) : 0;
}

int run_channel_receive_fd(int end, int *fd, struct err *err)
{
	char kind;
	int n = pass_fd_receive(end, &kind, fd);

	return *fd < 0 ? not_received(n, err) : 0;
}
