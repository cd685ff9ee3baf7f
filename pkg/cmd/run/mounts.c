/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/dev.h"
#include "cmd/run/mount.h"
#include "sys/file.h"

/* ---- places to mount on ---------------------------------------------------------------------- */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	return !strncmp(path, dir, n) && path[n] == '/';
}

/* Of what is still to be made, "x/.." is wherever x will be. */
static bool goes_up(const char *path)
{
	const char *at = path;

	while ((at = strstr(at, "/..")))
		if (strchr("/", *(at += 3)))
			return true;
	return false;
}

/* Where `path` leads, as far as it is there; NULL: it goes up again from what is not. */
static const char *without_links(struct run_mounts *m, const char *path)
{
	char *dir = arena_strdup(m->arena, path), buf[PATH_MAX];
	size_t n = strlen(dir);

	while (!realpath(n ? dir : "/", buf)) {
		while (n && dir[--n] != '/')
			;
		dir[n] = '\0';
		if (!n)
			return goes_up(path) ? NULL : path;
	}
	if (goes_up(path + n))
		return NULL;
	return arena_printf(m->arena, "%s%s", strcmp(buf, "/") != 0 ? buf : "", path + n);
}

/* The last of the first `n` mounts that `path` is below; NULL: none. */
static const struct run_mount *mount_above(const struct run_mounts *m, const char *path, size_t n)
{
	while (n-- > 0)
		if (is_below(path, m->at[n]))
			return &m->o->mounts[n];
	return NULL;
}

/*
 * Is it ours to make a place at `path`, the mounts before the `n`-th being there? In a file system
 * made for the command, and in its own root; not in what is the host's.
 */
static bool is_ours(struct run_mounts *m, const char *path, size_t n)
{
	const char *place = without_links(m, path);
	const struct run_mount *above;

	if (!place)
		return false;
	above = mount_above(m, place, n);
	return above ? !above->source : m->o->rootfs || is_below(place, "/dev");
}

/*
 * Links of /proc (proc(5), /proc/pid/fd) lead to what we have open, the host's files among that: a
 * link in the root that goes by one is none to make a place behind, nor to mount behind (ELOOP).
 */
static int open_in_root(const char *path, unsigned int flags)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				      .resolve = RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int check_way(struct run_mounts *m, const char *path)
{
	char *dir = arena_strdup(m->arena, path);
	auto_close int fd = -1;

	do {
		*strrchr(dir, '/') = '\0';
		fd = open_in_root(*dir ? dir : "/", 0);
	} while (fd < 0 && errno == ENOENT && *dir);
	if (fd < 0 && errno == ELOOP)
		return err_set(m->err, ERR_INTERNAL,
			       "no %s is made: a link on the way leads through /proc, or to itself",
			       path);
	return fd < 0 ? err_sys(m->err, "create %s", path) : 0;
}

static int make_file(const char *path, struct err *err)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 && errno != EEXIST ? err_sys(err, "create %s", path) : 0;
}

/* A directory, or an empty file, with the directories above it. What is there stays as it is. */
static int make_place(struct run_mounts *m, const char *path, bool is_dir, size_t n)
{
	char *parent = arena_strdup(m->arena, path);
	struct stat st;

	if (lstat(path, &st) == 0)
		return 0;
	if (!is_ours(m, path, n))
		return err_set(
			m->err, ERR_INTERNAL,
			"there is no %s to mount on, and none is made among the host's files",
			path);
	if (check_way(m, path) < 0)
		return -1;
	if (is_dir)
		return file_make_dirs(path, 0755, m->err);
	*strrchr(parent, '/') = '\0';
	if (*parent && file_make_dirs(parent, 0755, m->err) < 0)
		return -1;
	return make_file(path, m->err);
}

/*
 * Behind a link a mount would be at another path than this one leads to, once more is mounted: what
 * protects /proc, say, would not find it.
 */
static int make_directory(struct run_mounts *m, const char *path)
{
	struct stat st;

	if (make_place(m, path, true, 0) < 0)
		return -1;
	if (lstat(path, &st) < 0)
		return err_sys(m->err, "look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(m->err, ERR_INTERNAL, "%s: not a directory%s", path,
			       S_ISLNK(st.st_mode) ? ", but a symbolic link" : "");
	return 0;
}

