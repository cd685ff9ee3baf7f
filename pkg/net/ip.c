/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const sa_family_t ip_families[2] = { AF_INET, AF_INET6 };
const struct ip ip_loopback[2] = {
	{ .family = AF_INET, .plen = 8, .bytes = { 127 } },
	{ .family = AF_INET6, .plen = 128, .bytes = { [15] = 1 } },
};
const struct ip ip_multicast[2] = {
	{ .family = AF_INET, .plen = 4, .bytes = { 224 } },
	{ .family = AF_INET6, .plen = 8, .bytes = { 0xff } },
};

/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) is a.b.c.d; its prefix counts from bit 96. */
static void unmap(struct ip *ip)
{
	struct in_addr v4;

	if (ip->family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&ip->v6) || ip->plen < 96)
		return;
	memcpy(&v4, ip->bytes + 12, sizeof(v4));
	*ip = (struct ip){ .family = AF_INET, .plen = (uint8_t)(ip->plen - 96), .v4 = v4 };
}

static bool parse(struct ip *ip, const char *s)
{
	*ip = (struct ip){ .family = strchr(s, ':') ? AF_INET6 : AF_INET };
	ip->plen = ip_bits(ip);
	return inet_pton(ip->family, s, ip->bytes) == 1;
}

bool ip_parse(struct ip *ip, const char *s)
{
	if (!parse(ip, s))
		return false;
	unmap(ip);
	return true;
}

bool cidr_parse(struct ip *ip, const char *s)
{
	const char *slash = strchr(s, '/');
	char addr[INET6_ADDRSTRLEN];
	unsigned int plen = 0;
	const char *p;

	if (!slash || (size_t)(slash - s) >= sizeof(addr) || !slash[1])
		return false;
	memcpy(addr, s, (size_t)(slash - s));
	addr[slash - s] = '\0';
	if (!parse(ip, addr))
		return false;
	for (p = slash + 1; *p >= '0' && *p <= '9' && plen <= 128; p++)
		plen = plen * 10 + (unsigned int)(*p - '0');
	if (*p || plen > ip_bits(ip))
		return false;
	ip->plen = (uint8_t)plen;
	unmap(ip);
	return true;
}

const char *ip_str(const struct ip *ip, char *buf)
{
	if (!inet_ntop(ip->family, ip->bytes, buf, IP_STRLEN))
		buf[0] = '\0';
	return buf;
}

const char *cidr_str(const struct ip *ip, char *buf)
{
	size_t n;

	ip_str(ip, buf);
	n = strlen(buf);
	snprintf(buf + n, IP_STRLEN - n, "/%u", ip->plen);
	return buf;
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_len(a));
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return !ip_cmp(a, b);
}

bool cidr_equal(const struct ip *a, const struct ip *b)
{
	return a->plen == b->plen && ip_equal(a, b);
}

bool cidr_contains(const struct ip *net, const struct ip *ip)
{
	struct ip n = ip_network(net), other = *ip;

	if (net->family != ip->family)
		return false;
	other.plen = net->plen;
	other = ip_network(&other);
	return ip_equal(&n, &other);
}

bool ip_is_loopback(const struct ip *ip)
{
	return ip->family == AF_INET ? ip->bytes[0] == 127 : IN6_IS_ADDR_LOOPBACK(&ip->v6);
}

bool ip_is_any(const struct ip *ip)
{
	static const uint8_t zero[16];

	return ip->family && !memcmp(ip->bytes, zero, ip_len(ip));
}

/* Set or clear the bits behind the prefix. */
static struct ip fill_host(const struct ip *ip, bool ones)
{
	struct ip out = *ip;

	for (unsigned int bit = ip->plen; bit < ip_bits(ip); bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

		if (ones)
			out.bytes[bit / 8] |= mask;
		else
			out.bytes[bit / 8] &= (uint8_t)~mask;
	}
	return out;
}

struct ip ip_host(const struct ip *ip)
{
	struct ip host = *ip;

	host.plen = ip_bits(ip);
	return host;
}

struct ip ip_network(const struct ip *ip)
{
	return fill_host(ip, false);
}

struct ip ip_broadcast(const struct ip *ip)
{
	return fill_host(ip, true);
}

struct ip ip_add(const struct ip *ip, uint64_t n)
{
	struct ip out = *ip;
	uint64_t carry = n;

	for (unsigned int i = ip_len(ip); i-- > 0 && carry;) {
		carry += out.bytes[i];
		out.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return out;
}

uint64_t ip_distance(const struct ip *from, const struct ip *to)
{
	uint8_t diff[16] = { 0 }, len = (uint8_t)ip_len(from);
	uint64_t low = 0, high = 0;
	int borrow = 0;

	for (int i = len; i-- > 0;) {
		int d = to->bytes[i] - from->bytes[i] - borrow;

		borrow = d < 0;
		diff[16 - len + i] = (uint8_t)d;
	}
	for (int i = 0; i < 8; i++) {
		high = high << 8 | diff[i];
		low = low << 8 | diff[8 + i];
	}
	return high ? UINT64_MAX : low;
}
