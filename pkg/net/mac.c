/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mac.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* `sep` stands after every `group` bytes. */
static bool parse_groups(uint8_t mac[MAC_LEN], const char *s, char sep, unsigned int group)
{
	for (unsigned int i = 0; i < MAC_LEN; i++) {
		int hi, lo;

		if (i && i % group == 0 && *s++ != sep)
			return false;
		hi = hex(s[0]);
		lo = hi < 0 ? -1 : hex(s[1]);
		if (lo < 0)
			return false;
		mac[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
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

/* FIPS 180-4, 4.2.2 and 5.3.3. */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};
static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/*
 * FIPS 180-4, 6.2.2; only the hash's first word is wanted, and a text of up to 55 bytes is one
 * block.
 */
static uint32_t sha256_word(const char *text, size_t len)
{
	uint32_t w[64] = { 0 }, h[8];
	char block[64] = { 0 };

	memcpy(block, text, len);
	block[len] = (char)0x80;
	memcpy(w, block, sizeof(block));
	for (int i = 0; i < 15; i++)
		w[i] = be32toh(w[i]);
	w[15] = (uint32_t)len * 8;
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(h, start, sizeof(h));
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = h[7] + (rotate(h[4], 6) ^ rotate(h[4], 11) ^ rotate(h[4], 25)) +
			      ((h[4] & h[5]) ^ (~h[4] & h[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(h[0], 2) ^ rotate(h[0], 13) ^ rotate(h[0], 22)) +
			      ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));

		memmove(h + 1, h, sizeof(h) - sizeof(*h));
		h[4] += t1;
		h[0] = t1 + t2;
	}
	return start[0] + h[0];
}

void mac_from_ip(uint8_t mac[MAC_LEN], const struct ip *ip)
{
	char text[IP_STRLEN];
	uint32_t word;

	ip_str(ip, text);
	mac[0] = 0x0a;
	mac[1] = 0x58;
	if (ip->family == AF_INET) {
		memcpy(mac + 2, &ip->v4, 4);
		return;
	}
	word = htobe32(sha256_word(text, strlen(text)));
	memcpy(mac + 2, &word, 4);
}
