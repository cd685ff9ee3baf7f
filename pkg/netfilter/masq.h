/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq.h - ipMasq of the interface plugins: what the container sends outside its subnets has the
 * host's address. Three backends: our table (masq_nft.h), the reference's table (masq_compat.h),
 * iptables (masq_iptables.h). ADD makes the one that the configuration asks for, DEL removes all
 * three, CHECK is content with any.
 */
#pragma once

#include "skel/call.h"
#include "skel/record.h"

/*
 * The value of ipMasqBackend; NULL or "" is our own table where the kernel has nf_tables, else
 * iptables.
 */
int masq_validate(struct cni_call *c, const char *backend) NODISCARD;

/* For all addresses of the result. */
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
