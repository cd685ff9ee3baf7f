/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/deferred.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static int count(const struct deferred *d)
{
	return d ? d->n : 0;
}

static void close_others(const struct deferred *d, int fd)
{
	if (fd != STDIN_FILENO && dup2(fd, STDIN_FILENO) < 0)
		_exit(1);
	for (int i = 0; i < count(d); i++)
		(void)dup2(d->fds[i].copy, 1 + i);
	if (syscall(SYS_close_range, 1 + count(d), ~0U, 0) < 0) /* musl has no wrapper */
		for (int i = 1 + count(d); i < 1024; i++)
			close(i);
}

pid_t deferred_fork(struct deferred *d, int fd)
{
	pid_t pid = fork();

	if (pid == 0)
		close_others(d, fd);
	for (int i = 0; pid > 0 && i < count(d); i++)
		d->fds[i].shared = true;
	return pid;
}

static int find(const struct deferred *d, int fd)
{
	for (int i = 0; i < count(d); i++)
		if (d->fds[i].fd == fd)
			return i;
	return -1;
}

/* A copy, since the caller closes its own, whose number may then be another file's. */
void deferred_share_fd(struct deferred *d, int fd)
{
	int copy;

	if (!d || d->n == DEFERRED_FDS || find(d, fd) >= 0)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	d->fds[d->n].fd = fd;
	d->fds[d->n++].copy = copy;
}

void deferred_mark_slow(struct deferred *d, int fd)
{
	deferred_share_fd(d, fd);
	if (find(d, fd) >= 0)
		d->fds[find(d, fd)].slow = true;
}

/*
 * Closing a netfilter socket waits until what was deleted is freed, holding the lock that every
 * nf_tables transaction takes. membarrier(2) waits as long without it; where it is refused, the
 * close does.
 */
void deferred_exit(const struct deferred *d, int status)
{
	if (count(d))
		(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	_exit(status);
}

void deferred_close_all(struct deferred *d)
{
	for (int i = 0; i < count(d); i++)
		if (d->fds[i].slow && !d->fds[i].shared && deferred_fork(d, d->fds[i].copy) == 0)
			deferred_exit(d, 0);
	for (int i = 0; i < count(d); i++)
		close(d->fds[i].copy);
	if (d)
		*d = (struct deferred){ 0 };
}
