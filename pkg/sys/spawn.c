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
#define BUSY_TRIES   20
#define BUSY_PAUSE   50000000L /* ns */

#define FIRST_BUFFER ((size_t)8192)

struct child {
	const char *path;
	pid_t pid;
	int in, out; /* our ends */
	bool unheard;
	char *buf; /* what it has said, `used` of `size` bytes */
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

/* posix_spawn(3) writes to neither, but is declared as if it did. */
union arguments {
	const char *const *in;
	char *const *out;
};

static int start(struct child *ch, const struct spawn *s, int in, int out)
{
	const char *const name[] = { s->path, NULL };
	union arguments argv = { .in = s->argv ? s->argv : name };
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	rc = try_spawn(ch, &fa, argv.out, s->envp);
	for (int i = 0; rc == ETXTBSY && i < BUSY_TRIES; i++) {
		struct timespec pause = { .tv_nsec = BUSY_PAUSE };

		nanosleep(&pause, NULL);
		rc = try_spawn(ch, &fa, argv.out, s->envp);
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
		ch->unheard = *left > 0;
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
		return errno == EINTR || errno == EAGAIN ? 1
							 : err_sys(err, "read from %s", ch->path);
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

/* Our ends of two pipes in *ch, the child's in theirs[2]. */
static int make_pipes(struct child *ch, int theirs[2], struct err *err)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(err, "create pipe");
	ch->in = to[1];
	theirs[0] = to[0];
	if (pipe2(from, O_CLOEXEC) < 0)
		return err_sys(err, "create pipe");
	ch->out = from[0];
	theirs[1] = from[1];
	(void)fcntl(ch->in, F_SETFL, O_NONBLOCK); /* so that a full pipe does not hold us */
	return 0;
}

static int converse(struct child *ch, const struct spawn *s, struct spawn_result *res,
		    struct err *err)
{
	int rc = talk(ch, s->in, s->in_len, err);

	close_fd(&ch->in);
	close_fd(&ch->out);
	ch->in = ch->out = -1;
	while (waitpid(ch->pid, &res->status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for %s", ch->path);
	ch->buf[ch->used] = '\0';
	res->out = ch->buf;
	res->out_len = ch->used;
	res->unheard = ch->unheard;
	return rc;
}

int spawn(const struct spawn *s, struct spawn_result *res, struct arena *arena, struct err *err)
{
	struct child ch = { .path = s->path, .in = -1, .out = -1, .arena = arena };
	int theirs[2] = { -1, -1 };
	int rc = make_pipes(&ch, theirs, err);

	if (!rc && start(&ch, s, theirs[0], theirs[1]) < 0)
		rc = err_sys(err, "run %s", s->path);
	close_fd(&theirs[0]);
	close_fd(&theirs[1]);
	if (!rc) {
		ch.size = FIRST_BUFFER;
		ch.buf = arena_alloc(arena, ch.size);
		rc = converse(&ch, s, res, err);
	}
	close_fd(&ch.in);
	close_fd(&ch.out);
	return rc;
}
