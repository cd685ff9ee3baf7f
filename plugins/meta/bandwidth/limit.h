/* SPDX-License-Identifier: Apache-2.0 */
/* limit.h - what a direction is limited to: as keys say it, and as numbers of a tbf. */
#pragma once

#include "nl/qdisc.h"
#include "skel/call.h"

struct limit {
	uint64_t rate, burst; /* bits a second, bits; rate 0 = no limit, burst 0 = by default */
	bool has_rate, has_burst;
};

/* Keys of a direction: `m` is a struct limit within the struct `s`. */
#define LIMIT_FIELDS(direction, s, m)                                               \
	F_UINT(direction "Rate", s, m.rate, .has_offset = offsetof(s, m.has_rate)), \
		F_UINT(direction "Burst", s, m.burst, .has_offset = offsetof(s, m.has_burst))

/* Refuses what no tbf can do; `path` is in front of "Rate" and "Burst". Sets a missing burst. */
int limit_validate(struct cni_call *c, struct limit *l, const char *path) NODISCARD;

/* The reference's numbers, for its latency of 25 ms. */
struct tbf limit_tbf(const struct limit *l, uint32_t latency_ms);

bool limit_tbf_equal(const struct tbf *wanted, const struct tbf *found);

/* CHECK: what is wanted and what is found, of the first number that differs. */
int limit_differs(struct cni_call *c, const char *direction, const char *device,
		  const struct tbf *wanted, const struct tbf *found) NODISCARD;
