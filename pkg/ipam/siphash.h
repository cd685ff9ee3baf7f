/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siphash.h - SipHash-2-4 with 128 bits of output (Aumasson, Bernstein, 2012): a keyed hash whose
 * collisions nobody can make who does not know the key.
 */
#ifndef CNIC_IPAM_SIPHASH_H
#define CNIC_IPAM_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

void siphash128(const uint8_t key[16], const void *data, size_t len, uint8_t out[16]);

#endif
