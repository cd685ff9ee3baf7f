/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns_scan.h - which network namespaces are held on this machine, and by what: by each thread of
 * each process, by their open files, by mounts in any of their mount namespaces. For whoever has to
 * prove that one is gone; says nothing of sockets, which keep one alive as well. A process that
 * takes one over from another meanwhile can be missed: two scans have to say so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct netns_holder {
	uint64_t inode;
	const char *path; /* by which the namespace can be opened */
	uint64_t cookie;  /* once it has been asked for, else 0 */
	int pid;          /* whose thread is in it; 0: it is only held open, or mounted */
	bool mounted;     /* a mount, which is there even where another one hides its path */
};

struct netns_scan {
	struct netns_holder *list; /* by inode, each at least once */
	size_t n;
	bool complete;   /* nothing was hidden from us */
	uint64_t pid_ns; /* the PID namespace whose processes have been looked at */
};

int netns_scan(struct netns_scan *s, struct arena *arena, struct err *err) NODISCARD;

/* The first of those that hold it, NULL: none does. Others of the same inode follow it. */
const struct netns_holder *netns_scan_find(const struct netns_scan *s, uint64_t inode);

/*
 * Is a namespace of that inode and that cookie among them? An inode is used again, a cookie is not;
 * a cookie of 0, or a holder that cannot be opened, is taken for the same. err is a scratch.
 */
bool netns_scan_has(struct netns_scan *s, uint64_t inode, uint64_t cookie, struct err *err);

/* Does the path lead to that namespace? The same holds, but nothing at the path is not it. */
bool netns_scan_is_at(const char *path, uint64_t inode, uint64_t cookie, struct err *err);
