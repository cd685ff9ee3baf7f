/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq.h - ipMasq of the interface plugins: what the container sends outside its subnets has the
 * host's address. Three backends: our table (masq_nft.h), the reference's table (masq_compat.h),
 * iptables (masq_iptables.h). ADD makes the one that the configuration asks for, DEL removes all
 * three, CHECK is content with any.
 */
#pragma once

#include "nft/table.h"
#include "skel/instance.h"
#include "skel/record.h"

/*
 * For all addresses of the result. The backend is the value of ipMasqBackend; NULL or "" is our own
 * table where the kernel has nf_tables, else iptables.
 */
int masq_add(struct cni_call *c, const char *backend) NODISCARD;

/* With the addresses of c->req->prev. */
int masq_check(struct cni_call *c) NODISCARD;
int masq_repair(struct cni_call *c, const char *backend) NODISCARD;
/*
 * From the other backends to this one ("own" is our table): its rules are there before theirs go.
 */
int masq_turn(struct cni_call *c, const char *backend) NODISCARD;

/* `r` is the ADD's record; without, everything is gone through. */
int masq_del(struct cni_call *c, const struct record *r) NODISCARD;

/* What stale attachments of this network have left; before their records are collected. */
int masq_gc(struct cni_call *c) NODISCARD;

/* The verbs of a backend. */
struct masq_backend {
	const char *name;
	int (*check)(struct cni_call *c);                           /* of c->req->prev */
	int (*set)(struct cni_call *c, const struct cni_result *r); /* what is not there */
	int (*del)(struct cni_call *c, const struct cni_result *r); /* r NULL: by names alone */
	int (*gc)(struct cni_call *c, nft_stale stale, void *data);
};

/* The comment of what the call's attachment has. */
struct instance *masq_instance(struct cni_call *c);
