/* SPDX-License-Identifier: Apache-2.0 */
#include "etcd/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sha512.h"
#include "etcd/gateway.h"
#include "sys/file.h"
#include "sys/spawn.h"

#define TXN_PATH   "/v3/kv/txn"
#define LOGIN_PATH "/v3/auth/authenticate"
#define TOKEN_MAX  8192
#define MARGIN_MS  1000 /* for the helper's start and end */
#define LEAST_MS   20   /* less is not begun with */

enum { HTTP_OK = 200, HTTP_BAD = 400, HTTP_UNAUTHORIZED = 401, HELPER_UNKNOWN = 3 };

struct answer {
	int status; /* HTTP's */
	const char *body;
	size_t len;
};

/* ---- one request ----------------------------------------------------------------------------- */

static const char *line(struct arena *arena, const char *text, const char *name, const char *value)
{
	return value ? arena_printf(arena, "%s%s %s\n", text, name, value) : text;
}

static const char *print_request(const struct etcd *e, const char *path, const char *token,
				 const char *body, int64_t left)
{
	const struct etcd_conf *conf = e->conf;
	struct arena *arena = e->kv.arena;
	const char *text = "";

	for (size_t i = 0; i < conf->n_endpoints; i++)
		text = line(arena, text, "endpoint", conf->endpoints[i]);
	text = line(arena, text, "cacert", conf->ca);
	text = line(arena, text, "cert", conf->cert);
	text = line(arena, text, "key", conf->key);
	text = line(arena, text, "token", token);
	text = line(arena, text, "timeout", arena_printf(arena, "%lld", (long long)left));
	text = line(arena, text, "path", path);
	return arena_printf(arena, "%s\n%s", text, body);
}

/* What the helper has printed in the place of an answer. */
static int no_answer(const struct spawn_result *res, struct err *err)
{
	int n = (int)strcspn(res->out, "\n");
	bool exited = WIFEXITED(res->status);

	if (res->timed_out || !exited)
		return err_set(err, ERR_RETRY, "etcd: " ETCD_HELPER " %s",
			       res->timed_out ? "took too long" : "was killed");
	if (WEXITSTATUS(res->status) == HELPER_UNKNOWN)
		return err_set(err, ERR_RETRY, "etcd cannot be reached: %.*s", n, res->out);
	return err_set(err, ERR_INTERNAL, ETCD_HELPER ": %.*s%s", n, res->out, res->words);
}

static int parse_answer(const struct spawn_result *res, struct answer *a, struct err *err)
{
	char *end;

	a->status = (int)strtol(res->out, &end, 10);
	if (end == res->out || *end != '\n')
		return err_set(err, ERR_INTERNAL, ETCD_HELPER ": no answer: %.100s", res->out);
	a->body = end + 1;
	a->len = res->out_len - (size_t)(a->body - res->out);
	return 0;
}

static int request(struct etcd *e, const char *path, const char *token, const char *body,
		   struct answer *a, struct err *err)
{
	int64_t left = e->deadline - clock_ms();
	const char *text = print_request(e, path, token, body, left);
	const struct spawn s = {
		.path = e->helper,
		.envp = environ,
		.in = text,
		.in_len = strlen(text),
		.max_out = GATEWAY_MAX_ANSWER + 16,
		.timeout_ms = (int)left + MARGIN_MS,
		.listen = true,
	};
	struct spawn_result res;

	if (left < LEAST_MS)
		return err_set(err, ERR_RETRY, "etcd: all of %u ms has gone by",
			       e->conf->timeout_ms);
	if (spawn(&s, &res, e->kv.arena, err) < 0)
		return -1;
	if (res.timed_out || !WIFEXITED(res.status) || WEXITSTATUS(res.status))
		return no_answer(&res, err);
	return parse_answer(&res, a, err);
}

/* ---- a user ---------------------------------------------------------------------------------- */

