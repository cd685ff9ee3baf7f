/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/kv_dir.h"

#include <string.h>

#include "base/scope.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "json/decode.h"

#define MAX_FILE ((size_t)64 * 1000 * 1000) /* bytes */

/*
 * The file: {"revision": 7, "kvs": [{"key", "value", "create", "mod"}, ...]}, in the order of keys.
 */
struct item {
	const char *key, *value;
	uint64_t create, mod;
};

struct content {
	uint64_t revision;
	struct item *kvs;
	size_t n_kvs;
};

static const struct json_field item_fields[] = {
	F_STR("key", struct item, key, .required = true),
	F_STR("value", struct item, value, .empty = true, .max = 1000000),
	F_UINT("create", struct item, create),
	F_UINT("mod", struct item, mod),
	F_END,
};

static const struct json_field content_fields[] = {
	F_UINT("revision", struct content, revision),
	F_LIST("kvs", struct content, kvs, item_fields, .max = 1000000),
	F_END,
};

/* ---- the file -------------------------------------------------------------------------------- */

static int load(const struct kv_dir *d, struct content *c, struct err *err)
{
	const struct json *v;
	const char *text;
	size_t len;

	*c = (struct content){ .revision = 1 };
	if (file_read(d->path, MAX_FILE, d->kv.arena, &text, &len, err) < 0) {
		if (err->sys != ENOENT)
			return -1;
		err_clear(err);
		return 0;
	}
	if (json_parse_max(text, len, MAX_FILE, &v, err) < 0 ||
	    json_decode(v, content_fields, "", c, err) < 0)
		return err_wrap(err, "%s", d->path);
	return 0;
}

static int store(const struct kv_dir *d, const struct content *c, struct err *err)
{
	struct json *o = json_object(), *list;
	const char *text;

	json_add_int(o, "revision", (int64_t)c->revision);
	list = json_add_list(o, "kvs");
	for (size_t i = 0; i < c->n_kvs; i++) {
		struct json *item = json_add_object(list, NULL);

		json_add_str(item, "key", c->kvs[i].key);
		json_add_str(item, "value", c->kvs[i].value);
		json_add_int(item, "create", (int64_t)c->kvs[i].create);
		json_add_int(item, "mod", (int64_t)c->kvs[i].mod);
	}
	text = json_print(o);
	return file_replace_synced(d->path, text, strlen(text), 0600, d->kv.arena, err);
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* Index of the first key that is not before this one. */
static size_t find(const struct content *c, const char *key)
{
	size_t low = 0, high = c->kvs ? c->n_kvs : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(c->kvs[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Index behind the last of the range; the key alone without an end. */
static size_t find_end(const struct content *c, const char *key, const char *end)
{
	size_t at = find(c, key);

	if (end)
		return find(c, end);
	return c->kvs && at < c->n_kvs && !strcmp(c->kvs[at].key, key) ? at + 1 : at;
}

static bool holds(const struct content *c, const struct kv_compare *cmp)
{
	size_t from = find(c, cmp->key), to = find_end(c, cmp->key, cmp->end);

	if (cmp->kind == KV_NONE)
		return from >= to;
	return cmp->revision == (c->kvs && from < to ? (int64_t)c->kvs[from].mod : 0);
}

static void get(const struct content *c, const struct kv_op *op, struct kv_found *found,
		struct arena *arena)
{
	size_t to = find_end(c, op->key, op->end);

	for (size_t i = find(c, op->key); c->kvs && i < to && !found->more; i++) {
		const struct item *item = &c->kvs[i];
		const char *value = op->keys_only || !item->value ? "" : item->value;

		if (op->limit && found->n == op->limit)
			found->more = true;
		else
			*arena_append(arena, found->pairs, found->n) = (struct kv_pair){
				.key = item->key,
				.value = value,
				.value_len = strlen(value),
				.create = (int64_t)item->create,
				.mod = (int64_t)item->mod,
			};
	}
}

static void put(struct content *c, const struct kv_op *op, struct arena *arena)
{
	size_t at = find(c, op->key);

	if (!c->kvs || find_end(c, op->key, NULL) == at) {
		struct item *items = arena_array(arena, struct item, c->n_kvs + 1);

		if (c->kvs) {
			memcpy(items, c->kvs, at * sizeof(*items));
			memcpy(items + at + 1, c->kvs + at, (c->n_kvs - at) * sizeof(*items));
		}
		c->kvs = items;
		c->n_kvs++;
		items[at] = (struct item){ .key = op->key, .create = c->revision };
	}
	c->kvs[at].value = op->value;
	c->kvs[at].mod = c->revision;
}

static void delete (struct content *c, const struct kv_op *op)
{
	size_t from = find(c, op->key), to = find_end(c, op->key, op->end);

	if (from >= to || !c->kvs)
		return;
	memmove(c->kvs + from, c->kvs + to, (c->n_kvs - to) * sizeof(*c->kvs));
	c->n_kvs -= to - from;
}

static bool writes(const struct kv_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].kind != KV_GET)
			return true;
	return false;
}

static void put_if_mod(struct content *c, const struct kv_op *op, struct arena *arena)
{
	const struct kv_compare cmp = { KV_MOD, op->key, NULL, op->revision };

	if (holds(c, &cmp))
		put(c, op, arena);
}

static int apply(const struct kv_dir *d, struct content *c, const struct kv_txn *t,
		 struct kv_result *r, struct err *err)
{
	const struct kv_op *ops;
	bool changes;

	r->succeeded = true;
	for (size_t i = 0; i < t->n_compare; i++)
		r->succeeded &= holds(c, &t->compare[i]);
	ops = r->succeeded ? t->success : t->failure;
	r->n = r->succeeded ? t->n_success : t->n_failure;
	r->found = arena_array(d->kv.arena, struct kv_found, r->n + 1);
	changes = writes(ops, r->n);
	c->revision += changes;
	for (size_t i = 0; i < r->n; i++) {
		if (ops[i].kind == KV_GET)
			get(c, &ops[i], &r->found[i], d->kv.arena);
		else if (ops[i].kind == KV_PUT)
			put(c, &ops[i], d->kv.arena);
		else if (ops[i].kind == KV_PUT_IF_MOD)
			put_if_mod(c, &ops[i], d->kv.arena);
		else
			delete (c, &ops[i]);
	}
	r->revision = (int64_t)c->revision;
	return changes ? store(d, c, err) : 0;
}

/* One that only reads needs no lock: the file is replaced as a whole. */
static int txn(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *err)
{
	const struct kv_dir *d = (const struct kv_dir *)kv;
	auto_close int lock = -1;
	bool changes = writes(t->success, t->n_success) || writes(t->failure, t->n_failure);
	struct content c;

	if (changes && lock_path(d->lock, O_RDWR | O_CREAT | FILE_SAFE, &lock, err) < 0)
		return -1;
	if (load(d, &c, err) < 0)
		return -1;
	return apply(d, &c, t, r, err);
}

void kv_dir_init(struct kv_dir *d, const char *dir, struct arena *arena)
{
	*d = (struct kv_dir){
		.kv = { .txn = txn, .arena = arena },
		.path = arena_printf(arena, "%s/.kv", dir),
		.lock = arena_printf(arena, "%s/.kv.lock", dir),
	};
}
