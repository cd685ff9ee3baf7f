/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - which boot and which namespaces an ADD was in, so that it can be told later whether
 * the container can still be there.
 */
#pragma once

#include "skel/call.h"

struct identity {
	const char *boot; /* random/boot_id of the kernel; "" = not known */
	/* inodes and cookies of namespaces; 0 = not known */
	uint64_t netns_inode, netns_cookie; /* the container's */
	uint64_t host_inode, pid_inode;     /* the plugin's own */
};

/* clang-format off */
/* Rows of the struct s with the member m. */
#define IDENTITY_FIELDS(s, m)                                  \
	F_STR("boot", s, m.boot),                              \
	F_UINT("netnsInode", s, m.netns_inode),                \
	F_UINT("netnsCookie", s, m.netns_cookie),              \
	F_UINT("hostInode", s, m.host_inode),                  \
	F_UINT("pidInode", s, m.pid_inode)
/* clang-format on */

/* Of this call, as members of an object, which IDENTITY_FIELDS read. */
void identity_add(struct cni_call *c, struct json *to);

/* Of this process: the boot, the plugin's own namespaces. */
void identity_own(struct identity *id, struct arena *arena);

/* Of the same boot and the same namespace of a container? */
bool identity_is_same(const struct identity *a, const struct identity *b);
