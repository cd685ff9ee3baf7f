/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "sys/lock.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* uapi/asm-generic/socket.h; musl 1.2.3 has not heard of it */
#endif

static const char own_path[] = "/proc/self/ns/net";

/* O_NONBLOCK: the path is the caller's word; a FIFO lying there must not hold us. */
static int open_path(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/*
 * ioctl_ns(2): only namespace files answer NS_GET_NSTYPE; everything else says ENOTTY or the like.
 */
static bool is_netns(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* We could not look; that says nothing of what is there. */
static bool is_our_trouble(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR ||
	       error == EACCES || error == EPERM;
}

int netns_open(const char *path, int *fd, bool *gone, struct err *err)
{
	auto_close int f = *path ? open_path(path) : -1;

	*fd = -1;
	if (f >= 0 && is_netns(f)) {
		*fd = take_fd(&f);
		return 0;
	}
	if (gone && (f >= 0 || !*path || !is_our_trouble(errno))) {
		*gone = true;
		return 0;
	}
	if (f >= 0)
		return err_set(err, ERR_NETNS, "%s is not a network namespace", path);
	err_fill(err, ERR_NETNS, *path ? errno : ENOENT, "open netns \"%s\"", path);
	return -1;
}

/* A process of ours lives in one namespace, and a walk through /proc is worth sparing. */
int netns_home(struct err *err)
{
	static int fd = -1;

	if (fd < 0)
		fd = open_path(own_path);
	return fd < 0 ? err_sys(err, "open %s", own_path) : fd;
}

int netns_is_home(int fd, bool *is_home, struct err *err)
{
	struct stat own, other;
	int home = netns_home(err);

	if (home < 0)
		return -1;
	if (fstat(home, &own) < 0 || fstat(fd, &other) < 0)
		return err_sys(err, "stat %s", own_path);
	*is_home = own.st_dev == other.st_dev && own.st_ino == other.st_ino;
	return 0;
}

uint64_t netns_cookie(int sock)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

int netns_lock(struct err *err)
{
	int home = netns_home(err);
	auto_close int fd = -1;
	struct stat own;
	char path[96];

	if (home < 0)
		return -1;
	if (fstat(home, &own) < 0)
		return err_sys(err, "stat %s", own_path);
	snprintf(path, sizeof(path), NETNS_LOCK_DIR "/netns-%ju-%ju", (uintmax_t)own.st_dev,
		 (uintmax_t)own.st_ino);
	if (mkdir(NETNS_LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "create " NETNS_LOCK_DIR);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (lock_fd_fifo(fd, path, err) < 0)
		return -1;
	return take_fd(&fd);
}

int netns_run(int fd, int (*fn)(void *arg), void *arg, struct err *err)
{
	int home = netns_home(err);
	int rc;

	if (home < 0)
		return -1;
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_sys(err, "enter container netns");
	rc = fn(arg);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return rc;
}
