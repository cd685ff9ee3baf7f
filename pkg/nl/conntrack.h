/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack.h - connection tracking: entries that would keep sending packets where a port does not
 * lead any more. Over a NETLINK_NETFILTER socket (nl_open_bus()); changes no rule.
 */
#pragma once

#include "base/arena.h"
#include "net/ip.h"
#include "nl/io.h"

/* Where a connection's first packet was sent to. */
struct conntrack_port {
	uint8_t proto; /* IPPROTO_* */
	uint16_t port; /* host order */
	struct ip dst; /* .family AF_UNSPEC: any address */
	/* The source of the reply, which may be translated; .family AF_UNSPEC: any. */
	struct ip from;
};

/*
 * Delete the entries of a family (AF_INET, AF_INET6) whose original destination is one of `ports`;
 * those with an address of the other family match nothing. A kernel that tracks no connections has
 * none. Costs a look at every connection for each of a few TCP or UDP ports; else, or before Linux
 * 6.10, a list of them, filtered by the kernel if it is one port or one protocol.
 */
int conntrack_flush(struct nl *nf, sa_family_t family, const struct conntrack_port *ports, size_t n,
		    struct arena *arena) NODISCARD;
