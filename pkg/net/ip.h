/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip.h - IP addresses with their prefix length: parse, print, compute. Never talks to the kernel.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* .family == AF_UNSPEC means "not set". Bytes are in network order. */
struct ip {
	sa_family_t family;
	uint8_t plen;
	union {
		struct in_addr v4;
		struct in6_addr v6;
		uint8_t bytes[16];
	};
};

#define IP_STRLEN (INET6_ADDRSTRLEN + 4)

/*
 * As Go's net.ParseIP and net.ParseCIDR: no leading zeros in IPv4 (inet_pton agrees), no zone, and
 * an IPv4-mapped IPv6 address is an IPv4 address. ip_parse() sets .plen to all bits.
 */
bool ip_parse(struct ip *ip, const char *s);
bool cidr_parse(struct ip *ip, const char *s);

/* Print into buf[IP_STRLEN], RFC 5952 form; return buf. */
const char *ip_str(const struct ip *ip, char *buf);
const char *cidr_str(const struct ip *ip, char *buf);

static inline uint16_t ip_len(const struct ip *ip)
{
	return ip->family == AF_INET6 ? 16 : 4;
}

static inline uint8_t ip_bits(const struct ip *ip)
{
	return (uint8_t)(ip_len(ip) * 8);
}

/* Same family: memcmp order of the addresses, prefix lengths ignored. IPv4 sorts before IPv6. */
int ip_cmp(const struct ip *a, const struct ip *b);
bool ip_equal(const struct ip *a, const struct ip *b);   /* address only */
bool cidr_equal(const struct ip *a, const struct ip *b); /* address and prefix length */
bool cidr_contains(const struct ip *net, const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_any(const struct ip *ip); /* 0.0.0.0, :: */

struct ip ip_network(const struct ip *ip);         /* host bits cleared, .plen kept */
struct ip ip_host(const struct ip *ip);            /* the address alone, .plen all bits */
struct ip ip_broadcast(const struct ip *ip);       /* host bits set, .plen kept */
struct ip ip_add(const struct ip *ip, uint64_t n); /* n < 2^63; wraps around; .plen kept */

/* How far it is to an address of the same family that is not before; UINT64_MAX = that or more. */
uint64_t ip_distance(const struct ip *from, const struct ip *to);

/* IPv4, then IPv6. */
extern const sa_family_t ip_families[2];
extern const struct ip ip_loopback[2];  /* 127.0.0.0/8, ::1 */
extern const struct ip ip_multicast[2]; /* 224.0.0.0/4, ff00::/8 */