/* A token that cannot be kept is asked for anew the next time. */
static int login(struct etcd *e, struct err *err)
{
	struct err ignored = { 0 };
	struct answer a;

	if (request(e, LOGIN_PATH, NULL, gateway_login_print(e->conf->user, e->conf->password), &a,
		    err) < 0)
		return -1;
	if (a.status != HTTP_OK)
		return gateway_fail(a.status, a.body, a.len, err);
	e->token = gateway_login_parse(a.body, a.len, err);
	if (!e->token || strchr(e->token, '\n') || strlen(e->token) > TOKEN_MAX)
		return err_set(err, ERR_DECODE, "etcd's answer to authentication has no token");
	(void)!file_replace(e->token_file, e->token, strlen(e->token), 0600, e->kv.arena, &ignored);
	return 0;
}

static void read_token(struct etcd *e)
{
	struct err ignored = { 0 };
	size_t len;

	if (file_read(e->token_file, TOKEN_MAX, e->kv.arena, &e->token, &len, &ignored) < 0 ||
	    !len || strlen(e->token) != len || strchr(e->token, '\n'))
		e->token = NULL;
}

/*
 * A token lives for minutes, and in the memory of a member: it is made anew once when it is not
 * known. etcd answers one that is none at all with 400.
 */
static int request_as_user(struct etcd *e, const char *path, const char *body, struct answer *a,
			   struct err *err)
{
	bool fresh = false;

	if (!e->conf->user)
		return request(e, path, NULL, body, a, err);
	if (!e->token)
		read_token(e);
	if (!e->token) {
		fresh = true;
		if (login(e, err) < 0)
			return -1;
	}
	if (request(e, path, e->token, body, a, err) < 0)
		return -1;
	if (fresh ||
	    (a->status != HTTP_UNAUTHORIZED && !(a->status == HTTP_BAD && strstr(a->body, "auth"))))
		return 0;
	return login(e, err) < 0 ? -1 : request(e, path, e->token, body, a, err);
}

/* ---- files ----------------------------------------------------------------------------------- */

const char *etcd_file(const struct etcd_conf *conf, const char *dir, const char *name,
		      struct arena *arena)
{
	const char *const how[] = { conf->ca, conf->cert, conf->key, conf->user };
	uint8_t sum[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	for (size_t i = 0; i < conf->n_endpoints; i++)
		sha512_add(&s, conf->endpoints[i], strlen(conf->endpoints[i]) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(how); i++)
		sha512_add(&s, how[i] ? how[i] : "", how[i] ? strlen(how[i]) + 1 : 1);
	sha512_end(&s, sum);
	return arena_printf(arena, "%s/%s.%02x%02x%02x%02x", dir, name, sum[0], sum[1], sum[2],
			    sum[3]);
}

/* ---- the backend ----------------------------------------------------------------------------- */

static int txn(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *err)
{
	struct etcd *e = (struct etcd *)kv;
	struct answer a;

	if (request_as_user(e, TXN_PATH, gateway_txn_print(t, kv->arena), &a, err) < 0)
		return -1;
	if (a.status == HTTP_OK)
		return gateway_txn_parse(a.body, a.len, t, r, kv->arena, err);
	kv->refused = a.status >= HTTP_BAD && a.status < 500;
	return gateway_fail(a.status, a.body, a.len, err);
}

int etcd_open(struct etcd *e, const struct etcd_conf *conf, const char *dir, struct arena *arena,
	      struct err *err)
{
	*e = (struct etcd){ .kv = { .txn = txn, .arena = arena }, .conf = conf };
	e->deadline = clock_ms() + conf->timeout_ms;
	e->helper = spawn_beside(ETCD_HELPER, arena);
	if (!e->helper)
		return err_set(err, ERR_FIELD,
			       "etcd needs " ETCD_HELPER
			       " beside this plugin, which is not installed (make CLUSTER=1)");
	if (conf->user)
		e->token_file = etcd_file(conf, dir, ".token", arena);
	return 0;
}
