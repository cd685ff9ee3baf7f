// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

void text(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(to, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		die("too long: %.80s", to);
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("%s: %s", path, strerror(errno));
}

/* ---- calls ------------------------------------------------------------------------------ */

static void environment_append(struct environment *e, char *variable)
{
	if (e->n == ENVIRONMENT_MAX - 1)
		die("the environment is too large");
	e->list[e->n++] = variable;
	e->list[e->n] = NULL;
}

void environment_add(struct environment *e, const char *fmt, ...)
{
	char *at = e->text + e->used;
	size_t size = sizeof(e->text) - e->used;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(at, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		die("the environment is too long: %.80s", at);
	e->used += (size_t)len + 1;
	environment_append(e, at);
}

void environment_inherit(struct environment *e)
{
	for (char **v = environ; *v; v++)
		environment_append(e, *v);
}

int open_input(const char *in)
{
	size_t len = strlen(in);
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0 || write(p[1], in, len) != (ssize_t)len)
		die("pipe: %s", strerror(errno));
	close(p[1]);
	return p[0];
}

/* We may keep signals blocked; a plugin must not. */
pid_t spawn(char *const *argv, char *const *envp, int in, int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int e;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (err >= 0)
		posix_spawn_file_actions_adddup2(&actions, err, 2);
	else
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	e = posix_spawnp(&pid, argv[0], &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (e)
		die("%s: %s", argv[0], strerror(e));
	return pid;
}

static bool is_readable(int fd, int limit_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return limit_ms < 0 || poll(&p, 1, limit_ms) == 1;
}

bool read_all(int fd, char *to, size_t size, int limit_ms)
{
	size_t len = 0;
	ssize_t n = 0;

	to[0] = '\0';
	while (len < size - 1) {
		if (!is_readable(fd, limit_ms))
			return false;
		n = read(fd, to + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		to[len] = '\0';
	}
	return n == 0;
}

/* ---- namespaces ------------------------------------------------------------------------- */

int netns_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

void netns_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		die("setns: %s", strerror(errno));
}

void netns_make(const char *path)
{
	int fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare: %s", strerror(errno));
	if (mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("mount %s: %s", path, strerror(errno));
}
