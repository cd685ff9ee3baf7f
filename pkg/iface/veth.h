/* SPDX-License-Identifier: Apache-2.0 */
/* veth.h - the veth pair between host and container: made, removed. Each step pushes its undo. */
#pragma once

#include "skel/call.h"

/* "veth" and 8 random hex digits, as the reference names the host's ends. */
int veth_random_name(struct cni_call *c, const char **name) NODISCARD;

/* A host-side interface takes no router advertisements: a container must not configure the host. */
void veth_refuse_ra(struct cni_call *c, const struct link *link);

/* Undo: delete the host-side link of that name (a string); a veth end takes its peer along. */
void veth_undo(struct cni_call *c, void *name);

/*
 * A veth pair in one request: the host end, named veth and 8 hex digits, UP; the container's end
 * named CNI_IFNAME and still down. Both are described in *host and *inside. Of `veth`, the master,
 * dormant, mtu and peer_mac (NULL = a random one) are the caller's; is_port: of a switch, be it not
 * the kernel's.
 */
int veth_add(struct cni_call *c, struct veth_req veth, bool is_port, struct link *host,
	     struct link *inside) NODISCARD;

/*
 * DEL: remove the veth called CNI_IFNAME from the container; success if the namespace or the link
 * is gone or the name belongs to something that is no veth. Returns when both ends are unlisted.
 */
int veth_del(struct cni_call *c) NODISCARD;
