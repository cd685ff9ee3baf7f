/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mac.h"

#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/sha512.h"

/* `sep` stands after every `group` bytes. */
static bool parse_groups(uint8_t mac[MAC_LEN], const char *s, char sep, unsigned int group)
{
	for (unsigned int i = 0; i < MAC_LEN; i++, s += 2) {
		if (i && i % group == 0 && *s++ != sep)
			return false;
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
			return false;
		mac[i] = (uint8_t)strtoul((const char[]){ s[0], s[1], '\0' }, NULL, 16);
	}
	return !*s;
}

bool mac_parse(uint8_t mac[MAC_LEN], const char *s)
{
	return parse_groups(mac, s, ':', 1) || parse_groups(mac, s, '-', 1) ||
	       parse_groups(mac, s, '.', 2);
}

const char *mac_str(const uint8_t mac[MAC_LEN], char *buf)
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

bool mac_random(uint8_t mac[MAC_LEN])
{
	if (getrandom(mac, MAC_LEN, 0) != MAC_LEN)
		return false;
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
	return true;
}

bool mac_is_zero(const uint8_t mac[MAC_LEN])
{
	static const uint8_t zero[MAC_LEN];

	return !memcmp(mac, zero, MAC_LEN);
}

/* ---- of an IP address ------------------------------------------------------------------------ */

static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/*
 * FIPS 180-4, 6.2.2; only the hash's first word is wanted, and a text of up to 55 bytes is one
 * block.
 */
static uint32_t sha256_word(const char *text)
{
	uint32_t w[64] = { 0 }, h[8];
	char block[64] = { 0 };
	size_t len = (size_t)snprintf(block, sizeof(block), "%s", text);

	block[len] = (char)0x80;
	memcpy(w, block, sizeof(block));
	for (int i = 0; i < 15; i++)
		w[i] = be32toh(w[i]);
	w[15] = (uint32_t)len * 8;
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	for (int i = 0; i < 8; i++)
		h[i] = (uint32_t)(sha512_start[i] >> 32);
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = h[7] + (rotate(h[4], 6) ^ rotate(h[4], 11) ^ rotate(h[4], 25)) +
			      ((h[4] & h[5]) ^ (~h[4] & h[6])) + (uint32_t)(sha512_k[i] >> 32) +
			      w[i];
		uint32_t t2 = (rotate(h[0], 2) ^ rotate(h[0], 13) ^ rotate(h[0], 22)) +
			      ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));

		memmove(h + 1, h, sizeof(h) - sizeof(*h));
		h[4] += t1;
		h[0] = t1 + t2;
	}
	return (uint32_t)(sha512_start[0] >> 32) + h[0];
}

void mac_from_ip(uint8_t mac[MAC_LEN], const struct ip *ip)
{
	char text[IP_STRLEN];
	uint32_t word = ip->v4.s_addr;

	if (ip->family == AF_INET6)
		word = htobe32(sha256_word(ip_str(ip, text)));
	mac[0] = 0x0a;
	mac[1] = 0x58;
	memcpy(mac + 2, &word, sizeof(word));
}
