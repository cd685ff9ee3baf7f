/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announce.h - announce the MAC address of the container's addresses to the neighbours. A failing
 * announcement fails nothing.
 */
#pragma once

#include "skel/call.h"

/*
 *	ANNOUNCE_KERNEL  by the kernel, where arp_notify and ndisc_notify are on: to all ports of
 *			 a bridge with RTNL held
 *	ANNOUNCE_GARP    IPv6 addresses by unsolicited NA (RFC 4861, 7.2.6), without RTNL; IPv4 by
 *			 gratuitous ARP from the kernel
 *	ANNOUNCE_ARP     IPv6 as above; IPv4 by an ARP request for the gateway, without RTNL, which
 *			 updates a neighbour that has the address cached; without one gateway, as
 *			 above
 */
enum announce_mode { ANNOUNCE_KERNEL, ANNOUNCE_GARP, ANNOUNCE_ARP };

void announce(struct cni_call *c, const struct link *inside, enum announce_mode mode);
