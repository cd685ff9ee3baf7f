/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - a tap device by /dev/net/tun: made in a network namespace at once, with its name. As
 * long as it is not made to persist it goes with its descriptor, whatever becomes of the call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define TAP_NODE "/dev/net/tun"

struct tap_device {
	const char *name;
	uint32_t owner, group; /* uid and gid that may attach to it */
	bool has_owner, has_group, multi_queue;
	const char *selinux_context; /* "" = the caller's */
};

/*
 * Its descriptor, or -1. A name that is taken is an error. With a context a child makes it, which
 * SELinux lets have that context, or not; then the error names the key selinuxContext.
 */
int tap_device_open(const struct tap_device *d, int netns_fd, struct err *err) NODISCARD;

/* Keep it when the descriptor is closed, or not. */
int tap_device_persist(int fd, bool yes, struct err *err) NODISCARD;

/* STATUS: could one be made? */
int tap_device_status(struct err *err) NODISCARD;
