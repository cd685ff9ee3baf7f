/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv.h - a store of keys and values as etcd v3 has it: one revision for all of it, which grows by
 * one with each transaction that writes; of each key the revision that made it and the last that
 * wrote it. A transaction compares, and does one of two lists of operations, as one step. What
 * implements it is a backend: etcd (client.h), or files of this node (kv_dir.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Of one transaction; etcd's own limit of operations is 128. */
#define KV_COMPARES_MAX 64
#define KV_OPS_MAX      64

struct kv_pair {
	const char *key, *value; /* value "" where only keys were asked for */
	size_t value_len;        /* it may hold any byte; a NUL is behind it */
	int64_t create, mod;     /* revisions */
};

enum kv_compare_kind {
	KV_MOD,  /* last written by .revision; 0: there is no such key */
	KV_NONE, /* there is no key from .key to before .end */
};

struct kv_compare {
	enum kv_compare_kind kind;
	const char *key, *end;
	int64_t revision;
};

enum kv_op_kind { KV_GET, KV_PUT, KV_DELETE, KV_PUT_IF_MOD };

struct kv_op {
	enum kv_op_kind kind;
	const char *key, *end; /* GET, DELETE: to before .end; NULL = that key alone */
	const char *value;     /* PUT */
	int64_t revision;      /* PUT_IF_MOD: as of a compare; if that fails, nothing is put */
	uint32_t limit;        /* GET: as many at most; 0 = all */
	bool keys_only;
};

struct kv_txn {
	struct kv_compare compare[KV_COMPARES_MAX];
	struct kv_op success[KV_OPS_MAX], failure[KV_OPS_MAX];
	size_t n_compare, n_success, n_failure;
};

/* What a GET found, in the order of keys; the other operations find nothing. */
struct kv_found {
	struct kv_pair *pairs;
	size_t n;
	bool more; /* the limit cut it */
};

struct kv_result {
	bool succeeded;
	int64_t revision;       /* of the store, this transaction included */
	struct kv_found *found; /* one for each operation of the list that was done */
	size_t n;
};

/*
 * A backend. -1: the transaction may have been done, or be done later, unless `refused`. Everything
 * of the result lives in the arena.
 */
struct kv {
	int (*txn)(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *err);
	struct arena *arena;
	bool refused;
};

int kv_txn(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *err) NODISCARD;

/* Building one. Texts are not copied. */
void kv_if_mod(struct kv_txn *t, const char *key, int64_t revision);
void kv_if_none(struct kv_txn *t, const char *key, const char *end);
void kv_then(struct kv_txn *t, struct kv_op op);
void kv_else(struct kv_txn *t, struct kv_op op);

/* The first key behind all that begin with the prefix, which does not end in a byte of ones. */
const char *kv_prefix_end(const char *prefix, struct arena *arena);

/* One GET alone. */
int kv_get(struct kv *kv, struct kv_op op, struct kv_found *found, struct err *err) NODISCARD;
