/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/file.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/lock.h"

ssize_t file_read_fd(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size && (n = read(fd, buf + used, size - used)) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		used += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)used;
}

int file_write_fd(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -1;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

bool file_takes_line(int fd)
{
	struct pollfd to = { .fd = fd, .events = POLLOUT };

	return poll(&to, 1, 0) != 0;
}

int64_t file_age(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)(now.tv_sec - st->st_mtim.tv_sec) * 1000 +
	       (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
}

int file_read(const char *path, size_t max, struct arena *arena, const char **text, size_t *len,
	      struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;
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
	n = file_read_fd(fd, buf, (size_t)st.st_size + 1);
	if (n < 0)
		return err_sys(err, "read %s", path);
	if (n > st.st_size)
		return err_set(err, ERR_INTERNAL, "%s: grows while it is read", path);
	*len = (size_t)n;
	buf[n] = '\0';
	*text = buf;
	return 0;
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (strlen(path) >= sizeof(part))
		return err_config(err, "%.80s...: longer than a path can be", path);
	for (const char *p = path; *p; p++) {
		if (p == path || (p[1] && p[1] != '/'))
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p + 1 - path), path);
		if (mkdir(part, p[1] ? 0755 : mode) < 0 && errno != EEXIST)
			return err_sys(err, "create %s", part);
	}
	return 0;
}

DIR *file_entries(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (entries)
		(void)take_fd(&fd);
	return entries;
}

int file_names(const char *dir, bool (*fits)(const char *name), struct arena *arena,
	       const char ***names, size_t *n, struct err *err)
{
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	*names = NULL;
	*n = 0;
	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, "open %s", dir);
	for (errno = 0; (e = readdir(d)); errno = 0)
		if (!fits || fits(e->d_name))
			*arena_append(arena, *names, *n) = arena_strdup(arena, e->d_name);
	return errno ? err_sys(err, "read %s", dir) : 0;
}

void file_sort_names(const char **names, size_t n)
{
	if (n)
		qsort(names, n, sizeof(*names), str_compare);
}

/* ---- drafts: what is written before it has the file's name ----------------------------------- */

#define DRAFT ":.tmp" /* no name of a container or an interface has a colon */

bool file_is_draft(const char *name)
{
	size_t n = strlen(name), tail = sizeof(DRAFT) - 1;

	return n > tail && !strcmp(name + n - tail, DRAFT);
}

/*
 * It may have been renamed or removed while its lock was waited for. 1 still there, 0 not, -1 not
 * known.
 */
static int is_at(int fd, const char *path)
{
	struct stat own, other;

	if (fstat(fd, &own) < 0)
		return -1;
	if (lstat(path, &other) < 0)
		return errno == ENOENT ? 0 : -1;
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* A writer has its lock: what a writer that was killed has left is written over. */
static int open_draft(const char *draft, mode_t mode, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | FILE_SAFE;

	for (int here = 0; !here;) {
		auto_close int fd = open(draft, flags, mode);

		if (fd < 0)
			return err_sys(err, "create %s", draft);
		if (lock_fd(fd, draft, err) < 0) {
			if (err->code != ERR_RETRY) /* which is that another writer has it */
				(void)unlink(draft);
			return -1;
		}
		here = is_at(fd, draft);
		if (here > 0 && ftruncate(fd, 0) == 0)
			return take_fd(&fd);
	}
	(void)err_sys(err, "write %s", draft);
	(void)unlink(draft);
	return -1;
}

/* The name is on the disk when its directory is. */
static int sync_dir(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? arena_strndup(arena, path, (size_t)(slash - path) + 1) : ".";
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

struct replacement {
	const char *path, *text;
	size_t len;
	mode_t mode;
	bool sync;
};

static int replace(const struct replacement *r, struct arena *arena, struct err *err)
{
	const char *draft = arena_printf(arena, "%s" DRAFT, r->path);
	auto_close int fd = open_draft(draft, r->mode, err);
	int rc = 0;

	if (fd < 0)
		return -1;
	if (file_write_fd(fd, r->text, r->len) < 0 || (r->sync && fsync(fd) < 0))
		rc = err_sys(err, "write %s", draft);
	if (!rc && rename(draft, r->path) < 0)
		rc = err_sys(err, "create %s", r->path);
	if (rc < 0)
		(void)unlink(draft);
	else if (r->sync && sync_dir(r->path, arena) < 0)
		rc = err_sys(err, "write the directory of %s", r->path);
	return rc;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode, struct arena *arena,
		 struct err *err)
{
	const struct replacement r = { path, text, len, mode, false };

	return replace(&r, arena, err);
}

int file_replace_synced(const char *path, const char *text, size_t len, mode_t mode,
			struct arena *arena, struct err *err)
{
	const struct replacement r = { path, text, len, mode, true };

	return replace(&r, arena, err);
}

static void remove_draft(const char *draft)
{
	auto_close int fd = open(draft, O_RDONLY | FILE_SAFE);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_at(fd, draft) > 0)
		(void)unlink(draft);
}

void file_remove_draft(const char *path, struct arena *arena)
{
	remove_draft(arena_printf(arena, "%s" DRAFT, path));
}

int file_remove(const char *path, struct arena *arena, struct err *err)
{
	file_remove_draft(path, arena);
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
		return err_sys(err, "remove %s", path);
	return 0;
}

void file_remove_drafts(const char *dir, struct arena *arena)
{
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (file_is_draft(e->d_name))
			remove_draft(arena_printf(arena, "%s/%s", dir, e->d_name));
}
