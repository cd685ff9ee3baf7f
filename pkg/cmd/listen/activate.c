/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/activate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST        3 /* SD_LISTEN_FDS_START */
#define NAME_MAX_LEN 255

bool listen_name_fits(const char *name)
{
	size_t n = strlen(name);

	for (const char *c = name; *c; c++)
		if (*c == ':' || (unsigned char)*c < ' ' || *c == 127)
			return false;
	return n > 0 && n <= NAME_MAX_LEN;
}

/*
 * What lies on a number that one before it is to have goes out of the way, then each to its number.
 * Those that were opened one after the other have none such, and need no further numbers.
 */
static int line_up(int *fds, size_t n)
{
	int end = FIRST + (int)n;

	for (size_t i = 0; i < n; i++) {
		int fd = fds[i];

		if (fd >= FIRST + (int)i)
			continue;
		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, end);
		close(fd);
		if (fds[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		int number = FIRST + (int)i, fd = fds[i];

		if (fd == number ? fcntl(fd, F_SETFD, 0) : dup2(fd, number) < 0)
			return -1;
		if (fd != number)
			close(fd);
		fds[i] = number;
	}
	return 0;
}

static int tell(size_t n, const char *names)
{
	char pid[16], count[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(count, sizeof(count), "%zu", n);
	/* sd_listen_fds(3): the pidfd of whom sockets that we were given ourselves were for. */
	if (unsetenv("LISTEN_PIDFDID") < 0 || setenv("LISTEN_PID", pid, 1) < 0 ||
	    setenv("LISTEN_FDS", count, 1) < 0)
		return -1;
	return names ? setenv("LISTEN_FDNAMES", names, 1) : unsetenv("LISTEN_FDNAMES");
}

int listen_activate(int *fds, size_t n, const char *names, const struct rlimit *files,
		    char **command, struct err *err)
{
	if (line_up(fds, n) < 0)
		return err_sys(err, "number %zu sockets", n);
	(void)setrlimit(RLIMIT_NOFILE, files);
	(void)syscall(SYS_close_range, FIRST + (unsigned int)n, ~0U, 0U);
	if (tell(n, names) < 0)
		return err_sys(err, "set LISTEN_FDS");
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	(void)execvp(*command, command);
	return err_sys(err, "run %s", *command);
}
