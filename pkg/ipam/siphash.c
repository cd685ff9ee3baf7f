/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/siphash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

/* n (at most 8) bytes, least significant first, whatever the machine's order. */
static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	while (n--)
		x = x << 8 | p[n];
	return x;
}

static void store(uint8_t *p, uint64_t x)
{
	for (unsigned int i = 0; i < 8; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

static void rounds(struct sip *s, unsigned int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void absorb(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

void siphash128(const uint8_t key[16], const void *data, size_t len, uint8_t out[16])
{
	uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
	const uint8_t *p = data;
	size_t left = len;
	/* "somepseudorandomlygeneratedbytes"; 0xee marks the long output. */
	struct sip s = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};

	for (; left >= 8; p += 8, left -= 8)
		absorb(&s, load(p, 8));
	absorb(&s, load(p, left) | (uint64_t)len << 56);
	s.v2 ^= 0xee;
	rounds(&s, 4);
	store(out, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	store(out + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
