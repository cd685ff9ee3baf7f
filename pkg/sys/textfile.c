/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/textfile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

static int read_all(int fd, const char *path, char *buf, size_t size, size_t *len, struct err *err)
{
	*len = 0;
	for (;;) {
		ssize_t n = read(fd, buf + *len, size + 1 - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read %s", path);
		*len += (size_t)n;
		if (*len > size)
			return err_set(err, ERR_INTERNAL, "%s: grows while it is read", path);
		if (n == 0)
			return 0;
	}
}

int file_read(const char *path, size_t max, struct arena *arena, const char **text, size_t *len,
	      struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *buf;

	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INTERNAL, "%s: not a regular file", path);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(err, ERR_INTERNAL, "%s: larger than %zu bytes", path, max);
	buf = arena_alloc(arena, (size_t)st.st_size + 2);
	if (read_all(fd, path, buf, (size_t)st.st_size, len, err) < 0)
		return -1;
	buf[*len] = '\0';
	*text = buf;
	return 0;
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (strlen(path) >= sizeof(part))
		return err_set(err, ERR_CONFIG, "%.80s...: longer than a path can be", path);
	for (const char *p = path; *p; p++) {
		if (p == path || (p[1] && p[1] != '/'))
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p + 1 - path), path);
		if (mkdir(part, p[1] ? 0755 : mode) < 0 && errno != EEXIST)
			return err_sys(err, "create %s", part);
	}
	return 0;
}

static int write_all(int fd, const char *path, const char *text, size_t len, struct err *err)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "write %s", path);
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode, struct arena *arena,
		 struct err *err)
{
	const char *temp = arena_printf(arena, "%s.%d.tmp", path, (int)getpid());
	auto_close int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int rc;

	if (fd < 0)
		return err_sys(err, "create %s", temp);
	rc = write_all(fd, temp, text, len, err);
	if (!rc && rename(temp, path) < 0)
		rc = err_sys(err, "create %s", path);
	if (rc < 0)
		(void)unlink(temp);
	return rc;
}
