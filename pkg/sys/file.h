/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - small files: read whole, replaced whole. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* How to open what any program may have put there: no link is followed, no reader waited for. */
#define FILE_SAFE (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* read(2) until `size` bytes are there or the end is, write(2) until all is out; -1 with errno. */
ssize_t file_read_fd(int fd, char *buf, size_t size);
int file_write_fd(int fd, const char *text, size_t len);

/* Does a line go out at once? What a pipe takes at all it takes whole, up to PIPE_BUF (pipe(7)). */
bool file_takes_line(int fd);

/* Milliseconds since the last change; less than 0 where the clock has been set back since. */
int64_t file_age(const struct stat *st);

/*
 * The content, NUL-terminated, in the arena; more than `max` bytes is an error, and so is anything
 * that is no regular file. err->sys tells ENOENT. For files whose size is known: on disk, in sysfs.
 */
int file_read(const char *path, size_t max, struct arena *arena, const char **text, size_t *len,
	      struct err *err) NODISCARD;

/* A directory in `dir` for readdir(3), NULL if it cannot be. Follows no link. */
DIR *file_entries(int dir, const char *name);

/* Names in a directory, those that fit (NULL: all), in any order; none if it is not there. */
int file_names(const char *dir, bool (*fits)(const char *name), struct arena *arena,
	       const char ***names, size_t *n, struct err *err) NODISCARD;
void file_sort_names(const char **names, size_t n);

/* Make directories as mkdir -p does; only the last one gets the mode, the others 0755. */
int file_make_dirs(const char *path, mode_t mode, struct err *err) NODISCARD;

/*
 * The file has the old content or the new, never a part. `path` needs a directory that exists. The
 * draft is beside it under a name of its own; one that a killed writer has left is used again.
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode, struct arena *arena,
		 struct err *err) NODISCARD;

/* The same, and it is on the disk on return: of a power cut the new content is what is left. */
int file_replace_synced(const char *path, const char *text, size_t len, mode_t mode,
			struct arena *arena, struct err *err) NODISCARD;

/* The file and what a killed writer has left of it. No file is fine. */
int file_remove(const char *path, struct arena *arena, struct err *err) NODISCARD;

/* What a killed writer has left of a file; the drafts of all killed writers in a directory. */
void file_remove_draft(const char *path, struct arena *arena);
void file_remove_drafts(const char *dir, struct arena *arena);
bool file_is_draft(const char *name);
