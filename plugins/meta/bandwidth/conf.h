/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - the keys of bandwidth, and which of them count. */
#pragma once

#include "limit.h"

/* Ingress is what the container receives, egress what it sends. */
struct limits {
	struct limit ingress, egress;
	const struct json *shaped, *unshaped;
};

struct bandwidth_conf {
	struct limits keys, runtime;
	uint32_t latency;
	const char *queue;
	const struct limits *limits; /* of these, those that count */
};

extern const struct json_field bandwidth_fields[];
extern const struct bandwidth_conf bandwidth_defaults;

/* Sets conf->limits. */
int bandwidth_validate(struct cni_call *c) NODISCARD;
