/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netns_scan.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/netns.h"

#define LINK_LEN 64  /* "net:[4026531840]" */
#define PATH_LEN 100 /* /proc/PID/task/TID/DIR/ENTRY... */

/* A mount namespace, and the root from which its mounts are shown; NULL: it is like no other. */
struct mounts {
	uint64_t ns, dev, inode;
	const char *root;
};

struct walk {
	struct netns_scan *scan;
	struct arena *arena;
	dev_t nsfs;
	struct mounts *seen;
	size_t n_seen;
};

static struct netns_holder *add(struct walk *w, uint64_t inode, int pid, const char *path)
{
	struct netns_holder *h = arena_append(w->arena, w->scan->list, w->scan->n);

	*h = (struct netns_holder){
		.inode = inode,
		.path = arena_strdup(w->arena, path),
		.pid = pid,
	};
	return h;
}

/* One that has ended meanwhile holds nothing; EINVAL is of its mountinfo. */
static void failed(struct walk *w)
{
	if (errno != ENOENT && errno != ESRCH && errno != ENOTDIR && errno != EINVAL)
		w->scan->complete = false;
}

/* The inode in "net:[N]"; 0: it is no network namespace. */
static uint64_t inode_in(const char *text)
{
	return strncmp(text, "net:[", 5) != 0 ? 0 : strtoull(text + 5, NULL, 10);
}

/* Of a file system whose server may not answer: what the kernel knows of it. */
static int identify(const char *path, struct stat *st)
{
	return fstatat(AT_FDCWD, path, st, AT_STATX_DONT_SYNC);
}

static uint64_t inode_behind(const struct walk *w, const char *path)
{
	struct stat st;

	return identify(path, &st) == 0 && st.st_dev == w->nsfs ? st.st_ino : 0;
}

/*
 * What was opened by a mount of it is named by that mount: by a path that scan_mounts() has as
 * well, by "/" once it is mounted there no more, or by none, if that is beyond PATH_MAX.
 */
static uint64_t link_inode(struct walk *w, const char *path)
{
	char text[LINK_LEN];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n < 0 && errno == ENAMETOOLONG)
		return inode_behind(w, path);
	if (n < 0)
		failed(w);
	text[n < 0 ? 0 : n] = '\0';
	return strcmp(text, "/") != 0 ? inode_in(text) : inode_behind(w, path);
}

/* ---- a task: /proc/PID, or /proc/PID/task/TID ------------------------------------------------ */

