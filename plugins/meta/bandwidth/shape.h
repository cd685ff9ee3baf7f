/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.h - the queues of an attachment, as the kernel has them and as they are to be.
 *
 *	device   root  tbf 1: [fq_codel 2:]      what it sends
 *	         ingress: all of it to the ifb
 *	ifb      root  tbf 1: [fq_codel 2:]      what the device receives
 *
 * The device is the host's end of the container's veth, or, of anything else, the container's
 * interface itself, with the ifb beside it.
 */
#pragma once

#include "nl/qdisc.h"
#include "skel/call.h"

struct shape_place {
	struct nl *nl; /* of the namespace */
	struct link dev;
	bool inside; /* the container's */
	char ifb[IFNAMSIZ];
};

struct shape_queue {
	bool exists, fq_codel;
	struct tbf tbf;
};

struct shape {
	struct shape_queue sent, received;
	struct link ifb; /* index 0: there is none */
	bool ingress, redirected;
	bool leave_sent, leave_received; /* to be made: that direction is none of our business */
	/* what is in the way, as "htb 8001:"; NULL = nothing */
	const char *foreign_root, *foreign_ingress;
};

/* The namespace and device; place->dev.index is 0 if the interface is gone, where that may be. */
int shape_find_place(struct cni_call *c, bool may_be_gone, struct shape_place *place) NODISCARD;

/*
 * What there is. `own`: what is of our form is ours; else only what leads to the ifb is, and
 * a redirection elsewhere is foreign.
 */
int shape_read(struct cni_call *c, const struct shape_place *place, bool own,
	       struct shape *now) NODISCARD;

/* Of `now`, which was read, make the queues of `to`. What is as it should be is not touched. */
int shape_set(struct cni_call *c, const struct shape_place *place, struct shape *now,
	      const struct shape *to) NODISCARD;

/* Before shape_set(): its inverse, whatever has become of it. */
void shape_undo_push(struct cni_call *c, const struct shape_place *place,
		     const struct shape *before, const struct shape *to);

/* A missing one is success, and so is a link of another kind. */
int shape_ifb_del(struct cni_call *c, struct nl *nl, const char *name) NODISCARD;

/* STATUS: code 50 if the kernel lacks something. */
int shape_status(struct cni_call *c, bool fq_codel) NODISCARD;
