/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

const char *keys_encode(const char *text, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(text) * 3 + 1), *at = out;

	for (const char *s = text; *s; s++) {
		if (is_plain(*s) && !(*s == '.' && s == text))
			*at++ = *s;
		else
			at += snprintf(at, 4, "%%%02X", (unsigned char)*s);
	}
	return out;
}

static int digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

const char *keys_decode(const char *text, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(text) + 1), *at = out;

	for (const char *s = text; *s; s++) {
		int high, low;

		if (*s != '%') {
			if (!is_plain(*s))
				return NULL;
			*at++ = *s;
			continue;
		}
		high = digit(s[1]);
		low = high < 0 ? -1 : digit(s[2]);
		if (low < 0 || !(high | low))
			return NULL;
		*at++ = (char)(high << 4 | low);
		s += 2;
	}
	return out;
}

const char *keys_space(const char *prefix, const char *space, struct arena *arena)
{
	return arena_printf(arena, "%s/v1/%s", prefix, space);
}

bool keys_has_prefix(const char *space)
{
	return strncmp(space, "/v1/", 4) != 0 || strchr(space + 4, '/');
}

const char *keys_cfg(const char *space, struct arena *arena)
{
	return arena_printf(arena, "%s/cfg", space);
}

const char *keys_node(const char *space, const char *uuid, const char *network, struct arena *arena)
{
	return arena_printf(arena, "%s/node/%s/%s", space, uuid, keys_encode(network, arena));
}

/* Of fixed width: the order of keys is that of addresses. */
static const char *address(const char *space, const char *kind, const struct ip *ip,
			   struct arena *arena)
{
	char hex[2 * sizeof(ip->bytes) + 1];

	for (unsigned int i = 0; i < ip_len(ip); i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", ip->bytes[i]);
	return arena_printf(arena, "%s/%s/%c%s", space, kind, ip->family == AF_INET ? '4' : '6',
			    hex);
}

const char *keys_block(const char *space, const struct ip *ip, struct arena *arena)
{
	return address(space, "block", ip, arena);
}

const char *keys_addr(const char *space, const struct ip *ip, struct arena *arena)
{
	return address(space, "addr", ip, arena);
}

const char *keys_claim(const char *space, const char *claim, size_t n, struct arena *arena)
{
	return arena_printf(arena, "%s/claim/%s,%zu", space, keys_encode(claim, arena), n);
}

/* '!' sorts before all that our names are made of. */
const char *keys_behind(const char *key, struct arena *arena)
{
	return arena_printf(arena, "%s!", key);
}

static bool parse_hex(const char *hex, struct ip *ip)
{
	for (unsigned int i = 0; i < ip_len(ip); i++) {
		char two[] = { hex[(size_t)2 * i], hex[(size_t)2 * i + 1], '\0' }, *end;

		ip->bytes[i] = (uint8_t)strtoul(two, &end, 16);
		if (*end)
			return false;
	}
	ip->plen = ip_bits(ip);
	return true;
}

bool keys_parse_ip(const char *key, struct ip *ip)
{
	const char *slash = strrchr(key, '/'), *at = slash ? slash + 1 : key;

	*ip = (struct ip){ .family = *at == '4' ? AF_INET : AF_INET6 };
	if ((*at != '4' && *at != '6') || strlen(at + 1) != (size_t)2 * ip_len(ip) ||
	    strspn(at + 1, "0123456789abcdef") != (size_t)2 * ip_len(ip))
		return false;
	return parse_hex(at + 1, ip);
}
