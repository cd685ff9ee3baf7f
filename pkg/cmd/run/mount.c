/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/mount.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* uapi/linux/mount.h and fcntl.h, which musl 1.2.3 has not heard of. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#endif
#ifndef MOVE_MOUNT_T_SYMLINKS
#define MOVE_MOUNT_T_SYMLINKS 0x10
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x1
#endif
#ifndef MOUNT_ATTR_NOSUID
#define MOUNT_ATTR_NOSUID 0x2
#endif
#ifndef MOUNT_ATTR_NODEV
#define MOUNT_ATTR_NODEV 0x4
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

int run_mount_clone(int dir, const char *path, struct err *err)
{
	long fd = syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);

	return fd < 0 ? err_sys(err, "bind %s", path) : (int)fd;
}

static int attach(int tree, int dir, const char *target, unsigned int flags, struct err *err)
{
	if (syscall(SYS_move_mount, tree, "", dir, target, MOVE_MOUNT_F_EMPTY_PATH | flags) < 0)
		return err_sys(err, "mount on %s", target);
	return 0;
}

int run_mount_attach_at(int tree, int dir, const char *target, struct err *err)
{
	return attach(tree, dir, target, 0, err);
}

int run_mount_attach(int tree, const char *target, struct err *err)
{
	return attach(tree, AT_FDCWD, target, 0, err);
}

int run_mount_attach_behind(int tree, const char *target, struct err *err)
{
	return attach(tree, AT_FDCWD, target, MOVE_MOUNT_T_SYMLINKS, err);
}

/* struct mount_attr */
struct attributes {
	uint64_t set, clear, propagation, user_ns;
};

static long set_attributes(int dir, const char *path, bool deep, const struct attributes *attr)
{
	return syscall(SYS_mount_setattr, dir, path, AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0),
		       attr, sizeof(*attr));
}

int run_mount_separate(struct err *err)
{
	const struct attributes attr = { .set = MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE };

	if (set_attributes(AT_FDCWD, "/", true, &attr) < 0)
		return err_sys(err, "make mounts private");
	return 0;
}

int run_mount_read_only(int dir, const char *path, bool deep, struct err *err)
{
	const struct attributes attr = { .set = MOUNT_ATTR_RDONLY };

	if (set_attributes(dir, path, deep, &attr) < 0)
		return err_sys(err, "make %s read-only", path);
	return 0;
}

int run_mount_without_devices(int tree, struct err *err)
{
	const struct attributes attr = { .set = MOUNT_ATTR_NODEV };

	return set_attributes(tree, "", true, &attr) < 0 ? err_sys(err, "take devices away") : 0;
}

int run_mount_new(const char *type, const char *target, unsigned long flags, const char *data,
		  struct err *err)
{
	if (mount(type, target, type, flags, data) < 0)
		return err_sys(err, "mount a new %s on %s", type, target);
	return 0;
}
