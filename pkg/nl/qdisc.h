/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qdisc.h - queueing disciplines, the ifb by which what a device receives is queued, and the filter
 * that redirects it there. See tc(8), uapi/pkt_sched.h, uapi/pkt_cls.h.
 */
#pragma once

#include "nl/link.h"

#define QDISC_TICK_NS 64 /* of the kernel's clock for these, since 2.6.31 */

/* Handles as the reference gives them: of a root, and of what is beneath it. */
#define QDISC_ROOT_HANDLE 0x10000U
#define QDISC_LEAF_HANDLE 0x20000U

/* A token bucket filter. */
struct tbf {
	uint64_t rate;   /* bytes a second */
	uint32_t limit;  /* bytes that its own queue holds */
	uint32_t buffer; /* the burst, as the time that it takes at the rate: ticks */
	uint32_t burst;  /* to be set: bytes, if the buffer cannot say it; else 0 */
};

struct qdisc {
	char kind[IFNAMSIZ]; /* "" = there is none */
	uint32_t handle;     /* 0 = by default, nobody has asked for it */
	struct tbf tbf;      /* of that kind */
};

struct qdisc_set {
	struct qdisc root, leaf,
		ingress; /* leaf: beneath a tbf of our handle, but for its own queue */
};

/* Queue; each is EEXIST if there is one that was asked for. */
void nl_tbf_add(struct nl *nl, int index, const struct tbf *t); /* as the root */
void nl_fq_codel_add(struct nl *nl, int index);                 /* beneath that */
void nl_ingress_add(struct nl *nl, int index);
/* All that `index`, which has an ingress qdisc, receives is sent by the device `to`. */
void nl_redirect_add(struct nl *nl, int index, int to);
/* ENOENT or EINVAL if there is none of the handle; with the last one goes the redirection. */
void nl_tbf_del(struct nl *nl, int index);
void nl_ingress_del(struct nl *nl, int index);

/* An ifb with no transmit queue, as the reference makes it; the answer holds the link. */
void nl_ifb_add(struct nl *nl, const char *name, uint32_t mtu, bool up);

int nl_qdisc_get(struct nl *nl, int index, struct qdisc_set *out) NODISCARD;

/* Where a redirection as above leads, 0 if there is none. */
int nl_redirect_get(struct nl *nl, int index, int *to) NODISCARD;

/*
 * Can the kernel do these? Asked by requests for what cannot be, so that nothing is made; a module
 * is loaded if there is one.
 */
int nl_qdisc_probe(struct nl *nl, const char *kind, bool *known) NODISCARD;
int nl_ifb_probe(struct nl *nl, bool *known) NODISCARD;
