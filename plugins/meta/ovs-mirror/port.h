/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - what the two mirror plugins of OVS have in common: which port an attachment has, and
 * what is kept of it, in a file that ovs-cni understands, and writes as well.
 */
#pragma once

#include "ovs/attach.h"
#include "ovs/mirror.h"

struct mirror_entry {
	const char *name;
	bool ingress, egress;
};

struct mirror_conf {
	const char *socket, *configuration_path;
	struct mirror_entry *mirrors;
	size_t n_mirrors;

	unsigned int roles; /* what a port can be by this plugin */
	struct ovs_attachment ovs;
	struct ovs_mirrors set; /* the attachment's port, and what is asked for */
	const char **names; /* of the host's interfaces, as the plugins before have reported them */
	size_t n_names;
	bool has_cache; /* DEL: ADD has left a file */
};

/* The first thing for every verb: keys of the node's file, where the database is. */
int mirror_apply_nodeconf(struct cni_call *c) NODISCARD;

/*
 * The attachment's port, by what ovs has written on it, else the first of the names that is a port
 * and no other attachment's. conf->set.port_uuid is NULL if there is none.
 */
int mirror_find_port(struct cni_call *c) NODISCARD;

/* ADD, CHECK: connect, and find it by prevResult too; an error with this code if there is none. */
int mirror_need_port(struct cni_call *c, int code) NODISCARD;

/* The note: prevResult, under ovs-cni's key, and what we would like to know besides. */
int mirror_cache_write(struct cni_call *c) NODISCARD;
void mirror_cache_read(struct cni_call *c);
