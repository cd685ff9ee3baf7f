/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/sys/sysfs: a tree of our own in a directory of our own. */
#include "sys/sysfs.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static struct arena arena;
static char root[] = "/tmp/test-sysfs-XXXXXX";

static void make_dir(const char *path)
{
	char *copy = arena_printf(&arena, "%s/%s/", root, path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0755);
		*slash = '/';
	}
}

static void make_link(const char *path, const char *target)
{
	(void)!symlink(target, arena_printf(&arena, "%s/%s", root, path));
}

static struct sysfs_device find(const char *bus, const char *device)
{
	struct sysfs_device d;

	sysfs_find(sysfs_path(root, bus, device, &arena), &d, &arena);
	return d;
}

static void test_names(void)
{
	static const char *const pci[] = { "0000:03:00.3", "03:00.0", "10000:00:02.0" };
	static const char *const not_pci[] = { "",
					       "..:..:..",
					       "0000:03:00.3/net",
					       "mlx5_core.sf.4",
					       "0:0",
					       "00000000000000000000000000000000:0" };
	static const char *const not_device[] = { "", ".", "..", "a/b", "a b", ".hidden" };

	for (size_t i = 0; i < ARRAY_SIZE(pci); i++)
		ok(sysfs_is_pci_address(pci[i]), "PCI address %s", pci[i]);
	for (size_t i = 0; i < ARRAY_SIZE(not_pci); i++)
		ok(!sysfs_is_pci_address(not_pci[i]), "not PCI address %s", not_pci[i]);
	ok(sysfs_is_device_name("mlx5_core.sf.4") && sysfs_is_device_name("0000:03:00.3"),
	   "names of devices");
	for (size_t i = 0; i < ARRAY_SIZE(not_device); i++)
		ok(!sysfs_is_device_name(not_device[i]), "not name of a device: '%s'",
		   not_device[i]);
}

static void test_find(void)
{
	struct sysfs_device d = find("pci", "0000:03:00.9");

	ok(!d.exists && !d.netdev && !d.parent, "no such device");
	make_dir("bus/pci/devices/0000:03:00.1/net/eth9");
	make_dir("bus/pci/devices/0000:03:00.1/net/eth1");
	make_link("bus/pci/devices/0000:03:00.1/driver", "../../drivers/ixgbevf");
	d = find("pci", "0000:03:00.1");
	ok(d.exists && d.has_driver && !d.userspace, "its driver is the kernel's");
	is_str(d.netdev, "eth1", "the first of its interfaces");
	is_str(d.parent, "0000:03:00.1", "whose interface it is");

	make_dir("bus/pci/devices/0000:03:00.2/virtio7/net/eth2");
	d = find("pci", "0000:03:00.2");
	ok(d.exists && !d.has_driver, "no driver");
	is_str(d.netdev, "eth2", "of its virtio device");
	is_str(d.parent, "virtio7", "which is the parent");

	make_dir("bus/pci/devices/0000:03:00.3/net/eth3");
	make_link("bus/pci/devices/0000:03:00.3/driver", "../../drivers/vfio-pci");
	d = find("pci", "0000:03:00.3");
	ok(d.userspace && !d.netdev, "userspace drives it");

	make_dir("bus/pci/devices/0000:03:00.4/net/name-that-is-too-long");
	ok(!find("pci", "0000:03:00.4").netdev, "no name of an interface");
}

/* An interface that is in another namespace is not shown, but its directory is. */
static void test_elsewhere(void)
{
	const char *dir = sysfs_path(root, "virtio", "virtio8", &arena);

	ok(!sysfs_has_netdev(dir, &arena), "no interface anywhere");
	make_dir("bus/virtio/devices/virtio8/net");
	ok(sysfs_has_netdev(dir, &arena) && !find("virtio", "virtio8").netdev, "one elsewhere");
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	test_names();
	test_find();
	test_elsewhere();
	(void)!system(arena_printf(&arena, "rm -r %s", root));
	arena_free(&arena);
	return done_testing();
}