/* The links below TASK/DIR: each entry, or what lies behind it. holder: as .pid. */
static void scan_links(struct walk *w, const char *task, const char *dir, const char *behind,
		       int holder)
{
	char path[PATH_LEN];
	auto_dir DIR *d = NULL;
	const struct dirent *e;

	snprintf(path, sizeof(path), "%s/%s", task, dir);
	d = opendir(path);
	if (!d)
		failed(w);
	while (d && (e = readdir(d))) {
		uint64_t inode;

		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%.20s%s", task, dir, e->d_name, behind);
		inode = link_inode(w, path);
		if (inode)
			(void)add(w, inode, holder, path);
	}
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* A space, a tab, a newline and a backslash are written as \ooo there. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\\' && is_octal(s + 1)) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/*
 * proc_pid_mountinfo(5): ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ...; the root of a mounted namespace
 * is "net:[N]". The path leads there through the process's root.
 */
static void scan_mount_line(struct walk *w, const char *task, char *line)
{
	const char *root = NULL;
	char *point = NULL;
	uint64_t inode;

	for (int i = 0; line; i++) {
		char *field = strsep(&line, " ");

		if (i == 3)
			root = field;
		if (i == 4)
			point = field;
	}
	inode = root ? inode_in(root) : 0;
	if (!inode || !point)
		return;
	unescape(point);
	add(w, inode, 0, arena_printf(w->arena, "%s/root%s", task, point))->mounted = true;
}

/*
 * `root` has PATH_MAX bytes, for m->root. A root may be deeper, or in a file system that tells
 * nobody but its owner of it: FUSE in a user namespace.
 */
static int mounts_of(const char *task, struct mounts *m, char *root)
{
	char path[PATH_LEN];
	struct stat ns, dir;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/ns/mnt", task);
	if (stat(path, &ns) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/root", task);
	n = readlink(path, root, PATH_MAX - 1);
	*m = (struct mounts){ 0 };
	if (n < 0 || identify(path, &dir) < 0)
		return 0;
	root[n] = '\0';
	*m = (struct mounts){ ns.st_ino, dir.st_dev, dir.st_ino, root };
	return 0;
}

static bool is_seen(const struct walk *w, const struct mounts *m)
{
	for (size_t i = 0; i < w->n_seen; i++) {
		const struct mounts *s = &w->seen[i];

		if (s->ns == m->ns && s->dev == m->dev && s->inode == m->inode &&
		    !strcmp(s->root, m->root))
			return true;
	}
	return false;
}

static int read_mounts(struct walk *w, const char *task)
{
	char path[PATH_LEN], *line = NULL;
	size_t size = 0;
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "%s/mountinfo", task);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (getline(&line, &size, f) > 0)
		scan_mount_line(w, task, line);
	rc = ferror(f) ? -1 : 0;
	free(line);
	(void)fclose(f);
	return rc;
}

/* Of each mount namespace, as it is seen from each root in it, once. -1: it could not be read. */
static int scan_mounts(struct walk *w, const char *task)
{
	char root[PATH_MAX];
	struct mounts m;

	if (mounts_of(task, &m, root) < 0)
		return -1;
	if (m.root && is_seen(w, &m))
		return 0;
	if (read_mounts(w, task) < 0)
		return -1;
	if (!m.root)
		return 0;
	m.root = arena_strdup(w->arena, root);
	*arena_append(w->arena, w->seen, w->n_seen) = m;
	return 0;
}

static int scan_task(struct walk *w, const char *task)
{
	scan_links(w, task, "fd", "", 0);
	if (scan_mounts(w, task) == 0)
		return 0;
	failed(w);
	return -1;
}

/* When the first thread has ended, what the others hold is below each of theirs. */
static void scan_process(struct walk *w, int pid)
{
	char task[PATH_LEN];
	auto_dir DIR *d = NULL;
	const struct dirent *e;

	snprintf(task, sizeof(task), "/proc/%d", pid);
	scan_links(w, task, "task", "/ns/net", pid);
	if (scan_task(w, task) == 0)
		return;
	snprintf(task, sizeof(task), "/proc/%d/task", pid);
	d = opendir(task);
	while (d && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		snprintf(task, sizeof(task), "/proc/%d/task/%.10s", pid, e->d_name);
		(void)scan_task(w, task);
	}
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
	w.nsfs = st.st_dev;
	while ((e = readdir(d))) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid > 0)
			scan_process(&w, pid);
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

enum found {
	IT,
	NOT_IT,    /* another namespace of that inode */
	ELSEWHERE, /* the path leads to nothing, or to something else */
};

/* *has: the cookie of the namespace there, 0 = not known, to be asked for. */
static enum found look_at(const char *path, uint64_t inode, uint64_t cookie, uint64_t *has,
			  struct err *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (cookie && *has)
		return *has == cookie ? IT : NOT_IT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return ELSEWHERE;
	if (!cookie || fd < 0 || fstat(fd, &st) < 0)
		return IT;
	if (st.st_ino != inode)
		return ELSEWHERE;
	if (netns_run(fd, take_cookie, has, err) < 0 || !*has)
		return IT;
	return *has == cookie ? IT : NOT_IT;
}

bool netns_scan_has(struct netns_scan *s, uint64_t inode, uint64_t cookie, struct err *err)
{
	const struct netns_holder *first = netns_scan_find(s, inode);

	for (size_t i = first ? (size_t)(first - s->list) : s->n;
	     i < s->n && s->list[i].inode == inode; i++) {
		struct netns_holder *h = &s->list[i];
		enum found found = look_at(h->path, inode, cookie, &h->cookie, err);

		if (found == IT || (found == ELSEWHERE && h->mounted))
			return true;
		if (found == NOT_IT)
			return false; /* one inode is one namespace at a time */
	}
	return false;
}

bool netns_scan_is_at(const char *path, uint64_t inode, uint64_t cookie, struct err *err)
{
	uint64_t has = 0;
	struct stat st;

	return *path && stat(path, &st) == 0 && st.st_ino == inode &&
	       look_at(path, inode, cookie, &has, err) == IT;
}
