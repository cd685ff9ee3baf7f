/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - the packet filter's part of the interface plugins: ipMasq and macspoofchk, with the record
 * that DEL, GC and repair go by. An attachment without either has no record and costs nothing.
 */
#ifndef CNIC_NETFILTER_RULES_H
#define CNIC_NETFILTER_RULES_H

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
	bool masq, spoof;          /* may be there */
};

/* The last step of an ADD: the result is complete. */
int netfilter_add(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;
int netfilter_check(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;
int netfilter_repair(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;

/*
 * The DEL of a plugin that is a veth pair, addresses and perhaps rules. The link first; then the rules, since they
 * are about the addresses; then IPAM, which may give these to the next. All are tried, the first error is
 * reported. What is removed is what the record tells; without one, what the configuration asks for.
 */
int cni_netfilter_veth_del(struct cni_call *c, const struct netfilter_conf *nf) NODISCARD;

/* Rules and records of stale attachments, then IPAM's GC. */
int netfilter_gc(struct cni_call *c) NODISCARD;

#endif
