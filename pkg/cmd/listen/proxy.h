/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.h - the PROXY protocol, version 2 (haproxy's proxy-protocol.txt): a header in front of a
 * connection that says where it has come from. Builds bytes, sends none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LISTEN_PROXY_TLV_UNIQUE_ID 0x05 /* PP2_TYPE_UNIQUE_ID: at most 128 bytes */
#define LISTEN_PROXY_TLV_NETNS     0x30 /* PP2_TYPE_NETNS */
#define LISTEN_PROXY_MAX           512  /* bytes of a header of ours */

/*
 * The header of a TCP connection from one address to the other, of IPv4 or IPv6; an IPv4-mapped
 * pair is of IPv4. netns: the namespace's name, of which at most 255 bytes are told. The unique id
 * is "NAME/SERIAL", 16 hexadecimal digits; of a name over 111 bytes there is none. The number of
 * bytes.
 */
size_t listen_proxy_header(uint8_t header[LISTEN_PROXY_MAX], const struct sockaddr_storage *from,
			   const struct sockaddr_storage *to, const char *netns, uint64_t serial);
