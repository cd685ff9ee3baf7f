/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sriov.h - what sysfs says of an SR-IOV virtual function whose adapter is a switch: the VF's own
 * interface, which a container gets, and its representor, the switch's port that stays on the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct sriov {
	const char *netdev; /* the VF's interface; NULL while it is elsewhere, or if it has none */
	const char *uplink; /* of the physical function */
	const char *representor;
	unsigned int index; /* VF of the physical function */
	bool exists;
	bool userspace; /* its driver is for userspace (vfio and the like): no interface */
};

/* `sys` is where sysfs is mounted, `device` a PCI address. */
int sriov_find(const char *sys, const char *device, struct sriov *out, struct arena *arena,
	       struct err *err) NODISCARD;

/* Only the VF's own interface and driver: what a DEL needs. A device that is gone has neither. */
int sriov_find_netdev(const char *sys, const char *device, struct sriov *out, struct arena *arena,
		      struct err *err) NODISCARD;

/*
 * Interfaces that may be plugged into a switch for this uplink: its bond and that one's members, or
 * it.
 */
void sriov_uplinks(const char *sys, const char *uplink, struct arena *arena, const char ***names,
		   size_t *n);
