/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"

/*
 * An executable being written gives ETXTBSY; there is no event to wait for, hence the short pauses.
 */
#define BUSY_TRIES   20
#define BUSY_PAUSE   50000 /* us */

#define STACK_SIZE   ((size_t)32768) /* of a child, until it is another program */
#define FIRST_BUFFER ((size_t)8192)
#define WORDS_MAX    ((size_t)1024) /* bytes of its stderr that are kept: the details of an error */

struct child {
	const struct spawn *s;
	pid_t pid;
	int in, out, words; /* our ends */
	const char *text;   /* for its stdin, `left` bytes */
	size_t left;
	char *buf; /* what it has said, `used` of `size` bytes */
	size_t used, size;
	char said[WORDS_MAX]; /* the first of its stderr */
	size_t n_said;
	int64_t deadline; /* by clock_ms(), 0 = none */
	struct arena *arena;
};

/* ---- starting -------------------------------------------------------------------------------- */

struct start {
	const struct spawn *s;
	const int *stdio; /* what becomes its descriptors 0, 1 and 2 */
	pid_t parent;
	int error;
};

/* execve(2) writes to neither, but is declared as if it did. */
union arguments {
	const char *const *in;
	char *const *out;
};

/*
 * In the child, in our memory while we are stopped (vfork): it dies with us, even if we are dead
 * already, and signals that we ignore or block are not for it. The program must come to nothing
 * here, not go on beside a call that cleans up. What is returned is the exit status (clone(2)): an
 * _exit() here would have ASan search the wrong stack.
 */
static int become(void *arg)
{
	struct start *st = arg;
	const char *const name[] = { st->s->path, NULL };
	union arguments argv = { .in = st->s->argv ? st->s->argv : name };
	int rc = prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigset_t none;

	if (getppid() != st->parent)
		return EXIT_FAILURE;
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = STDIN_FILENO; !rc && fd <= STDERR_FILENO; fd++)
		rc = st->stdio[fd] < 0 || dup2(st->stdio[fd], fd) >= 0 ? 0 : -1;
	for (size_t i = 0; !rc && i < st->s->n_hold; i++)
		rc = fcntl(st->s->hold[i], F_SETFD, 0);
	if (!rc)
		(void)execve(st->s->path, argv.out, st->s->envp);
	st->error = errno;
	return EXIT_FAILURE;
}

static int try_start(struct child *ch, const int stdio[3], char *stack)
{
	struct start st = { .s = ch->s, .stdio = stdio, .parent = getpid() };

	ch->pid = clone(become, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &st);
	if (ch->pid < 0)
		return -1;
	if (!st.error)
		return 0;
	(void)waitpid(ch->pid, NULL, 0);
	errno = st.error;
	return -1;
}

/*
 * The stack is not on ours: what an address sanitizer marks of a frame that never returns stays
 * marked.
 */
static int start(struct child *ch, const int stdio[3])
{
	char *stack = arena_alloc(ch->arena, STACK_SIZE);
	int rc = try_start(ch, stdio, stack);

	for (int i = 0; rc < 0 && errno == ETXTBSY && i < BUSY_TRIES; i++) {
		usleep(BUSY_PAUSE);
		rc = try_start(ch, stdio, stack);
	}
	return rc;
}

/* ---- talking --------------------------------------------------------------------------------- */

/* A child that does not read its stdin is within its rights. */
static void feed(struct child *ch)
{
	ssize_t n = write(ch->in, ch->text, ch->left);

	if (n > 0) {
		ch->text += n;
		ch->left -= (size_t)n;
	}
	if (!ch->left || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop_fd(&ch->in);
}

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
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return err_sys(err, "read from %s", ch->s->path);
	if (n == 0)
		drop_fd(&ch->out);
	ch->used += n > 0 ? (size_t)n : 0;
	if (ch->used > (ch->s->max_out ? ch->s->max_out : SPAWN_MAX_OUTPUT))
		return err_set(err, ERR_INTERNAL, "%s: output too large", ch->s->path);
	return 0;
}

/* All of it is passed on to our stderr, the first is kept. False at its end. */
static bool overhear(struct child *ch)
{
	char buf[WORDS_MAX];
	ssize_t n = read(ch->words, buf, sizeof(buf));
	size_t more = WORDS_MAX - 1 - ch->n_said;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	(void)!write(STDERR_FILENO, buf, (size_t)n);
	if (more > (size_t)n)
		more = (size_t)n;
	memcpy(ch->said + ch->n_said, buf, more);
	ch->n_said += more;
	return true;
}

/* For poll(2): at most so many milliseconds. */
static int time_left(const struct child *ch)
{
	int64_t left = ch->deadline - clock_ms();

	if (!ch->deadline)
		return -1;
	return left > 0 ? (int)left : 0;
}

