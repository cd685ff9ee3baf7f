/* SPDX-License-Identifier: Apache-2.0 */
/* times.h - what the clients of both families reckon times with. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

static inline uint32_t times_random(void)
{
	uint32_t v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	return v;
}

static inline int64_t times_least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static inline int64_t times_most(int64_t x, int64_t y)
{
	return x > y ? x : y;
}
