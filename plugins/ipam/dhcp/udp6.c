/* SPDX-License-Identifier: Apache-2.0 */
#include "udp6.h"

#include <linux/ipv6.h>
#include <linux/udp.h>
#include <string.h>

#define HOP_LIMIT 64

struct __attribute__((packed)) headers {
	struct ipv6hdr ip;
	struct udphdr udp;
};

_Static_assert(sizeof(struct headers) == UDP6_HEADERS, "as on the wire");

static uint32_t add_up(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	if (len % 2)
		sum += (uint32_t)at[len - 1] << 8;
	return sum;
}

/* RFC 8200, 8.1: over addresses, length and protocol, and what is behind the IPv6 header. */
static uint16_t checksum(const uint8_t *packet, size_t len)
{
	uint32_t sum = (uint32_t)len + IPPROTO_UDP;

	sum = add_up(sum, packet + offsetof(struct ipv6hdr, saddr), 2 * sizeof(struct in6_addr));
	sum = add_up(sum, packet + sizeof(struct ipv6hdr), len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool udp6_read(const uint8_t *packet, size_t len, bool unsummed, struct dhcp6_bytes *payload)
{
	struct headers h;
	size_t udp;

	if (len < sizeof(h))
		return false;
	memcpy(&h, packet, sizeof(h));
	udp = ntohs(h.udp.len);
	if (h.ip.version != 6 || h.ip.nexthdr != IPPROTO_UDP ||
	    h.udp.dest != htons(DHCP6_CLIENT_PORT) || udp < sizeof(h.udp) ||
	    udp != ntohs(h.ip.payload_len) || udp > len - sizeof(h.ip))
		return false;
	/* 0 is none, which IPv6 does not have */
	if (!unsummed && (!h.udp.check || checksum(packet, udp)))
		return false;
	*payload = (struct dhcp6_bytes){ packet + sizeof(h), udp - sizeof(h.udp) };
	return true;
}

size_t udp6_write(uint8_t packet[UDP6_MAX], const struct in6_addr *from, const struct in6_addr *to,
		  size_t payload_len)
{
	size_t udp = sizeof(struct udphdr) + payload_len;
	struct headers h = {
		.ip.version = 6,
		.ip.payload_len = htons((uint16_t)udp),
		.ip.nexthdr = IPPROTO_UDP,
		.ip.hop_limit = HOP_LIMIT,
		.udp.source = htons(DHCP6_CLIENT_PORT),
		.udp.dest = htons(DHCP6_SERVER_PORT),
		.udp.len = htons((uint16_t)udp),
	};

	memcpy(&h.ip.saddr, from, sizeof(*from));
	memcpy(&h.ip.daddr, to, sizeof(*to));
	memcpy(packet, &h, sizeof(h));
	h.udp.check = htons(checksum(packet, udp));
	if (!h.udp.check)
		h.udp.check = 0xffff;
	memcpy(packet, &h, sizeof(h));
	return sizeof(h.ip) + udp;
}