/*
 * 1: its time is over, whatever it still has to say. What it has started may keep a pipe open for
 * longer than it lives.
 */
static int talk(struct child *ch, struct err *err)
{
	if (!ch->left)
		drop_fd(&ch->in);
	while (ch->out >= 0 || ch->words >= 0) {
		struct pollfd fds[] = { { .fd = ch->out, .events = POLLIN },
					{ .fd = ch->in, .events = POLLOUT },
					{ .fd = ch->words, .events = POLLIN } };
		int left = time_left(ch), n = left ? poll(fds, ARRAY_SIZE(fds), left) : 0;

		if (n < 0 && errno != EINTR)
			return err_sys(err, "poll %s", ch->s->path);
		if (n == 0)
			return 1;
		if (n < 0)
			continue;
		if (fds[1].revents)
			feed(ch);
		if (fds[0].revents && drain(ch, err) < 0)
			return -1;
		if (fds[2].revents && !overhear(ch))
			drop_fd(&ch->words);
	}
	return 0;
}

/* It may close its stdout and live on. False: its time is over. */
static bool ends_in_time(const struct child *ch)
{
	auto_close int fd = ch->deadline ? (int)syscall(SYS_pidfd_open, ch->pid, 0) : -1;
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int n = fd < 0 ? 1 : -1;

	while (n < 0) {
		n = poll(&end, 1, time_left(ch));
		if (n < 0 && errno != EINTR)
			return true;
	}
	return n > 0;
}

static int make_pipe(int *read_end, int *write_end, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "create pipe");
	*read_end = ends[0];
	*write_end = ends[1];
	return 0;
}

/*
 * Our ends of the pipes in *ch, the child's in child_end[3]; its stderr stays ours if it is not
 * asked for it.
 */
static int make_pipes(struct child *ch, int child_end[3], struct err *err)
{
	if (make_pipe(&child_end[0], &ch->in, err) < 0 ||
	    make_pipe(&ch->out, &child_end[1], err) < 0)
		return -1;
	(void)fcntl(ch->in, F_SETFL, O_NONBLOCK); /* so that a full pipe does not hold us */
	return ch->s->listen ? make_pipe(&ch->words, &child_end[2], err) : 0;
}

static int converse(struct child *ch, struct spawn_result *res, struct err *err)
{
	int rc = talk(ch, err);

	drop_fd(&ch->in); /* it may wait for the end of it */
	if (!rc && !ends_in_time(ch))
		rc = 1;
	if (rc)
		(void)kill(ch->pid, SIGKILL);
	drop_fd(&ch->out);
	drop_fd(&ch->words);
	while (waitpid(ch->pid, &res->status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for %s", ch->s->path);
	ch->buf[ch->used] = '\0';
	res->said = arena_strndup(ch->arena, ch->said, ch->n_said);
	while (ch->n_said && ch->said[ch->n_said - 1] == '\n')
		ch->n_said--;
	res->out = ch->buf;
	res->out_len = ch->used;
	res->words = arena_strndup(ch->arena, ch->said, ch->n_said);
	res->unheard = ch->left > 0;
	res->timed_out = rc > 0;
	return rc < 0 ? -1 : 0;
}

int spawn(const struct spawn *s, struct spawn_result *res, struct arena *arena, struct err *err)
{
	struct child ch = {
		.s = s,
		.in = -1,
		.out = -1,
		.words = -1,
		.text = s->in,
		.left = s->in_len,
		.buf = arena_alloc(arena, FIRST_BUFFER),
		.size = FIRST_BUFFER,
		.deadline = s->timeout_ms ? clock_ms() + s->timeout_ms : 0,
		.arena = arena,
	};
	int child_end[3] = { -1, -1, -1 };
	int rc = make_pipes(&ch, child_end, err);

	if (!rc && start(&ch, child_end) < 0)
		rc = err_sys(err, "run %s", s->path);
	for (size_t i = 0; i < ARRAY_SIZE(child_end); i++)
		drop_fd(&child_end[i]);
	if (!rc)
		rc = converse(&ch, res, err);
	drop_fd(&ch.in);
	drop_fd(&ch.out);
	drop_fd(&ch.words);
	return rc;
}

int spawn_succeeded(const char *path, const struct spawn_result *res, struct err *err)
{
	bool exited = WIFEXITED(res->status);

	if (exited && !WEXITSTATUS(res->status))
		return 0;
	err_fill(err, ERR_INTERNAL, 0, "%s failed: %s %d", path, exited ? "exit status" : "signal",
		 exited ? WEXITSTATUS(res->status) : WTERMSIG(res->status));
	snprintf(err->details, sizeof(err->details), "%s", res->words);
	return -1;
}

const char *spawn_beside(const char *name, struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *path;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	path = arena_printf(arena, "%s/%s", self, name);
	return access(path, X_OK) == 0 ? path : NULL;
}
