/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_iptables.h - masquerading in the chains of the reference's iptables backend, in table nat:
 *
 *	-A POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \"N\" id: \"C\"" -j CNI-<24 digits>
 *	-A CNI-<24 digits> -d 10.1.0.0/24 -m comment ... -j ACCEPT
 *	-A CNI-<24 digits> ! -d 224.0.0.0/4 -m comment ... -j MASQUERADE
 *
 * The chain is the container's on a network: its interfaces there share it.
 */
#pragma once

#include "netfilter/masq_compat.h"
#include "skel/call.h"

int masq_iptables_add(struct cni_call *c) NODISCARD; /* pushes its undo */
int masq_iptables_check(struct cni_call *c) NODISCARD;

/* What is not there of this result's. */
int masq_iptables_set(struct cni_call *c, const struct cni_result *r) NODISCARD;

/*
 * All of the chain but what the container's other interfaces on the network have, by their records.
 * GC: of attachments that have left a record, since a chain's name does not tell which it is of.
 * The second arguments are not used.
 */
int masq_iptables_del(struct cni_call *c, const struct cni_result *r) NODISCARD;
int masq_iptables_gc(struct cni_call *c, struct nft_comment_filter *f) NODISCARD;
