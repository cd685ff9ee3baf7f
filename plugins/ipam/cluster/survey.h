/* SPDX-License-Identifier: Apache-2.0 */
/* survey.h - all that a space has in etcd, read and understood: for people, by `cnic ipam`. */
#pragma once

#include "engine.h"

struct survey_owner {
	const char *uuid, *network, *host;
	const char *key; /* of its register; NULL: it has none */
	int64_t mod;
	size_t blocks, singles;
};

/* A block or a single address. */
struct survey_item {
	struct ip ip; /* .plen: of a block its own */
	const char *key, *claim;
	struct survey_owner *owner; /* NULL: a claim's that nobody uses */
	int64_t mod;
};

struct survey_claim {
	const char *key, *name; /* name: "KEY,N" */
	struct ip ip;
	int64_t mod;
};

struct survey {
	uint64_t version;
	uint8_t block4, block6; /* 0: there is no cfg */
	struct survey_owner **nodes;
	struct survey_item *blocks, *singles; /* in the order of addresses */
	struct survey_claim *claims;
	const char **strange; /* keys that are none of cluster's, or whose values are not */
	size_t n_nodes, n_blocks, n_singles, n_claims, n_strange;
};

int survey_read(struct engine *e, struct survey *s) NODISCARD;

const struct survey_item *survey_find(const struct survey_item *list, size_t n,
				      const struct ip *ip);
