/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/deferred.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM 2 /* in the child they are 1 and 2 */

static struct {
	int fd, copy;
	bool slow, shared;
} kept[ROOM];
static int n_kept;

static void only(int fd)
{
	if (fd != STDIN_FILENO && dup2(fd, STDIN_FILENO) < 0)
		_exit(1);
	for (int i = 0; i < n_kept; i++)
		(void)dup2(kept[i].copy, 1 + i);
	if (syscall(SYS_close_range, 1 + n_kept, ~0U, 0) < 0) /* musl has no wrapper */
		for (int i = 1 + n_kept; i < 1024; i++)
			close(i);
}

pid_t deferred_fork(int fd)
{
	pid_t pid = fork();

	if (pid == 0)
		only(fd);
	for (int i = 0; pid > 0 && i < n_kept; i++)
		kept[i].shared = true;
	return pid;
}

static int find(int fd)
{
	for (int i = 0; i < n_kept; i++)
		if (kept[i].fd == fd)
			return i;
	return n_kept;
}

/* The copy is ours until the end: the caller closes its own, and gives the number to somebody else. */
void deferred_share_fd(int fd)
{
	int copy;

	if (n_kept == ROOM || find(fd) < n_kept)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	kept[n_kept].fd = fd;
	kept[n_kept++].copy = copy;
}

void deferred_mark_slow(int fd)
{
	deferred_share_fd(fd);
	if (find(fd) < n_kept)
		kept[find(fd)].slow = true;
}

/*
 * nf_tables waits in the closing of a netfilter socket until what has been deleted is freed, and nobody's
 * transaction goes on until then: it holds the lock that they take. Here we wait as long without it.
 * Where that is refused, it is as it would be without us.
 */
void deferred_exit(int status)
{
	if (n_kept)
		(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	_exit(status);
}

void deferred_close_all(void)
{
	for (int i = 0; i < n_kept; i++)
		if (kept[i].slow && !kept[i].shared && deferred_fork(kept[i].copy) == 0)
			deferred_exit(0);
}
