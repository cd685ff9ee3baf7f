/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - what the two mirror plugins of OVS have in common: which port an attachment has, and what
 * is noted of it, in a file that ovs-cni understands, and writes as well.
 */
#ifndef CNIC_OVS_MIRROR_PORT_H
#define CNIC_OVS_MIRROR_PORT_H

#include "ovs/attach.h"
#include "ovs/mirror.h"

struct cni_mirror {
	const char *bridge, *socket, *configuration_path;
	struct ovs_mirror *mirrors;
	size_t n_mirrors;

	const char *suffix;            /* of the note's file */
	struct ovs_mirror_roles roles; /* what a port can be by this plugin */
	struct cni_ovs ovs;
	struct ovs_mirror_port port;
	const char **names; /* of the host's interfaces, as the plugins before have reported them */
	size_t n_names;
	bool noted; /* DEL: ADD has left a note */
};

/* The first thing for every verb: keys of the node's file, where the database is. */
int cni_mirror_settle(struct cni_call *c) NODISCARD;

/*
 * The attachment's port, by what ovs has written on it, else the first of the names that is a port and
 * nobody else's. conf->port.uuid is NULL if there is none.
 */
int cni_mirror_find_port(struct cni_call *c) NODISCARD;

/* ADD, CHECK: connect, and find it by prevResult too; an error with this code if there is none. */
int cni_mirror_need_port(struct cni_call *c, int code) NODISCARD;

/* The note: prevResult, under ovs-cni's key, and what we would like to know besides. */
int cni_mirror_remember(struct cni_call *c) NODISCARD;
void cni_mirror_recall(struct cni_call *c);
int cni_mirror_forget(struct cni_call *c) NODISCARD;

/* GC: those of this network whose attachment is not valid; not ovs-cni's, which do not tell. */
int cni_mirror_collect_memos(struct cni_call *c) NODISCARD;

#endif
