/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs.h - what sysfs says of a device on a bus: its driver, and its network interface. Knows
 * no netlink: the interfaces it shows are those of the namespace it was mounted in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct sysfs_device {
	const char *netdev; /* its interface; NULL while it is in another namespace, or has none */
	/* the device that the interface is of, as netlink calls it: itself, or its virtio one */
	const char *parent;
	bool exists;
	bool userspace; /* its driver is for userspace (vfio and the like): no interface */
	bool has_driver;
};

/* A PCI address, DDDD:BB:DD.F; the name of any device on a bus. Neither leads elsewhere. */
bool sysfs_is_pci_address(const char *s);
bool sysfs_is_device_name(const char *s);

/* The directory of a device, as sysfs is mounted at `sys`. */
const char *sysfs_path(const char *sys, const char *bus, const char *device, struct arena *arena);

/* Look at it. One that is not there is all zero. */
void sysfs_find(const char *dir, struct sysfs_device *out, struct arena *arena);

/* Does an interface of the device exist, in whichever namespace? */
bool sysfs_has_netdev(const char *dir, struct arena *arena);

/* Last component of where a link leads, NULL if it is none. */
const char *sysfs_link_name(const char *path, struct arena *arena);

/* An attribute without its newline; "" if there is none. */
const char *sysfs_attr(const char *path, struct arena *arena);

/*
 * Of the names in a directory that `fits` (NULL = all do) and an interface could have, the first
 * by strcmp(3); NULL if none does.
 */
typedef bool (*sysfs_fits)(const char *name, const void *arg);
const char *sysfs_first(const char *dir, sysfs_fits fits, const void *arg, struct arena *arena);
