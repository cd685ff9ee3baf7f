/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - kernel resources are released by scope, never by hand.
 *
 *	auto_close int fd = open(...);		-1 means nothing to do
 *	return take_fd(&fd);			ownership leaves the scope
 *	auto_dir DIR *d = opendir(...);		NULL means nothing to do
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static inline void close_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}
#define auto_close __attribute__((cleanup(close_fd)))

/* The same before the scope ends. */
static inline void drop_fd(int *fd)
{
	close_fd(fd);
	*fd = -1;
}

static inline void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define auto_dir __attribute__((cleanup(close_dir)))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
