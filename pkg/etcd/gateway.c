/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/gateway.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "json/json.h"

enum { BAD_REQUEST = 400, UNAUTHORIZED = 401, FORBIDDEN = 403, NOT_FOUND = 404, UNAVAILABLE = 503 };

/* ---- requests -------------------------------------------------------------------------------- */

static void add_text(struct json *to, const char *key, const char *text, struct arena *arena)
{
	if (text)
		json_add_str(to, key, base64_encode(text, strlen(text), arena));
}

static void add_compare(struct json *list, const struct kv_compare *c, struct arena *arena)
{
	struct json *o = json_add_object(list, NULL);
	bool mod = c->kind == KV_MOD;

	add_text(o, "key", c->key, arena);
	add_text(o, "range_end", c->end, arena);
	json_add_str(o, "target", mod ? "MOD" : "CREATE");
	json_add_str(o, "result", "EQUAL");
	json_add_str(o, mod ? "mod_revision" : "create_revision",
		     arena_printf(arena, "%lld", (long long)(mod ? c->revision : 0)));
}

/* A transaction within the transaction. */
static void add_put_if_mod(struct json *list, const struct kv_op *op, struct arena *arena)
{
	const struct kv_compare c = { .kind = KV_MOD, .key = op->key, .revision = op->revision };
	struct json *o = json_add_object(json_add_object(list, NULL), "request_txn");

	add_compare(json_add_list(o, "compare"), &c, arena);
	o = json_add_object(json_add_object(json_add_list(o, "success"), NULL), "request_put");
	add_text(o, "key", op->key, arena);
	add_text(o, "value", op->value, arena);
}

static void add_op(struct json *list, const struct kv_op *op, struct arena *arena)
{
	static const char *const names[] = { "request_range", "request_put",
					     "request_delete_range" };
	struct json *o;

	if (op->kind == KV_PUT_IF_MOD) {
		add_put_if_mod(list, op, arena);
		return;
	}
	o = json_add_object(json_add_object(list, NULL), names[op->kind]);
	add_text(o, "key", op->key, arena);
	add_text(o, "range_end", op->end, arena);
	if (op->kind == KV_PUT)
		add_text(o, "value", op->value, arena);
	if (op->limit)
		json_add_int(o, "limit", op->limit);
	if (op->keys_only)
		json_add_bool(o, "keys_only", true);
}

const char *gateway_txn_print(const struct kv_txn *t, struct arena *arena)
{
	struct json *o = json_object(), *list = json_add_list(o, "compare");

	for (size_t i = 0; i < t->n_compare; i++)
		add_compare(list, &t->compare[i], arena);
	list = json_add_list(o, "success");
	for (size_t i = 0; i < t->n_success; i++)
		add_op(list, &t->success[i], arena);
	list = json_add_list(o, "failure");
	for (size_t i = 0; i < t->n_failure; i++)
		add_op(list, &t->failure[i], arena);
	return json_print(o);
}

