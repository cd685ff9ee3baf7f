/* SPDX-License-Identifier: Apache-2.0 */
/* ovsconf.h - what the OVS plugins make of their configuration, and what is noted of it for DEL. */
#ifndef CNIC_CNI_OVSCONF_H
#define CNIC_CNI_OVSCONF_H

#include "cni/ovs.h"

#define OVS_VLANS 4096

/* Where ovs-cni looks for keys of the whole node, behind the place that the configuration names. */
#define CNI_OVS_FLAT_FILES \
	"/etc/kubernetes/cni/net.d/ovs.d/ovs.conf", "/etc/cni/net.d/ovs.d/ovs.conf"

struct cni_ovs_trunk {
	uint16_t min, max, id;
	bool has_min, has_max, has_id;
};

/*
 * VLANs as configured (tag NULL: none): an access port has a tag, a trunk port may have trunks, and one
 * with both is native-tagged. A trunk port without trunks carries every VLAN.
 */
int cni_ovs_vlans(struct cni_call *c, const uint16_t *tag, const struct cni_ovs_trunk *trunk,
		  size_t n_trunk, struct ovs_port *p) NODISCARD;

/*
 * What is noted of an attachment for its DEL, in a file that ovs-cni understands and writes as well. None,
 * or one that cannot be read, is false and all empty.
 */
struct cni_ovs_memo {
	const char *socket;    /* recalled: "" is the default */
	const char *device_id; /* "" for a veth */
	const char *ifname;    /* the device's name on the host */
	bool userspace;        /* it has no netdev */
};

int cni_ovs_remember(struct cni_call *c, const struct cni_ovs *o,
		     const struct cni_ovs_memo *m) NODISCARD;
bool cni_ovs_recall(struct cni_call *c, struct cni_ovs_memo *m);
int cni_ovs_forget(struct cni_call *c) NODISCARD;

/* GC: those of this network whose attachment is not valid. */
int cni_ovs_collect_memos(struct cni_call *c) NODISCARD;

#endif
