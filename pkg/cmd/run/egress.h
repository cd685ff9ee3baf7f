/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress.h - what a command may send out of its network namespace: rules in the namespace itself,
 * made by its root before the command is there, which has no capability to change them. The host's
 * `nft flush ruleset` and `cnic repair` do not get at them. Knows no network and no CNI.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "cmd/run/values.h"

#define RUN_EGRESS_GROUP 1 /* where the rules log what they refuse: see refused.h */

/*
 * With one of these capabilities (a bit for each, capability.h) the command could change the rules,
 * or go around them: the name of one that is among `caps`, or NULL.
 */
const char *run_egress_undone_by(uint64_t caps);

/*
 * In the current network namespace, for its root: of what is sent only answers, what goes to lo,
 * the neighbour discovery of IPv6, and what is allowed gets out. All else is refused at once, by a
 * reset or an ICMP error (administratively prohibited), and the first packet for each destination
 * is logged. Or on -1 nothing has changed.
 *
 * table inet cnic_egress {
 *	set nets4  { type ipv4_addr . inet_proto; flags interval; }          10.1.0.0/16 . 0-255
 *	set ports4 { type ipv4_addr . inet_service; flags interval; }        10.1.0.2 . 443
 *	set seen4  { type ipv4_addr . inet_proto . inet_service; size 4096; flags dynamic; }
 *	set nets6, ports6, seen6: the same of IPv6
 *	chain output {
 *		type filter hook output priority filter;
 *		oifname "lo" accept
 *		ct state established,related accept
 *		icmpv6 type 130-136 accept; icmpv6 type 143 accept           RFC 4861, 2710, 3810
 *		ip daddr . meta l4proto @nets4 accept
 *		ip daddr . tcp dport @ports4 accept                          and udp
 *		meta l4proto icmp ip daddr . meta l4proto . @th,0,16 @seen4 goto refuse
 *		meta l4proto icmp add @seen4 { the same } log group 1 goto refuse
 *		ip daddr . meta l4proto . th dport @seen4 goto refuse
 *		add @seen4 { the same } log group 1 goto refuse
 *		goto refuse
 *	}
 *	chain refuse {
 *		meta l4proto tcp reject with tcp reset
 *		reject with icmpx admin-prohibited
 *	}
 * }
 */
int run_egress_apply(const struct run_egress *allowed, size_t n, struct arena *arena,
		     struct err *err) NODISCARD;
