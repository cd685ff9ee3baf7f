/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"

/* An executable being written gives ETXTBSY; there is no event to wait for, hence the short pauses. */
#define BUSY_TRIES 20
#define BUSY_PAUSE 50000000L /* ns */

#define FIRST_BUFFER ((size_t)8192)

struct child {
	const char *path;
	pid_t pid;
	int in, out; /* our ends */
	char *buf;   /* what it has said, `used` of `size` bytes */
	size_t used, size;
	struct arena *arena;
};

/* posix_spawn(3), with the SIGPIPE we ignore given back to the child. */
static int try_spawn(struct child *ch, posix_spawn_file_actions_t *fa, char *const argv[],
		     char *const envp[])
{
	posix_spawnattr_t attr;
	sigset_t deflt;
	int rc;

	sigemptyset(&deflt);
	sigaddset(&deflt, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &deflt);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(&ch->pid, ch->path, fa, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int start(struct child *ch, char *const envp[], int in, int out)
{
	union {
		const char *in;
		char *out;
	} name = { .in = ch->path };
	char *argv[] = { name.out, NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	rc = try_spawn(ch, &fa, argv, envp);
	for (int i = 0; rc == ETXTBSY && i < BUSY_TRIES; i++) {
		struct timespec pause = { .tv_nsec = BUSY_PAUSE };

		nanosleep(&pause, NULL);
		rc = try_spawn(ch, &fa, argv, envp);
	}
	posix_spawn_file_actions_destroy(&fa);
	errno = rc;
	return rc ? -1 : 0;
}

/* A child that does not read its stdin is within its rights. */
static void feed(struct child *ch, const char **in, size_t *left)
{
	ssize_t n = write(ch->in, *in, *left);

	if (n > 0) {
		*in += n;
		*left -= (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		*left = 0;
	}
	if (*left)
		return;
	close(ch->in);
	ch->in = -1;
}

/* 1 more to come, 0 end, -1 failure. */
static int drain(struct child *ch, struct err *err)
{
	ssize_t n;

	if (ch->used + 1 >= ch->size) {
		char *bigger = arena_alloc(ch->arena, ch->size * 2);

		memcpy(bigger, ch->buf, ch->used);
		ch->buf = bigger;
		ch->size *= 2;
	}
	n = read(ch->out, ch->buf + ch->used, ch->size - ch->used - 1);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : err_sys(err, "read from %s", ch->path);
	ch->used += (size_t)n;
	if (ch->used > SPAWN_MAX_OUTPUT)
		return err_set(err, ERR_INTERNAL, "%s: output too large", ch->path);
	return n > 0;
}

static int talk(struct child *ch, const char *in, size_t in_len, struct err *err)
{
	int more = 1;

	if (!in_len)
		feed(ch, &in, &in_len);
	while (more > 0) {
		struct pollfd fds[] = { { .fd = ch->out, .events = POLLIN },
					{ .fd = ch->in, .events = POLLOUT } };

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return err_sys(err, "poll %s", ch->path);
		if (ch->in >= 0 && fds[1].revents)
			feed(ch, &in, &in_len);
		if (fds[0].revents)
			more = drain(ch, err);
	}
	return more;
}

int spawn(const char *path, char *const envp[], const char *in, size_t in_len,
	  struct spawn_result *res, struct arena *arena, struct err *err)
{
	int to[2], from[2], rc;
	struct child ch = { .path = path, .arena = arena, .size = FIRST_BUFFER };

	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(err, "create pipe");
	auto_close int to_r = to[0], to_w = to[1];
	if (pipe2(from, O_CLOEXEC) < 0)
		return err_sys(err, "create pipe");
	auto_close int from_r = from[0], from_w = from[1];
	(void)fcntl(to_w, F_SETFL, O_NONBLOCK);
	if (start(&ch, envp, to_r, from_w) < 0)
		return err_sys(err, "run %s", path);
	close(take_fd(&to_r));
	close(take_fd(&from_w));
	ch.in = take_fd(&to_w);
	ch.out = from_r;
	ch.buf = arena_alloc(arena, ch.size);
	rc = talk(&ch, in, in_len, err);
	close_fd(&ch.in);
	close(take_fd(&from_r));
	while (waitpid(ch.pid, &res->status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for %s", path);
	ch.buf[ch.used] = '\0';
	res->out = ch.buf;
	res->out_len = ch.used;
	return rc;
}
