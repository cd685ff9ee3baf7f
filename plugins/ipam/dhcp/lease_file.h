/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_file.h - a lease on disk, so that it outlives the daemon: written whole or not at all, and
 * before anybody is told of it. One file an attachment, 0600, in a directory that only root may
 * enter.
 */
#pragma once

#include "answer.h"
#include "lease.h"

#define LEASE_DIR "/var/lib/cni/dhcp"

/* What is in one, beside the lease. */
struct lease_file {
	bool other_boot;           /* written before the machine was started */
	const struct json *result; /* as the plugin has printed it; a version of its own */
	uint16_t mtu;
	const char **ntp;
	size_t n_ntp;
};

/* The file of an attachment, in json's arena. */
const char *lease_file_path(const char *network, const char *container_id, const char *ifname);

/*
 * The lease with what its last answers said beside addresses; NULL: of that half it stays as the
 * file has it.
 */
int lease_file_write(const struct lease *l, const struct dhcp_answer *a,
		     const struct dhcp_answer *a6, struct err *err) NODISCARD;
int lease_file_remove(const struct lease *l, struct err *err) NODISCARD;

/* A new lease, its times those of this boot; it is the caller's. `times` as for lease_new(). */
int lease_file_read(const char *path, const struct dhcp_times *times, struct lease **l,
		    struct lease_file *f, struct err *err) NODISCARD;

/*
 * What the container has by the file, for IPv4 or IPv6; `text` (may be NULL): as it stands there.
 * -1: there is none that can be read.
 */
int lease_file_result(const struct lease *l, sa_family_t family, struct cni_result *r,
		      const struct json **text) NODISCARD;

/* The MTU that its server has said by the file; 0: none. */
uint16_t lease_file_mtu(const struct lease *l);

/* Of a DEL without a daemon: the lease is to be released. No file is fine. */
int lease_file_mark_removed(const char *path, struct err *err) NODISCARD;