/* ---- the root -------------------------------------------------------------------------------- */

/* Before anything covers them. */
static int open_sources(struct run_mounts *m)
{
	m->host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->host < 0)
		return err_sys(m->err, "open /");
	m->trees = arena_array(m->arena, int, m->o->n_mounts + 1);
	m->at = arena_array(m->arena, const char *, m->o->n_mounts + 1);
	for (size_t i = 0; i < m->o->n_mounts; i++) {
		const char *source = m->o->mounts[i].source;

		m->at[i] = m->o->mounts[i].target;
		m->trees[i] = source ? run_mount_clone(AT_FDCWD, source, m->err) : -1;
		if (source && m->trees[i] < 0)
			return -1;
	}
	return 0;
}

/*
 * The tree is mounted on the root, whatever the names are that lead to it. It is the root of this
 * process until the host's files are left. To pivot now would put those over it, and then "/.."
 * leads to them: so would a link in the root.
 */
static int enter_rootfs(struct run_mounts *m)
{
	auto_close int tree = run_mount_clone(AT_FDCWD, m->o->rootfs, m->err);
	struct stat st;

	if (tree < 0)
		return -1;
	if (fstat(tree, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(m->err, ERR_INTERNAL, "--rootfs %s: is not a directory",
			       m->o->rootfs);
	if (run_mount_without_devices(tree, m->err) < 0 || run_mount_attach(tree, "/", m->err) < 0)
		return -1;
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return err_sys(m->err, "enter %s", m->o->rootfs);
	return 0;
}

/* What is to be mounted on, but in another mount. */
static void make_places(struct run_mounts *m)
{
	static const char *const dirs[] = { "/dev", "/proc", "/sys" };
	static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf" };
	bool has_texts = m->o->net == RUN_NET_DEFAULT || m->o->net == RUN_NET_NAMED;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		(void)make_place(m, dirs[i], true, 0);
	for (size_t i = 0; has_texts && i < ARRAY_SIZE(files); i++)
		(void)make_place(m, files[i], false, 0);
	for (size_t i = 0; i < m->o->n_mounts; i++) {
		const char *target = m->o->mounts[i].target;
		struct stat st = { .st_mode = S_IFDIR };

		if (mount_above(m, target, i) || is_below(target, "/dev") ||
		    (m->trees[i] >= 0 && fstat(m->trees[i], &st) < 0))
			continue;
		(void)make_place(m, target, S_ISDIR(st.st_mode), 0);
	}
}

/* A place that cannot be made before is complained of when it is needed. */
static int make_read_only(struct run_mounts *m)
{
	struct err *err = m->err, ignored = { 0 };

	m->err = &ignored;
	if (m->o->rootfs)
		make_places(m);
	m->err = err;
	return run_mount_read_only(AT_FDCWD, "/", true, m->err);
}

static bool is_target(const struct run_mounts *m, const char *path)
{
	for (size_t i = 0; i < m->o->n_mounts; i++)
		if (!strcmp(m->o->mounts[i].target, path))
			return true;
	return false;
}

/* ---- /proc and /sys -------------------------------------------------------------------------- */

/*
 * The host's root may write here without any capability, be it in a user namespace (sysctl_perm in
 * fs/proc/proc_sysctl.c compares with GLOBAL_ROOT_UID).
 */
static int protect(struct run_mounts *m, int proc)
{
	static const char *const paths[] = { "sys",           "sysrq-trigger", "acpi", "asound",
					     "bus",           "dynamic_debug", "fs",   "irq",
					     "latency_stats", "mtrr",          "scsi" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct err ignored = { 0 };
		auto_close int tree = run_mount_clone(proc, paths[i], &ignored);

		if (tree < 0 && ignored.sys == ENOENT)
			continue;
		if (tree < 0)
			return err_set(m->err, ERR_INTERNAL, "%s", ignored.msg);
		if (run_mount_read_only(tree, "", false, m->err) < 0 ||
		    run_mount_attach_at(tree, proc, paths[i], m->err) < 0)
			return -1;
	}
	return 0;
}

/* The new one, and what --bind has put over it. */
static int protect_proc(struct run_mounts *m)
{
	auto_close int over = -1;

	if (!m->has_host_root || m->o->caps >> CAP_SYS_ADMIN & 1)
		return 0;
	if (is_target(m, "/proc"))
		over = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (over >= 0 && protect(m, over) < 0)
		return -1;
	return protect(m, m->proc);
}

/* Whoever owns the root directory may have renamed the place meanwhile. */
static int open_proc(struct run_mounts *m)
{
	struct statfs fs;

	m->proc = open("/proc", O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (m->proc < 0 || fstatfs(m->proc, &fs) < 0)
		return err_sys(m->err, "open /proc");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return err_set(m->err, ERR_INTERNAL, "/proc: somebody has put it elsewhere");
	return 0;
}

/* mount_too_revealing() in fs/namespace.c: a new one must not show what is hidden outside. */
static int make_proc(struct run_mounts *m)
{
	if (make_directory(m, "/proc") < 0)
		return -1;
	if (run_mount_new("proc", "/proc", RUN_MOUNT_INERT, NULL, m->err) == 0)
		return open_proc(m);
	if (m->err->sys != EPERM || !m->has_user)
		return -1;
	return err_wrap(m->err,
			"parts of /proc are hidden or read-only here, as in a container: a user "
			"namespace may have no new one (run the outer one with --cap-add all, or "
			"without root)");
}

/*
 * A new one shows the links of the network namespace. Whoever does not own that (a user namespace
 * in the host's: EPERM) sees the host's /sys, and so does who is in the host's (EBUSY).
 */
static int make_sys(struct run_mounts *m)
{
	auto_close int tree = -1;

	if (make_directory(m, "/sys") < 0)
		return -1;
	if (run_mount_new("sysfs", "/sys", RUN_MOUNT_INERT | MS_RDONLY, NULL, m->err) == 0)
		return 0;
	if (m->err->sys != EPERM && m->err->sys != EBUSY)
		return -1;
	err_clear(m->err);
	tree = run_mount_clone(m->host, "sys", m->err);
	if (tree < 0 || run_mount_read_only(tree, "", true, m->err) < 0)
		return -1;
	return run_mount_attach(tree, "/sys", m->err);
}

/* Whoever may not make nodes, in a user namespace or by a cgroup, binds the host's. */
static int make_dev(struct run_mounts *m)
{
	if (make_directory(m, "/dev") < 0)
		return -1;
	if (m->has_user)
		return run_dev_make(m->host, false, m->err);
	if (run_dev_make(m->host, true, m->err) == 0)
		return 0;
	if (m->err->sys != EPERM || umount2("/dev", MNT_DETACH) < 0)
		return -1;
	err_clear(m->err);
	return run_dev_make(m->host, false, m->err);
}

/* ---- what was asked for ---------------------------------------------------------------------- */

/* What is mounted over the root cannot be seen. */
static bool is_root(const char *path)
{
	char buf[PATH_MAX];

	return realpath(path, buf) && !strcmp(buf, "/");
}

/* A directory's place may be behind a link; a file covers a link, which may lead nowhere. */
static int check_place(struct run_mounts *m, const char *path, bool is_dir)
{
	auto_close int fd = open_in_root(path, is_dir ? 0 : O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(m->err, ERR_INTERNAL,
			       "a link on the way leads through /proc, or to itself");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(m->err, "look for it");
	if (is_dir && is_root(path))
		return err_set(m->err, ERR_INTERNAL, "leads to the root directory");
	if (S_ISDIR(st.st_mode) == is_dir)
		return 0;
	return err_set(m->err, ERR_INTERNAL, "%s",
		       is_dir ? "a directory cannot be mounted on a file"
			      : "a file cannot be mounted on a directory");
}

static int attach(struct run_mounts *m, const struct run_mount *mount, int tree, bool is_dir)
{
	if (mount->read_only && run_mount_read_only(tree, "", true, m->err) < 0)
		return -1;
	return is_dir ? run_mount_attach_behind(tree, mount->target, m->err)
		      : run_mount_attach(tree, mount->target, m->err);
}

static int make_mount(struct run_mounts *m, size_t i)
{
	const struct run_mount *mount = &m->o->mounts[i];
	auto_close int tree = m->trees[i];
	struct stat st = { .st_mode = S_IFDIR };
	bool is_dir;

	if (tree >= 0 && fstat(tree, &st) < 0)
		return err_sys(m->err, "look at %s", mount->source);
	is_dir = S_ISDIR(st.st_mode);
	if (make_place(m, mount->target, is_dir, i) < 0 ||
	    check_place(m, mount->target, is_dir) < 0)
		return -1;
	m->at[i] = is_dir ? without_links(m, mount->target) : mount->target;
	if (tree < 0)
		return run_mount_new("tmpfs", mount->target, MS_NOSUID | MS_NODEV, "mode=1777",
				     m->err);
	return attach(m, mount, tree, is_dir);
}

static int make_mounts(struct run_mounts *m)
{
	for (size_t i = 0; i < m->o->n_mounts; i++)
		if (make_mount(m, i) < 0)
			return err_wrap(m->err, "%s %s",
					m->o->mounts[i].source ? "--bind" : "--tmpfs",
					m->o->mounts[i].target);
	return 0;
}

/* The same path, which may be another directory now; else the root. */
static int restore_directory(struct run_mounts *m, const char *path)
{
	auto_close int fd = -1;

	if (path && !m->o->rootfs)
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fchdir(fd) < 0 ? err_sys(m->err, "enter /") : 0;
}

int run_mounts_make(struct run_mounts *m)
{
	char buf[PATH_MAX];
	const char *directory = getcwd(buf, sizeof(buf));

	if (run_mount_separate(m->err) < 0 || open_sources(m) < 0 ||
	    (m->o->rootfs && enter_rootfs(m) < 0) || (m->o->read_only && make_read_only(m) < 0))
		return -1;
	if (make_dev(m) < 0 || make_proc(m) < 0 || make_sys(m) < 0 || make_mounts(m) < 0)
		return -1;
	return restore_directory(m, directory);
}

/* ---- files of the networks ------------------------------------------------------------------- */

/*
 * The files lie in a tmpfs that is mounted here until they have their places. They stay linked in
 * it: another cnic run inside mounts on them, and nothing is mounted on a file that is unlinked.
 */
#define DRAFTS "/dev/shm"

static int make_text(struct run_mounts *m, const char *target, const char *text)
{
	const char *draft = arena_printf(m->arena, DRAFTS "%s", strrchr(target, '/'));
	struct stat st;
	auto_close int fd = -1, tree = -1;

	/*
	 * Whoever asks for another file there gets that one. The host has no such file: nobody
	 * there looks for it.
	 */
	if (!text || is_target(m, target) || (!m->o->rootfs && lstat(target, &st) < 0))
		return 0;
	if (make_place(m, target, false, m->o->n_mounts) < 0)
		return -1;
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || file_write_fd(fd, text, strlen(text)) < 0)
		return err_sys(m->err, "write %s", draft);
	tree = run_mount_clone(AT_FDCWD, draft, m->err);
	return tree < 0 ? -1 : run_mount_attach(tree, target, m->err);
}

static int make_texts(struct run_mounts *m, const struct run_texts *texts)
{
	if (!texts->resolv_conf && !texts->hosts)
		return 0;
	if (run_mount_new("tmpfs", DRAFTS, RUN_MOUNT_INERT, "mode=755", m->err) < 0 ||
	    make_text(m, "/etc/resolv.conf", texts->resolv_conf) < 0 ||
	    make_text(m, "/etc/hosts", texts->hosts) < 0)
		return -1;
	return umount2(DRAFTS, MNT_DETACH) < 0 ? err_sys(m->err, "unmount " DRAFTS) : 0;
}

/* Pivoted, the root has the host's files over it, to which only m->host leads then. */
static int pivot(struct run_mounts *m)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || fchdir(m->host) < 0 || chroot(".") < 0 || fchdir(root) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(m->err, "make %s the root", m->o->rootfs);
	return 0;
}

static int leave_host(struct run_mounts *m)
{
	auto_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (m->o->rootfs && pivot(m) < 0)
		return -1;
	if (m->o->rootfs &&
	    (here < 0 || fchdir(m->host) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(here) < 0))
		return err_sys(m->err, "leave the host's files");
	drop_fd(&m->host);
	return 0;
}

/* Not before that: ping_group_range and the like are written in /proc/sys. */
int run_mounts_finish(struct run_mounts *m, const struct run_texts *texts)
{
	if (make_texts(m, texts) < 0 || protect_proc(m) < 0)
		return -1;
	return leave_host(m);
}
