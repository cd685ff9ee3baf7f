/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_dir.h - keys and values in a file of this node, under a lock: for one node that has no etcd. A
 * transaction is on the disk when it returns.
 */
#pragma once

#include "etcd/kv.h"

struct kv_dir {
	struct kv kv; /* first */
	const char *path, *lock;
};

/* In the files DIR/.kv and DIR/.kv.lock, which the first transaction that writes makes. */
void kv_dir_init(struct kv_dir *d, const char *dir, struct arena *arena);
