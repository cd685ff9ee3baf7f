/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/kv.h"

#include <stdlib.h>
#include <string.h>

int kv_txn(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *err)
{
	*r = (struct kv_result){ 0 };
	kv->refused = false;
	return kv->txn(kv, t, r, err);
}

/* More than fits is a mistake of the caller's, who counts. */
static size_t next(size_t *n, size_t max)
{
	if (*n >= max)
		abort();
	return (*n)++;
}

void kv_if_mod(struct kv_txn *t, const char *key, int64_t revision)
{
	t->compare[next(&t->n_compare, KV_COMPARES_MAX)] =
		(struct kv_compare){ .kind = KV_MOD, .key = key, .revision = revision };
}

void kv_if_none(struct kv_txn *t, const char *key, const char *end)
{
	t->compare[next(&t->n_compare, KV_COMPARES_MAX)] =
		(struct kv_compare){ .kind = KV_NONE, .key = key, .end = end };
}

void kv_then(struct kv_txn *t, struct kv_op op)
{
	t->success[next(&t->n_success, KV_OPS_MAX)] = op;
}

void kv_else(struct kv_txn *t, struct kv_op op)
{
	t->failure[next(&t->n_failure, KV_OPS_MAX)] = op;
}

const char *kv_prefix_end(const char *prefix, struct arena *arena)
{
	char *end = arena_strdup(arena, prefix);

	if (*end)
		end[strlen(end) - 1]++;
	return end;
}

int kv_get(struct kv *kv, struct kv_op op, struct kv_found *found, struct err *err)
{
	struct kv_txn *t = arena_new(kv->arena, struct kv_txn);
	struct kv_result r;

	kv_then(t, op);
	if (kv_txn(kv, t, &r, err) < 0)
		return -1;
	*found = r.found[0];
	return 0;
}
