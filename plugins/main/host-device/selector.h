/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.h - which device a configuration means: by its name, its MAC address, or its place in
 * sysfs.
 */
#pragma once

#include "nl/link_device.h"
#include "skel/call.h"
#include "sys/sysfs.h"

struct selector {
	/* the keys; "" = not given, the first of device, hwaddr, kernelpath, pci, aux counts */
	const char *device, *hwaddr, *kernelpath, *pci, *device_id;
	bool userspace; /* a driver for userspace has it: there is no interface */

	const char *aux; /* an auxiliary device, of device_id */
	uint8_t mac[MAC_LEN];
	struct sysfs_device sysfs;
};

/* `sys` is where sysfs is mounted. ERR_CONFIG names the key that is wrong, or of no device. */
int selector_resolve(struct selector *s, const char *sys, struct arena *arena,
		     struct err *err) NODISCARD;

/*
 * The device on the host. If it is not there, one in the container: *inside is true then; it is a
 * device of the hardware, or has the name CNI_IFNAME.
 */
int selector_find(struct cni_call *c, const struct selector *s, struct link_device *out,
		  bool *inside) NODISCARD;
