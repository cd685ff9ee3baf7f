/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp6.h - the headers of IPv6 and UDP around a message of DHCPv6 (packet6.h), as a packet socket
 * has them. Knows no socket; what it reads may be anybody's.
 */
#pragma once

#include "packet6.h"

#define UDP6_HEADERS 48 /* bytes before the payload */
#define UDP6_MAX     (UDP6_HEADERS + DHCP6_MTU)

/*
 * The payload of a packet to the client's port; it is not in pieces and has no extension headers.
 * False: it is none, cut off, or its checksum is wrong. With `unsummed` the sender's host has left
 * that to its device.
 */
bool udp6_read(const uint8_t *packet, size_t len, bool unsummed, struct dhcp6_bytes *payload);

/*
 * The headers, in front of a payload that is at packet + UDP6_HEADERS: from the client's port to
 * the servers'. Returns the length of the whole.
 */
size_t udp6_write(uint8_t packet[UDP6_MAX], const struct in6_addr *from, const struct in6_addr *to,
		  size_t payload_len);
