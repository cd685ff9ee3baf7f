/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sysctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"

static int sysctl_open(const char *path, int flags, struct err *err)
{
	char full[256];
	int fd;

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return err_set(err, ERR_INTERNAL, "sysctl path too long: %s", path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", full) : fd;
}

int sysctl_read(const char *path, char *buf, size_t size, struct err *err)
{
	auto_close int fd = sysctl_open(path, O_RDONLY, err);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return err_sys(err, "read sysctl %s", path);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int sysctl_write(const char *path, const char *value, struct err *err)
{
	auto_close int fd = sysctl_open(path, O_WRONLY, err);
	const char *text = *value ? value : "\n"; /* nothing written changes nothing */

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) < 0)
		return err_sys(err, "write %s to sysctl %s", value, path);
	return 0;
}

int sysctl_ensure(const char *path, const char *value, struct err *err)
{
	char now[64];

	if (sysctl_read(path, now, sizeof(now), err) < 0)
		return -1;
	return strcmp(now, value) ? sysctl_write(path, value, err) : 0;
}
