/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vf.h - an SR-IOV virtual function as the container's interface: moved in on ADD, back on DEL;
 * its representor stays on the host in the place of a veth's end.
 */
#pragma once

#include "skel/call.h"
#include "sys/sriov.h"

#define VF_SYSFS "/sys"

struct vf {
	struct sriov device;
	struct link representor;
	uint32_t mtu;       /* of both, 0 = leave alone */
	const uint8_t *mac; /* NULL = leave alone */
	uint32_t old_mtu;
};

/* A device-info file (of a device plugin) must be readable, and of a kind we serve. "" is none. */
int iface_device_info_check(struct cni_call *c, const char *path) NODISCARD;

/* Look it up; ADD wants its interface to be on the host, unless it is driven from userspace. */
int vf_find(struct cni_call *c, const char *device, struct vf *vf) NODISCARD;

/*
 * ADD: the representor up, the interface into the container as CNI_IFNAME, down; both with the MTU,
 * the adapter and the interface with the MAC. A device that userspace drives has no interface:
 * inside->index is 0 then, and it has the name all the same, for the result.
 */
int vf_move_in(struct cni_call *c, struct vf *vf, struct link *inside) NODISCARD;

/*
 * DEL: back to the host under the name it had there. When the namespace is gone, the kernel has put
 * it on the host, or is about to: code 11 then.
 */
int vf_move_out(struct cni_call *c, const char *device, const char *name) NODISCARD;
