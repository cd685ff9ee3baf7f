/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netns_scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/netns.h"

#define LINK_LEN 64 /* "net:[4026531840]" */

struct walk {
	struct netns_scan *scan;
	struct arena *arena;
	uint64_t *seen; /* mount namespaces */
	size_t n_seen;
};

static void add(struct walk *w, uint64_t inode, int pid, const char *path)
{
	*arena_append(w->arena, w->scan->list, w->scan->n) =
		(struct netns_holder){ inode, arena_strdup(w->arena, path), pid };
}

/* One that has ended meanwhile holds nothing. */
static void failed(struct walk *w)
{
	if (errno != ENOENT && errno != ESRCH && errno != ENOTDIR)
		w->scan->complete = false;
}

/* The inode in "net:[N]"; 0: it is no network namespace. */
static uint64_t inode_in(const char *text)
{
	return strncmp(text, "net:[", 5) != 0 ? 0 : strtoull(text + 5, NULL, 10);
}

static uint64_t link_inode(struct walk *w, const char *path)
{
	char text[LINK_LEN];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n < 0)
		failed(w);
	text[n < 0 ? 0 : n] = '\0';
	return inode_in(text);
}

/* ---- a process ------------------------------------------------------------------------------- */

/* The links below /proc/PID/DIR: each entry, or what lies behind it. holder: as .pid. */
static void scan_links(struct walk *w, int pid, const char *dir, const char *behind, int holder)
{
	char path[80];
	auto_dir DIR *d = NULL;
	const struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, dir);
	d = opendir(path);
	if (!d)
		failed(w);
	while (d && (e = readdir(d))) {
		uint64_t inode;

		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/%s/%.20s%s", pid, dir, e->d_name, behind);
		inode = link_inode(w, path);
		if (inode)
			add(w, inode, holder, path);
	}
}

/*
 * proc_pid_mountinfo(5): ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ...; the root of a mounted namespace
 * is "net:[N]". The path leads there through the process's root.
 */
static void scan_mount_line(struct walk *w, int pid, char *line)
{
	const char *root = NULL, *point = NULL;
	uint64_t inode;

	for (int i = 0; line; i++) {
		const char *field = strsep(&line, " ");

		if (i == 3)
			root = field;
		if (i == 4)
			point = field;
	}
	inode = root ? inode_in(root) : 0;
	if (inode && point)
		add(w, inode, 0, arena_printf(w->arena, "/proc/%d/root%s", pid, point));
}

static bool is_seen(struct walk *w, uint64_t mount_ns)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i] == mount_ns)
			return true;
	*arena_append(w->arena, w->seen, w->n_seen) = mount_ns;
	return false;
}

/* Of each mount namespace once. */
static void scan_mounts(struct walk *w, int pid)
{
	char path[80], *line = NULL;
	size_t size = 0;
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	if (stat(path, &st) < 0) {
		failed(w);
		return;
	}
	if (is_seen(w, st.st_ino))
		return;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	f = fopen(path, "re");
	if (!f) {
		failed(w);
		return;
	}
	while (getline(&line, &size, f) > 0)
		scan_mount_line(w, pid, line);
	free(line);
	(void)fclose(f);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int compare(const void *x, const void *y)
{
	const struct netns_holder *a = x, *b = y;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->pid == 0) - (b->pid == 0);
}

int netns_scan(struct netns_scan *s, struct arena *arena, struct err *err)
{
	struct walk w = { .scan = s, .arena = arena };
	auto_dir DIR *d = opendir("/proc");
	const struct dirent *e;
	struct stat st;

	*s = (struct netns_scan){ .complete = true };
	if (!d || stat("/proc/self/ns/pid", &st) < 0)
		return err_sys(err, "open /proc");
	s->pid_ns = st.st_ino;
	while ((e = readdir(d))) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		scan_links(&w, pid, "task", "/ns/net", pid);
		scan_links(&w, pid, "fd", "", 0);
		scan_mounts(&w, pid);
	}
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), compare);
	return 0;
}

const struct netns_holder *netns_scan_find(const struct netns_scan *s, uint64_t inode)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && s->list[low].inode == inode ? &s->list[low] : NULL;
}

static int take_cookie(void *arg)
{
	auto_close int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*(uint64_t *)arg = sock < 0 ? 0 : netns_cookie(sock);
	return 0;
}

bool netns_scan_has(const struct netns_scan *s, uint64_t inode, uint64_t cookie, struct err *err)
{
	const struct netns_holder *h = netns_scan_find(s, inode);

	for (; h && h < s->list + s->n && h->inode == inode; h++) {
		auto_close int fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		uint64_t other = 0;
		struct stat st;

		if (fd < 0 && errno == ENOENT)
			continue;
		if (!cookie || fd < 0 || fstat(fd, &st) < 0)
			return true;
		if (st.st_ino != inode)
			continue;
		if (netns_run(fd, take_cookie, &other, err) < 0 || !other || other == cookie)
			return true;
		return false; /* one inode is one namespace at a time */
	}
	return false;
}
