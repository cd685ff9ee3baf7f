/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/dev.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/mount.h"

/* Documentation/admin-guide/devices.txt */
static const struct node {
	const char *name;
	unsigned int major, minor;
} nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *to;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },       { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
};

/* Before the host's are covered. */
static int clone_nodes(int host, int trees[ARRAY_SIZE(nodes)], struct err *err)
{
	char path[32];

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		trees[i] = run_mount_clone(host, path, err);
		if (trees[i] < 0)
			return -1;
	}
	return 0;
}

static int make_node(const struct node *n, int *tree, struct err *err)
{
	mode_t kind = *tree < 0 ? S_IFCHR : S_IFREG; /* else a file to mount on */
	char path[32];

	snprintf(path, sizeof(path), "/dev/%s", n->name);
	if (mknod(path, kind | 0666, *tree < 0 ? makedev(n->major, n->minor) : 0) < 0)
		return err_sys(err, "make %s", path);
	if (*tree >= 0 && run_mount_attach(*tree, path, err) < 0)
		return -1;
	drop_fd(tree);
	return 0;
}

static int fill(int trees[ARRAY_SIZE(nodes)], struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (make_node(&nodes[i], &trees[i], err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i].to, links[i].name) < 0)
			return err_sys(err, "make %s", links[i].name);
	if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0)
		return err_sys(err, "make directories of /dev");
	return run_mount_new("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
			     "newinstance,ptmxmode=0666,mode=620", err);
}

int run_dev_make(int host, bool may_mknod, struct err *err)
{
	int trees[ARRAY_SIZE(nodes)] = { -1, -1, -1, -1, -1, -1 };
	mode_t mask = umask(0);
	int rc = may_mknod ? 0 : clone_nodes(host, trees, err);

	if (!rc)
		rc = run_mount_new("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755", err);
	if (!rc)
		rc = fill(trees, err);
	umask(mask);
	return rc;
}

int run_dev_open_terminal(int *terminal, struct err *err)
{
	auto_close int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	unsigned int number;
	char path[32];
	int slave;

	if (master < 0 || unlockpt(master) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return err_sys(err, "open a terminal");
	snprintf(path, sizeof(path), "/dev/pts/%u", number);
	slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(err, "open %s", path);
	*terminal = take_fd(&master);
	return slave;
}
