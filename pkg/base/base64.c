/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len, struct arena *arena)
{
	const uint8_t *in = data;
	char *out = arena_alloc(arena, (len + 2) / 3 * 4 + 1), *o = out;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
				(n > 2 ? in[i + 2] : 0);

		memset(o, '=', 4);
		for (size_t k = 0; k <= n; k++)
			o[k] = digits[bits >> (18 - 6 * k) & 63];
		o += 4;
	}
	return out;
}

char *base64_decode(const char *text, size_t *len, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(text) / 4 * 3 + 4), *o = out;
	uint32_t bits = 0;
	size_t n = 0, pads = 0;

	for (const char *s = text; *s; s++) {
		const char *digit = strchr(digits, *s);

		if (*s == '\n' || *s == '\r')
			continue;
		if (*s == '=' && n % 4 >= 2)
			digit = digits, pads++;
		else if (!digit || pads)
			return NULL;
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (++n % 4)
			continue;
		*o++ = (char)(bits >> 16);
		*o++ = (char)(bits >> 8);
		*o++ = (char)bits;
	}
	if (n % 4)
		return NULL;
	*len = (size_t)(o - out) - pads;
	out[*len] = '\0';
	return out;
}
