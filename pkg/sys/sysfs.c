/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sysfs.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/file.h"

#define ATTRIBUTE_MAX 4096 /* a page */

bool sysfs_is_pci_address(const char *s)
{
	return strlen(s) >= 7 && strlen(s) <= 32 && strchr(s, ':') &&
	       strspn(s, "0123456789abcdefABCDEF:.") == strlen(s) && !strstr(s, "..");
}

/* As that of an auxiliary device, mlx5_core.sf.4. */
bool sysfs_is_device_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:._-";

	return *s && *s != '.' && strlen(s) < NAME_MAX && strspn(s, allowed) == strlen(s);
}

const char *sysfs_path(const char *sys, const char *bus, const char *device, struct arena *arena)
{
	return arena_printf(arena, "%s/bus/%s/devices/%s", sys, bus, device);
}

const char *sysfs_link_name(const char *path, struct arena *arena)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return arena_strdup(arena, slash ? slash + 1 : target);
}

const char *sysfs_attr(const char *path, struct arena *arena)
{
	struct err ignored = { 0 };
	const char *text;
	size_t len;

	if (file_read(path, ATTRIBUTE_MAX, arena, &text, &len, &ignored) < 0)
		return "";
	return arena_strndup(arena, text, strcspn(text, "\n"));
}

const char *sysfs_first(const char *dir, sysfs_fits fits, const void *arg, struct arena *arena)
{
	auto_dir DIR *d = opendir(dir);
	const char *first = NULL;
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (!str_ifname_fault(e->d_name) && (!fits || fits(e->d_name, arg)) &&
		    (!first || strcmp(e->d_name, first) < 0))
			first = arena_strdup(arena, e->d_name);
	return first;
}

static bool is_userspace(const char *driver)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };

	for (size_t i = 0; driver && i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

static bool is_virtio(const char *name, const void *arg)
{
	(void)arg;
	return !strncmp(name, "virtio", 6);
}

/* A virtio adapter's interface is its virtio device's, a level below the PCI device. */
static const char *net_owner(const char *dir, struct arena *arena)
{
	const char *virtio = sysfs_first(dir, is_virtio, NULL, arena);

	if (!access(arena_printf(arena, "%s/net", dir), F_OK) || !virtio)
		return dir;
	return arena_printf(arena, "%s/%s", dir, virtio);
}

void sysfs_find(const char *dir, struct sysfs_device *out, struct arena *arena)
{
	const char *driver = sysfs_link_name(arena_printf(arena, "%s/driver", dir), arena), *owner;

	*out = (struct sysfs_device){ .exists = !access(dir, F_OK) };
	if (!out->exists)
		return;
	out->has_driver = driver;
	out->userspace = is_userspace(driver);
	owner = net_owner(dir, arena);
	out->parent = arena_strdup(arena, strrchr(owner, '/') + 1);
	if (!out->userspace)
		out->netdev = sysfs_first(arena_printf(arena, "%s/net", owner), NULL, NULL, arena);
}

bool sysfs_has_netdev(const char *dir, struct arena *arena)
{
	return !access(arena_printf(arena, "%s/net", net_owner(dir, arena)), F_OK);
}
