/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_iptables.h - masquerading in the chains of the reference's iptables backend, in table nat:
 *
 *	-A POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \"N\" id: \"C\"" -j CNI-<24 digits>
 *	-A CNI-<24 digits> -d 10.1.0.0/24 -m comment ... -j ACCEPT
 *	-A CNI-<24 digits> ! -d 224.0.0.0/4 -m comment ... -j MASQUERADE
 *
 * The chain is the container's on a network: its interfaces there share it. What is removed is all
 * of it but what the container's other interfaces on the network have, by their records; by GC, of
 * attachments that have left a record, since a chain's name does not tell which it is of.
 */
#pragma once

#include "netfilter/masq.h"

extern const struct masq_backend masq_iptables;
