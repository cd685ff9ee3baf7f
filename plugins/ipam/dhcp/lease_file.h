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

/* The paths of all, in json's arena. */
int lease_file_list(const char ***paths, size_t *n, struct err *err) NODISCARD;

/*
 * What its container has by its last answers, from now on; NULL: of that half it is as it was.
 * With the file, which is of no use to this daemon again: somebody may have removed it.
 */
int lease_file_give(struct lease *l, const struct dhcp_answer *a, const struct dhcp_answer *a6,
		    struct err *err) NODISCARD;
int lease_file_write(struct lease *l, const struct dhcp_answer *a, const struct dhcp_answer *a6,
		     struct err *err) NODISCARD;
int lease_file_remove(const struct lease *l, struct err *err) NODISCARD;

/*
 * What its container is to get yet of IPv4, in the file from the next writing on; NULL: nothing.
 * -1: no such thing is known.
 */
int lease_file_defer(struct lease *l, const struct dhcp_answer *a, struct err *err) NODISCARD;
int lease_file_deferred(const struct lease *l, struct dhcp_answer *a) NODISCARD;

/*
 * A new lease, its times those of this boot; it is the caller's. `times` as for lease_new(). A file
 * under a name that is not its attachment's is none.
 */
int lease_file_read(const char *path, const struct dhcp_times *times, struct lease **l,
		    struct lease_file *f, struct err *err) NODISCARD;

/* What a container has of one half. */
struct lease_given {
	struct dhcp_answer answer;
	const struct json *text; /* the result as it stands there */
};

/* Of the halves that are asked for (NULL: not). -1: of one of them no result is known. */
int lease_file_given(const struct lease *l, struct lease_given *v4,
		     struct lease_given *v6) NODISCARD;

/* Of a DEL without a daemon: the lease is to be released. No file is fine. */
int lease_file_mark_removed(const char *path, struct err *err) NODISCARD;
