/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mac.h"

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
