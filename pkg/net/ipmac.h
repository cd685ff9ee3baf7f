/* SPDX-License-Identifier: Apache-2.0 */
/* ipmac.h - the MAC address that goes with an IP address, as ovs-cni and OVN give it. */
#ifndef CNIC_NET_IPMAC_H
#define CNIC_NET_IPMAC_H

#include "net/ip.h"
#include "net/mac.h"

/*
 * 0a:58 and the four bytes of an IPv4 address, or the first four of the SHA-256 of an IPv6 address's
 * text: an address that moves to another container takes its MAC along, and no neighbour's cache is
 * wrong.
 */
void mac_from_ip(uint8_t mac[MAC_LEN], const struct ip *ip);

#endif