const char *gateway_login_print(const char *user, const char *password)
{
	struct json *o = json_object();

	json_add_str(o, "name", user);
	json_add_str(o, "password", password);
	return json_print(o);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A number, as text or not; absent is 0. False if it is neither. */
static bool get_number(const struct json *o, const char *key, int64_t *out)
{
	const struct json *v = json_get(o, key);
	const char *text = v ? json_string(v) : NULL;
	char *end;

	*out = 0;
	if (!v)
		return true;
	if (!text)
		return json_int(v, out);
	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text && !*end && !errno && *out >= 0;
}

/* Absent is empty. */
static const char *get_text(const struct json *o, const char *key, size_t *len, struct arena *arena)
{
	const struct json *v = json_get(o, key);
	const char *text = v ? json_string(v) : "";

	return text ? base64_decode(text, len, arena) : NULL;
}

/* Of a key that has a NUL, which is none of ours: with "%00" in its place, which is none either. */
static const char *as_text(const char *key, size_t len, struct arena *arena)
{
	char *text = arena_alloc(arena, 3 * len + 1), *to = text;

	for (size_t i = 0; i < len; i++) {
		if (key[i])
			*to++ = key[i];
		else
			to = stpcpy(to, "%00");
	}
	*to = '\0';
	return text;
}

static bool parse_pair(const struct json *o, struct kv_pair *pair, struct arena *arena)
{
	size_t len = 0;

	pair->key = get_text(o, "key", &len, arena);
	if (!pair->key || !len)
		return false;
	if (strlen(pair->key) != len)
		pair->key = as_text(pair->key, len, arena);
	pair->value = get_text(o, "value", &pair->value_len, arena);
	return pair->value && get_number(o, "create_revision", &pair->create) &&
	       get_number(o, "mod_revision", &pair->mod) && pair->create > 0 && pair->mod > 0;
}

static bool parse_range(const struct json *o, struct kv_found *found, struct arena *arena)
{
	const struct json *list = json_get(o, "kvs");
	bool more = false;

	if (json_get(o, "more") && !json_bool(json_get(o, "more"), &more))
		return false;
	found->more = more;
	if (!list)
		return true;
	if (!json_is_list(list))
		return false;
	json_for_each(item, list)
		if (!json_is_object(item) ||
		    !parse_pair(item, arena_append(arena, found->pairs, found->n), arena))
			return false;
	return true;
}

static bool parse_answers(const struct json *o, const struct kv_op *ops, struct kv_result *r,
			  struct arena *arena)
{
	const struct json *at = json_first(json_get(o, "responses"));

	for (size_t i = 0; i < r->n; i++, at = json_next(at)) {
		const struct json *range;

		if (!at || !json_is_object(at))
			return false;
		if (ops[i].kind != KV_GET)
			continue;
		range = json_get(at, "response_range");
		if (!range || !json_is_object(range) || !parse_range(range, &r->found[i], arena))
			return false;
	}
	return true;
}

static bool parse_txn(const struct json *o, const struct kv_txn *t, struct kv_result *r,
		      struct arena *arena)
{
	const struct json *done = json_get(o, "succeeded"), *header = json_get(o, "header");

	if (!header || !json_is_object(header) || !get_number(header, "revision", &r->revision) ||
	    !r->revision || (done && !json_bool(done, &r->succeeded)))
		return false;
	r->n = r->succeeded ? t->n_success : t->n_failure;
	r->found = arena_array(arena, struct kv_found, r->n + 1);
	return !r->n || (json_get(o, "responses") && json_is_list(json_get(o, "responses")) &&
			 parse_answers(o, r->succeeded ? t->success : t->failure, r, arena));
}

int gateway_txn_parse(const char *body, size_t len, const struct kv_txn *t, struct kv_result *r,
		      struct arena *arena, struct err *err)
{
	const struct json *o;

	*r = (struct kv_result){ 0 };
	if (json_parse_max(body, len, GATEWAY_MAX_ANSWER, &o, err) < 0)
		return err_wrap(err, "etcd's answer");
	if (!json_is_object(o) || !parse_txn(o, t, r, arena))
		return err_set(err, ERR_DECODE, "etcd's answer to a transaction is none: %.200s",
			       body);
	return 0;
}

const char *gateway_login_parse(const char *body, size_t len, struct err *err)
{
	const struct json *o;

	if (json_parse_max(body, len, GATEWAY_MAX_ANSWER, &o, err) < 0)
		return NULL;
	return json_is_object(o) ? json_string(json_get(o, "token")) : NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

#define NO_CLIENT_AUTH                                                                     \
	"its gateway cannot reach it now; if that stays so, the server's own certificate " \
	"needs clientAuth among its extended usages"

/* `has` NULL: whatever it says. What the traps of the gateway look like stands in the page. */
static const struct {
	int status;
	const char *has, *means;
	int code;
} meanings[] = {
	{ 0, "database space exceeded", "its disk or quota is full", ERR_RETRY },
	{ BAD_REQUEST, "CommonName",
	  "it takes no client certificate with a common name while authentication is on: make one "
	  "with an empty CN",
	  ERR_CONFIG },
	{ BAD_REQUEST, "user name is empty", "it wants a user: etcd.user, etcd.password",
	  ERR_CONFIG },
	{ BAD_REQUEST, "invalid user ID or password", "wrong user or password", ERR_CONFIG },
	{ BAD_REQUEST, "authentication is not enabled",
	  "it has no users: leave out etcd.user and etcd.password", ERR_CONFIG },
	{ BAD_REQUEST, NULL, "it refuses the request", ERR_INTERNAL },
	{ UNAUTHORIZED, NULL, "it does not know the token", ERR_RETRY },
	{ FORBIDDEN, NULL, "the user may not use the prefix", ERR_CONFIG },
	{ NOT_FOUND, NULL,
	  "it serves no JSON gateway at /v3 (etcd 3.4 or later; with a --config-file "
	  "enable-grpc-gateway: true)",
	  ERR_CONFIG },
	{ UNAVAILABLE, "handshake failed", NO_CLIENT_AUTH, ERR_RETRY },
	{ UNAVAILABLE, "connection", NO_CLIENT_AUTH, ERR_RETRY },
	{ UNAVAILABLE, NULL, "it has no leader, or cannot serve now", ERR_RETRY },
};

/* The message of an error object, or the beginning of what was sent in its place. */
static const char *message(const char *body, size_t len, struct err *scratch)
{
	const struct json *o;
	const char *text = NULL;

	if (json_parse(body, len, &o, scratch) == 0 && json_is_object(o))
		text = json_string(json_get(o, "message"));
	return text ? text : body;
}

int gateway_fail(int status, const char *body, size_t len, struct err *err)
{
	struct err scratch = { 0 };
	const char *text = message(body, len, &scratch);

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if ((!meanings[i].status || meanings[i].status == status) &&
		    (!meanings[i].has || strstr(text, meanings[i].has)))
			return err_set(err, meanings[i].code, "etcd: %s (%d: %.200s)",
				       meanings[i].means, status, text);
	return err_set(err, ERR_RETRY, "etcd: unexpected answer %d: %.200s", status, text);
}
