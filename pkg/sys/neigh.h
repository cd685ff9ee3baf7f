/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neigh.h - tell an interface's neighbours who has its addresses, by raw sockets in the current
 * network namespace. Nothing fails: who is not told finds out later.
 */
#ifndef CNIC_SYS_NEIGH_H
#define CNIC_SYS_NEIGH_H

#include <netinet/in.h>
#include <stdint.h>

/*
 * In asking for the gateway's MAC address the kernel tells everybody ours: who knows the address
 * already notes what it sees (RFC 826, "Packet Reception"; Linux not within a second of another
 * change, but for the gateway). What makes it ask is an ICMP echo reply, which nobody waits for and
 * the gateway drops.
 */
void neigh_request_gateway(const char *ifname, const struct in_addr *address,
			   const struct in_addr *gateway);

/*
 * An unsolicited neighbour advertisement to all nodes, to override what they know (RFC 4861,
 * 7.2.6).
 */
void neigh_advertise(const char *ifname, const struct in6_addr *address, const uint8_t mac[6]);

#endif
