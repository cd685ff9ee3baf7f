/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what is noted of an attachment to OVS for its DEL, in a file that ovs-cni understands, and
 * writes as well.
 */
#ifndef CNIC_OVS_CACHE_H
#define CNIC_OVS_CACHE_H

#include "ovs/attach.h"

#define CNI_OVS_MEMO_DIR "/var/lib/cni/ovs-cni/cache" /* ovs-cni's own directory and format */

struct cni_ovs_memo {
	const char *socket;    /* recalled: "" is the default */
	const char *device_id; /* "" for a veth */
	const char *ifname;    /* the device's name on the host */
	bool userspace;        /* it has no netdev */
};

/* Its undo leaves it there if the port may have to be looked for (o->may_remain). */
int cni_ovs_remember(struct cni_call *c, const struct cni_ovs *o,
		     const struct cni_ovs_memo *m) NODISCARD;

/* None, or one that cannot be read, is false and all empty. */
bool cni_ovs_recall(struct cni_call *c, struct cni_ovs_memo *m);
int cni_ovs_forget(struct cni_call *c) NODISCARD;

/* GC: those of this network whose attachment is not valid. */
int cni_ovs_collect_memos(struct cni_call *c) NODISCARD;

#endif
