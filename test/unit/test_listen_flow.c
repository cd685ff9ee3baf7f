/* SPDX-License-Identifier: Apache-2.0 */
/* cnic listen's pipes: what a connection has left in one is not another's. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "cmd/listen/flow.h"
#include "tap.h"

#define SECRET 8000 /* more than a page, and less than is read at a time */

/* A side, and the descriptor of who is on it. */
static int connect_side(struct listen_side *s, int which)
{
	int ends[2] = { -1, -1 };

	(void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
	*s = (struct listen_side){ .fd = ends[0], .pipe = { -1, -1 }, .which = (uint8_t)which };
	return ends[1];
}

static void fill(int fd)
{
	static const char bytes[4096];

	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
}

/* A pipe takes a page, of more that cannot be sent on. */
static void test_short_pipe(void)
{
	struct listen_conn c = { 0 };
	struct listen_pipes pipes = { .n_kept = 1, .n_open = 1, .n_max = 1 };
	int client = connect_side(&c.side[LISTEN_CLIENT], LISTEN_CLIENT), ends[2];
	int server = connect_side(&c.side[LISTEN_SERVER], LISTEN_SERVER);
	char bytes[SECRET];
	bool moved;

	memset(bytes, 's', sizeof(bytes));
	ok(pipe2(pipes.kept[0], O_CLOEXEC | O_NONBLOCK) == 0 &&
		   fcntl(pipes.kept[0][1], F_SETPIPE_SZ, 4096) == 4096,
	   "a pipe of a page");
	fill(c.side[LISTEN_SERVER].fd);
	ok(send(client, bytes, sizeof(bytes), 0) == SECRET, "bytes of a client");
	c.side[LISTEN_CLIENT].is_readable = c.side[LISTEN_SERVER].is_writable = true;
	ok(listen_flow_run(&c, &pipes, &moved) == LISTEN_FLOW_CLIENT_BROKEN, "it is broken");
	listen_flow_drop(&c, &pipes);
	pipes.n_max = pipes.n_open + 1;
	ok(listen_pipes_take(&pipes, ends) && read(ends[0], bytes, sizeof(bytes)) < 0,
	   "the next one's pipe is empty");
	listen_pipes_give(&pipes, ends, false);
	close(c.side[LISTEN_CLIENT].fd);
	close(c.side[LISTEN_SERVER].fd);
	close(client);
	close(server);
}

int main(void)
{
	if (sysconf(_SC_PAGESIZE) < SECRET)
		test_short_pipe();
	else
		ok(true, "# SKIP a page is too large");
	return done_testing();
}
