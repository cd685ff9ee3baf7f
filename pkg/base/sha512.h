/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha512.h - SHA-512 (FIPS 180-4). The reference plugins name iptables chains, nft comments and
 * devices by it, and what they have made must be found again. For names only: nothing here is kept
 * secret.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA512_LEN   64
#define SHA512_BLOCK 128

struct sha512 {
	uint64_t h[8], len; /* bytes so far: fewer than 2^61 */
	uint8_t block[SHA512_BLOCK];
};

/* The constants; their upper halves are SHA-256's. */
extern const uint64_t sha512_k[80], sha512_start[8];

void sha512_begin(struct sha512 *s);
void sha512_add(struct sha512 *s, const void *data, size_t len);
void sha512_end(struct sha512 *s, uint8_t out[SHA512_LEN]);
