/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - the packet filter's part of the interface plugins: ipMasq and macspoofchk, with the
 * record that DEL, GC and repair go by. An attachment without either has no record and costs
 * nothing.
 */
#pragma once

#include "skel/call.h"
#include "skel/record.h"

struct netfilter_conf {
	bool masq, spoof;
	const char *masq_backend;
};

int netfilter_validate(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;

/* A DEL under way, between its steps. */
struct netfilter_del {
	struct record *record; /* NULL: there is none */
	bool masq, spoof;      /* may be there */
};

/* The last step of an ADD: the result is complete. */
int netfilter_add(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;
int netfilter_check(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;
int netfilter_repair(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;

/*
 * DEL, in two steps: begin before the link goes, which opens the socket that the child deleting the
 * link keeps open, too; the rules after it, since they are about its addresses, and before IPAM,
 * which may give these to the next. What is removed is what the record tells; without one, what the
 * configuration asks for, which the caller has filled in.
 */
int netfilter_del_begin(struct cni_call *c, struct netfilter_del *d) NODISCARD;
int netfilter_del(struct cni_call *c, const struct netfilter_del *d) NODISCARD;

/* Rules and records of stale attachments, then IPAM's GC. */
int netfilter_gc(struct cni_call *c) NODISCARD;
