/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.h - what DEL and GC give back, in every space that the network has had on this node.
 * Under the lock of its store.
 */
#pragma once

#include "ipam/store.h"
#include "skel/call.h"

/*
 * Single addresses of the holder. etcd that cannot be reached is no failure: they are stock then,
 * for the next ADD of this network, or until the next contact.
 */
int reclaim_del(struct cni_call *c, struct store *s, const struct holder *holder) NODISCARD;

/*
 * Single addresses of those that `keep` says no to (NULL: none), stock, and blocks that are empty
 * for long enough. Code 11 if etcd is needed for that and cannot be reached.
 */
int reclaim_gc(struct cni_call *c, struct store *s,
	       bool (*keep)(const struct holder *holder, void *arg), void *arg) NODISCARD;
