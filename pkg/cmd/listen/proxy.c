/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/proxy.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define VERSION_COMMAND 0x21 /* version 2, PROXY */
#define TCP4            0x11
#define TCP6            0x21
#define HEAD_LEN        16 /* signature, command, family, length of what follows */
#define UNIQUE_ID_MAX   128
#define SERIAL_LEN      17 /* a slash and digits */
#define NAME_LEN_MAX    255

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static uint8_t *put_u16(uint8_t *at, size_t n)
{
	*at++ = (uint8_t)(n >> 8);
	*at++ = (uint8_t)n;
	return at;
}

static uint8_t *put_tlv(uint8_t *at, uint8_t type, const char *value, size_t n)
{
	*at++ = type;
	return put(put_u16(at, n), value, n);
}

static uint8_t *put_v4(uint8_t *at, const void *from, const void *to, in_port_t from_port,
		       in_port_t to_port)
{
	at = put(put(at, from, 4), to, 4);
	return put(put(at, &from_port, 2), &to_port, 2);
}

static uint8_t *put_v6(uint8_t *at, const struct sockaddr_in6 *from, const struct sockaddr_in6 *to)
{
	at = put(put(at, &from->sin6_addr, 16), &to->sin6_addr, 16);
	return put(put(at, &from->sin6_port, 2), &to->sin6_port, 2);
}

static uint8_t *put_addresses(uint8_t *at, uint8_t *family, const struct sockaddr_storage *from,
			      const struct sockaddr_storage *to)
{
	const struct sockaddr_in *from4 = (const void *)from, *to4 = (const void *)to;
	const struct sockaddr_in6 *from6 = (const void *)from, *to6 = (const void *)to;

	*family = TCP4;
	if (from->ss_family == AF_INET)
		return put_v4(at, &from4->sin_addr, &to4->sin_addr, from4->sin_port, to4->sin_port);
	if (IN6_IS_ADDR_V4MAPPED(&from6->sin6_addr))
		return put_v4(at, from6->sin6_addr.s6_addr + 12, to6->sin6_addr.s6_addr + 12,
			      from6->sin6_port, to6->sin6_port);
	*family = TCP6;
	return put_v6(at, from6, to6);
}

size_t listen_proxy_header(uint8_t header[LISTEN_PROXY_MAX], const struct sockaddr_storage *from,
			   const struct sockaddr_storage *to, const char *netns, uint64_t serial)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
	size_t len = strnlen(netns, NAME_LEN_MAX);
	char id[UNIQUE_ID_MAX + 1];
	uint8_t *at = header + HEAD_LEN;

	at = put_addresses(at, &header[13], from, to);
	at = put_tlv(at, LISTEN_PROXY_TLV_NETNS, netns, len);
	if (len + SERIAL_LEN <= UNIQUE_ID_MAX) {
		int n = snprintf(id, sizeof(id), "%s/%016" PRIx64, netns, serial);

		at = put_tlv(at, LISTEN_PROXY_TLV_UNIQUE_ID, id, (size_t)n);
	}
	(void)put(header, signature, sizeof(signature));
	header[12] = VERSION_COMMAND;
	(void)put_u16(header + 14, (size_t)(at - header) - HEAD_LEN);
	return (size_t)(at - header);
}
