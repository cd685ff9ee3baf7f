/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.h - an attachment's port on an Open vSwitch bridge: which attachment stands in
 * Port.external_ids, in the keys of ovs-cni, so that a node can change over either way, and in some
 * of ours, by which GC knows it.
 */
#pragma once

#include "ovs/port.h"
#include "skel/call.h"

#define OVS_SOCKET     "unix:/var/run/openvswitch/db.sock"
#define OVS_OWNER      "ovs-cni.network.kubevirt.io"
#define OVS_TIMEOUT_MS 10000 /* for the server to answer, for the switch to open a port */

struct ovs_attachment {
	const char *socket;
	struct ovsdb db;
	struct ovs_port port; /* bridge, name, VLANs, ... are the plugin's; the rest is filled in */
	bool may_remain;      /* a rollback could not take back all */
	const char *suffix;   /* of its file in the cache, see cache.h */
	const char **ends;    /* names of the host's ends whose ports have been removed */
	const char **uuids;   /* ports that are to be removed */
	size_t n_ends, n_uuids;
};

int ovs_open(struct cni_call *c, struct ovs_attachment *o) NODISCARD;

/* ADD: make o->port a port of this attachment, wait for the switch to open it and for its link. */
int ovs_plug(struct cni_call *c, struct ovs_attachment *o, uint32_t link_timeout_ms) NODISCARD;

/*
 * For an undo: have the database take something back, by a function that can be called twice. False
 * if that cannot be had: may_remain then, and c->err says why.
 */
bool ovs_undo(struct cni_call *c, struct ovs_attachment *o,
	      int (*undo)(struct ovsdb *db, const void *arg), const void *arg);

/* Does this row of Port belong to the attachment? */
bool ovs_is_this(struct cni_call *c, const struct json *port);

/*
 * DEL: remove the attachment's ports, on whichever bridge. One of ovs-cni's, which does not tell
 * the container, goes by the namespace's path. Afterwards the veths they had: ovs_del_host_ends().
 */
int ovs_unplug(struct cni_call *c, struct ovs_attachment *o) NODISCARD;
int ovs_del_host_ends(struct cni_call *c, const struct ovs_attachment *o) NODISCARD;

/* Remove ports of our owner that have lost their interface, as after a reboot. */
int ovs_gc_lost(struct cni_call *c, struct ovs_attachment *o) NODISCARD;

/* CHECK: o->port is there, this attachment's, as it was made, and the switch has it open. */
int ovs_check_port(struct cni_call *c, struct ovs_attachment *o) NODISCARD;

/* GC: remove ports of this network's attachments that are not valid, their veths, and the lost. */
int ovs_gc_ports(struct cni_call *c, struct ovs_attachment *o) NODISCARD;

/* `cnic verify`: ports of our owner, and those of them that have lost their interface. */
int ovs_inventory(struct cni_call *c, struct ovs_attachment *o,
		  const struct cni_inventory *to) NODISCARD;

/*
 * STATUS: does the server answer, is o->port.bridge there (NULL: any will do), is the switch alive?
 */
int ovs_server_status(struct cni_call *c, struct ovs_attachment *o) NODISCARD;
