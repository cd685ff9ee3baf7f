/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neigh.h - announce an interface's addresses to its neighbours, by raw sockets in the current
 * network namespace. Nothing fails: a neighbour that is not told resolves the address later.
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

/*
 * An ARP request for the gateway announces our MAC address: a neighbour that has the address cached
 * updates it (RFC 826, "Packet Reception"; Linux not within a second of another change, but for the
 * gateway). An ICMP echo reply, which the gateway drops, makes the kernel send it.
 */
void neigh_request_gateway(const char *ifname, const struct in_addr *address,
			   const struct in_addr *gateway);

/*
 * An unsolicited neighbour advertisement to all nodes, to override what they know (RFC 4861,
 * 7.2.6).
 */
void neigh_advertise(const char *ifname, const struct in6_addr *address, const uint8_t mac[6]);
