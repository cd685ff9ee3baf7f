/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "skel/call.h"
#include "sys/file.h"

#define TOOL    "cnic"
#define CNITOOL "cnitool"
#define HELPER  "cnic-firewalld"
#define ROOM    64

/* Every executable of ours has this in it, cnic-firewalld, which is built apart, as well. */
static const char mark[] = "This is an executable of cnic, the CNI plugins in C.";

struct item {
	const char *name;
	const char *from; /* NULL: this executable */
	bool kept;        /* what had the name before is kept aside */
	bool placed;
	char fresh[NAME_MAX + 1], old[NAME_MAX + 1]; /* names beside the name */
};

struct install {
	int dir;
	const char *path;
	bool tools; /* these instead of the plugins */
	struct item items[ROOM];
	size_t n;
};

static int complain(const struct install *in, const char *name)
{
	fprintf(stderr, TOOL ": %s/%s: %s\n", in->path, name, strerror(errno));
	return -1;
}

/*
 * With what an install that was killed has left. It may be a link to a plugin in use, so it is
 * unlinked, never written to.
 */
static void clear(const struct install *in)
{
	(void)unlinkat(in->dir, ".cnic-new", 0); /* an earlier version's */
	(void)unlinkat(in->dir, ".cnic-link", 0);
	for (size_t i = 0; i < in->n; i++) {
		(void)unlinkat(in->dir, in->items[i].fresh, 0);
		(void)unlinkat(in->dir, in->items[i].old, 0);
	}
}

/* ---- what is to be installed ----------------------------------------------------------------- */

static struct item *find(struct install *in, const char *name)
{
	for (size_t i = 0; i < in->n; i++)
		if (!strcmp(in->items[i].name, name))
			return &in->items[i];
	return NULL;
}

static int add(struct install *in, const char *name, const char *from)
{
	struct item *it = find(in, name);

	if (!it && in->n == ROOM) {
		errno = E2BIG;
		return complain(in, name);
	}
	if (!it)
		it = &in->items[in->n++];
	*it = (struct item){ .name = name, .from = from };
	snprintf(it->fresh, sizeof(it->fresh), ".cnic-new-%s", name);
	snprintf(it->old, sizeof(it->old), ".cnic-old-%s", name);
	return 0;
}

static int begin(struct install *in, const char *path, bool tools)
{
	*in = (struct install){ .dir = -1, .path = path, .tools = tools };
	if (add(in, TOOL, NULL) < 0 || (tools && add(in, CNITOOL, NULL) < 0))
		return -1;
	for (const struct cni_plugin *const *p = cni_plugins; !tools && *p; p++)
		if (add(in, (*p)->name, NULL) < 0)
			return -1;
	in->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return in->dir < 0 || flock(in->dir, LOCK_EX) < 0 ? complain(in, "") : 0;
}

/* ---- installing ------------------------------------------------------------------------------ */

static int copy_file(const struct install *in, const struct item *it)
{
	auto_close int from = open(it->from ? it->from : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	auto_close int to = from < 0 ? -1 : openat(in->dir, it->fresh, flags, 0755);
	char buf[65536];
	ssize_t n;

	if (to < 0)
		return -1;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (file_write_fd(to, buf, (size_t)n) < 0)
			return -1;
	return n < 0 || fchmod(to, 0755) < 0 || fsync(to) < 0 ? -1 : 0;
}

/*
 * Another name of this very file; not where somebody else may write to it, who could then change a
 * tool that root calls. Of another file system it cannot be.
 */
static bool link_self(const struct install *in, const struct item *it)
{
	struct stat st;

	return stat("/proc/self/exe", &st) == 0 && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       linkat(AT_FDCWD, "/proc/self/exe", in->dir, it->fresh, AT_SYMLINK_FOLLOW) == 0;
}

/* Under a name of its own, beside the file to be replaced. A directory is not replaced. */
static int stage(const struct install *in, struct item *it)
{
	struct stat st;
	int rc;

	if (fstatat(in->dir, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (it == in->items && in->tools && link_self(in, it))
		rc = 0;
	else if (it->from || it == in->items)
		rc = copy_file(in, it);
	else
		rc = linkat(in->dir, in->items->fresh, in->dir, it->fresh, 0);
	if (rc < 0)
		return -1;
	it->kept = linkat(in->dir, it->name, in->dir, it->old, 0) == 0;
	return it->kept || errno == ENOENT ? 0 : -1;
}

static int place(const struct install *in, struct item *it)
{
	it->placed = renameat(in->dir, it->fresh, in->dir, it->name) == 0;
	return it->placed ? 0 : -1;
}

static void put_back(const struct install *in)
{
	for (size_t i = in->n; i-- > 0;) {
		const struct item *it = &in->items[i];

		if (it->placed && (it->kept ? renameat(in->dir, it->old, in->dir, it->name)
					    : unlinkat(in->dir, it->name, 0)) < 0)
			(void)complain(in, it->name);
	}
	clear(in);
	fprintf(stderr, TOOL ": nothing is installed, %s is as it was\n", in->path);
}

static int install_all(struct install *in)
{
	int (*const steps[])(const struct install *, struct item *) = { stage, place };

	clear(in);
	for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
		for (size_t i = 0; i < in->n; i++)
			if (steps[k](in, &in->items[i]) < 0)
				return complain(in, in->items[i].name);
	return fsync(in->dir) < 0 ? complain(in, "") : 0;
}

int install_run(int argc, char **argv)
{
	bool tools = !strcmp(argv[1], "--tools");
	struct install in;
	int rc;

	if (tools && argc != 3)
		return -1;
	rc = begin(&in, argv[1 + tools], tools);
	for (int i = 2; !rc && !tools && i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');

		rc = add(&in, slash ? slash + 1 : argv[i], argv[i]);
	}
	if (!rc)
		rc = install_all(&in);
	if (rc < 0)
		put_back(&in);
	else
		clear(&in);
	close_fd(&in.dir);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- uninstalling ---------------------------------------------------------------------------- */

static bool is_ours(const struct install *in, const char *name)
{
	auto_close int fd = openat(in->dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool has;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return false;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	has = memmem(map, (size_t)st.st_size, mark, sizeof(mark) - 1);
	munmap(map, (size_t)st.st_size);
	return has;
}

int install_remove_run(int argc, char **argv)
{
	bool tools = !strcmp(argv[1], "--tools");
	struct install in;
	int rc;

	if (argc != 2 + tools)
		return -1;
	rc = begin(&in, argv[1 + tools], tools);
	if (!rc && !tools)
		rc = add(&in, HELPER, NULL);
	for (size_t i = in.n; in.dir >= 0 && i-- > 0;) { /* cnic last: others may be links to it */
		const char *name = in.items[i].name;
		struct stat st;

		if (fstatat(in.dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!is_ours(&in, name))
			fprintf(stderr, TOOL ": %s/%s is not ours, and stays\n", in.path, name);
		else if (unlinkat(in.dir, name, 0) < 0)
			rc = complain(&in, name);
	}
	if (in.dir >= 0)
		clear(&in);
	close_fd(&in.dir);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
