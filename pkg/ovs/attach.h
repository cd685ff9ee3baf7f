/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.h - an attachment's port on an Open vSwitch bridge: whose it is stands in Port.external_ids, in the
 * keys of ovs-cni, so that a node can change over either way, and in some of ours, by which GC knows it.
 */
#ifndef CNIC_OVS_ATTACH_H
#define CNIC_OVS_ATTACH_H

#include "skel/call.h"
#include "ovs/port.h"

#define CNI_OVS_SOCKET     "unix:/var/run/openvswitch/db.sock"
#define CNI_OVS_OWNER      "ovs-cni.network.kubevirt.io"
#define CNI_OVS_TIMEOUT_MS 10000 /* for the server to answer, for the switch to open a port */

struct cni_ovs {
	const char *socket;
	struct ovsdb db;
	struct ovs_port port; /* bridge, name, VLANs, ... are the plugin's; the rest is filled in */
	bool may_remain;      /* a rollback could not take back all */
	const char **ends;    /* names of the host's ends whose ports have been removed */
	size_t n_ends;
};

int cni_ovs_open(struct cni_call *c, struct cni_ovs *o) NODISCARD;

/* ADD: make o->port a port of this attachment, wait for the switch to open it and for its link. */
int cni_ovs_plug(struct cni_call *c, struct cni_ovs *o, uint32_t link_timeout_ms) NODISCARD;

/*
 * For an undo: have the database take something back, by a function that can be called twice. False if
 * that cannot be had: may_remain then, and c->err says why.
 */
bool cni_ovs_take_back(struct cni_call *c, struct cni_ovs *o,
		       int (*take_back)(struct ovsdb *db, const void *arg), const void *arg);

/* Does this row of Port belong to the attachment? */
bool cni_ovs_is_this(struct cni_call *c, const struct json *port);

/*
 * DEL: remove the attachment's ports, on whichever bridge. One of ovs-cni's, which does not tell the
 * container, goes by the namespace's path. Afterwards the veths they had: cni_ovs_remove_ends().
 */
int cni_ovs_unplug(struct cni_call *c, struct cni_ovs *o) NODISCARD;
int cni_ovs_remove_ends(struct cni_call *c, const struct cni_ovs *o) NODISCARD;

/* Remove ports of our owner that have lost their interface, as after a reboot; not a word if it fails. */
void cni_ovs_sweep(struct cni_call *c, struct cni_ovs *o);

/* CHECK: o->port is there, this attachment's, as it was made, and the switch has it open. */
int cni_ovs_verify(struct cni_call *c, struct cni_ovs *o) NODISCARD;

/* GC: remove ports of this network's attachments that are not valid, their veths, and the lost. */
int cni_ovs_collect(struct cni_call *c, struct cni_ovs *o) NODISCARD;

/* STATUS: does the server answer, is o->port.bridge there (NULL: any will do), is the switch alive? */
int cni_ovs_status(struct cni_call *c, struct cni_ovs *o) NODISCARD;

#endif
