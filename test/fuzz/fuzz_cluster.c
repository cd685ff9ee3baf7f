/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cluster - what a node of cluster reads: its state, and what others have put below the prefix. The
 * input is, with NUL between, a state file, a body of the gateway's, and answers to transactions, which
 * block, single and survey get in turn: lines "LIST MOD KEY VALUE" behind one of s, f (succeeded or not)
 * or e (an error). A '~' in front of a key stands for the space. The state is in $FUZZ_DIR.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "etcd/gateway.h"
#include "plugins/ipam/cluster/block.h"
#include "plugins/ipam/cluster/keys.h"
#include "plugins/ipam/cluster/single.h"
#include "plugins/ipam/cluster/survey.h"
#include "sys/file.h"

#define SPACE "/cnic/v1/n"
#define ASKED 64 /* transactions that are answered */

struct fake {
	struct kv kv; /* first */
	char *at;     /* the next answer */
	const char *end;
	int asked;
};

static struct arena arena;
static struct err err;

static char *next_part(struct fake *f)
{
	char *part = f->at;

	if (part >= f->end)
		return NULL;
	f->at += strlen(part) + 1;
	return part;
}

static void add_pair(struct kv_result *r, char *line)
{
	struct kv_pair pair = { .create = 1, .value = "" };
	char *key, *value, *end;
	size_t list = strtoul(line, &end, 10);

	pair.mod = strtol(end, &key, 10);
	key += *key == ' ';
	value = strchr(key, ' ');
	if (value) {
		*value++ = '\0';
		pair.value = value;
		pair.value_len = strlen(value);
	}
	pair.key = *key == '~' ? arena_printf(&arena, SPACE "%s", key + 1) : key;
	if (list < r->n && pair.mod > 0 && *pair.key)
		*arena_append(&arena, r->found[list].pairs, r->found[list].n) = pair;
}

static int answer(struct kv *kv, const struct kv_txn *t, struct kv_result *r, struct err *e)
{
	struct fake *f = (struct fake *)kv;
	char *part = next_part(f), *line;

	if (!part || *part == 'e' || f->asked++ > ASKED)
		return err_set(e, ERR_RETRY, "away");
	r->succeeded = *part == 's' || !t->n_failure;
	r->n = r->succeeded ? t->n_success : t->n_failure;
	r->found = arena_array(&arena, struct kv_found, r->n + 1);
	r->revision = 100 + f->asked;
	(void)strtok_r(part, "\n", &part);
	while ((line = strtok_r(NULL, "\n", &part)))
		add_pair(r, line);
	return 0;
}

static struct pool pool_of(const char *range)
{
	const struct pool_text text = { .range = range };
	const struct ip none = { 0 };
	struct pool p;

	if (pool_parse(&text, &none, "p", &arena, &p, &err) < 0)
		abort();
	return p;
}

static void expect_given(const struct engine *e, const struct pool *p, const struct ip *ip)
{
	if (ip->family && !range_set_find(&p->free, ip))
		abort();
	for (size_t i = 0; i < e->state.n_singles; i++)
		if (!e->state.singles[i].id || !e->state.singles[i].claim)
			abort();
}

static void ask_all(struct engine *e, const struct pool *p)
{
	struct single_want w = { .pool = p, .claim = "", .holder = { "c", "e" }, .boot = "" };
	struct ip ip = { 0 };
	struct survey s;
	bool got;

	fuzz_expect(block_claim(e, p, &got), e->err);
	err_clear(e->err);
	(void)single_take_stock(e, &w);
	if (single_take(e, &w, &ip) == 0)
		expect_given(e, p, &ip);
	err_clear(e->err);
	w.claim = "k";
	if (single_take_claim(e, &w, &ip, &got) == 0)
		expect_given(e, p, &ip);
	err_clear(e->err);
	fuzz_expect(survey_read(e, &s), e->err);
	err_clear(e->err);
	if (e->state.n_blocks) {
		struct ip base = e->state.blocks[0].base;

		(void)!block_return(e, &base);
	}
	err_clear(e->err);
}

static void run(const char *dir, char *text, size_t size)
{
	static const char *const endpoints[] = { "http://x:1" };
	const char **urls = arena_array(&arena, const char *, 1);
	struct fake f = { .kv = { .txn = answer, .arena = &arena },
			  .at = text,
			  .end = text + size };
	const char *state = next_part(&f), *body = next_part(&f);
	struct pool small = pool_of("10.9.0.0/28"), big = pool_of("fd00::/8");
	struct cluster_conf conf = conf_defaults;
	struct kv_txn t = { 0 };
	struct kv_result r;
	struct engine e;

	urls[0] = endpoints[0];
	conf.data_dir = dir;
	conf.etcd.endpoints = urls;
	conf.etcd.n_endpoints = 1;
	conf.block4 = 30;
	conf.has_block4 = true;
	kv_then(&t, (struct kv_op){ .kind = KV_GET, .key = "/" });
	if (body) {
		fuzz_expect(gateway_txn_parse(body, strlen(body), &t, &r, &arena, &err), &err);
		err_clear(&err);
		(void)!gateway_fail(503, body, strlen(body), &err);
		err_clear(&err);
	}
	if (state && *state &&
	    file_replace(arena_printf(&arena, "%s/.state/net/%s", dir, keys_encode(SPACE, &arena)),
			 state, strlen(state), 0600, &arena, &err) < 0)
		abort();
	err_clear(&err);
	if (engine_open(&e, &conf, "net", SPACE, &arena, &err) < 0)
		return;
	e.kv = &f.kv;
	ask_all(&e, &small);
	ask_all(&e, &big);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = getenv("FUZZ_DIR");

	if (!dir)
		abort();
	json_init(&arena);
	(void)mkdir(arena_printf(&arena, "%s/.state", dir), 0700);
	(void)mkdir(arena_printf(&arena, "%s/.state/net", dir), 0700);
	(void)unlink(arena_printf(&arena, "%s/.state/net/%s", dir, keys_encode(SPACE, &arena)));
	run(dir, fuzz_text(&arena, data, size), size);
	err_clear(&err);
	arena_free(&arena);
	return 0;
}
