/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/etcd, and what of cluster needs neither etcd nor a call: pools, keys, what is taken, the state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "etcd/gateway.h"
#include "etcd/kv_dir.h"
#include "plugins/ipam/cluster/engine.h"
#include "plugins/ipam/cluster/keys.h"
#include "plugins/ipam/cluster/pool.h"
#include "plugins/ipam/cluster/state.h"
#include "plugins/ipam/cluster/taken.h"
#include "tap.h"
#include "json/json.h"

static struct arena arena;
static struct err err;
static char dir[] = "/tmp/test_cluster.XXXXXX";

static struct ip ip(const char *text)
{
	struct ip out = { 0 };

	if (!cidr_parse(&out, text) && !ip_parse(&out, text))
		abort();
	return out;
}

/* ---- pools ----------------------------------------------------------------------------------- */

static const struct {
	const char *range, *start, *end, *exclude, *gateway;
	const char *want; /* the stretches, or what is wrong */
} pools[] = {
	{ "10.1.0.0/24", NULL, NULL, NULL, NULL, "10.1.0.1-10.1.0.254" },
	{ "10.1.0.7/24", NULL, NULL, NULL, NULL, "10.1.0.1-10.1.0.254" },
	{ "10.1.0.0/31", NULL, NULL, NULL, NULL, "10.1.0.0-10.1.0.1" },
	{ "10.1.0.9/32", NULL, NULL, NULL, NULL, "10.1.0.9-10.1.0.9" },
	{ "fd00::/64", NULL, NULL, NULL, NULL, "fd00::1-fd00::ffff:ffff:ffff:fffe" },
	{ "fd00::2/127", NULL, NULL, NULL, NULL, "fd00::2-fd00::3" },
	{ "10.1.0.5-10.1.0.9/24", NULL, NULL, NULL, NULL, "10.1.0.5-10.1.0.9" },
	{ "10.1.0.0/24", "10.1.0.0", "10.1.0.255", NULL, NULL, "10.1.0.0-10.1.0.255" },
	{ "10.1.0.0/28", NULL, NULL, "10.1.0.4/30", NULL, "10.1.0.1-10.1.0.3,10.1.0.8-10.1.0.14" },
	{ "10.1.0.0/28", NULL, NULL, "10.1.0.1", NULL, "10.1.0.2-10.1.0.14" },
	{ "10.1.0.0/28", NULL, NULL, "10.1.0.14", NULL, "10.1.0.1-10.1.0.13" },
	{ "10.1.0.0/28", NULL, NULL, "fd00::/8", NULL, "10.1.0.1-10.1.0.14" },
	{ "10.1.0.0/28", NULL, NULL, NULL, "10.1.0.9", "10.1.0.1-10.1.0.8,10.1.0.10-10.1.0.14" },
	{ "10.1.0.0/28", NULL, NULL, NULL, "10.2.0.9", "10.1.0.1-10.1.0.14" },
	{ "0.0.0.0/0", NULL, NULL, "128.0.0.0/1", NULL, "0.0.0.1-127.255.255.255" },
	{ "255.255.255.0/24", NULL, NULL, "255.255.255.255", NULL,
	  "255.255.255.1-255.255.255.254" },
	{ "10.1.0.0/28", NULL, NULL, "10.1.0.0/28", NULL,
	  "p: nothing of the range is left to give" },
	{ NULL, NULL, NULL, NULL, NULL, "p.range: missing" },
	{ "10.1.0.0", NULL, NULL, NULL, NULL,
	  "p.range: \"10.1.0.0\" is neither CIDR nor FIRST-LAST/LENGTH" },
	{ "10.1.0.5-10.2.0.9/24", NULL, NULL, NULL, NULL,
	  "p.range: \"10.1.0.5-10.2.0.9/24\" is neither CIDR nor FIRST-LAST/LENGTH" },
	{ "10.1.0.9-10.1.0.5/24", NULL, NULL, NULL, NULL,
	  "p.range_start: 10.1.0.9 is behind the range's end 10.1.0.5" },
	{ "10.1.0.0/24", "10.2.0.1", NULL, NULL, NULL,
	  "p.range_start: 10.2.0.1 is not in the range" },
	{ "10.1.0.0/24", NULL, "x", NULL, NULL, "p.range_end: invalid IP address: x" },
	{ "10.1.0.0/24", NULL, NULL, "10.1.0.0/33", NULL,
	  "p.exclude[0]: invalid address or CIDR: 10.1.0.0/33" },
};

static int parse(size_t i, struct pool *p)
{
	const char *exclude[] = { pools[i].exclude };
	struct pool_text text = { pools[i].range, pools[i].start, pools[i].end, exclude,
				  pools[i].exclude ? 1 : 0 };
	struct ip gateway = { 0 };

	if (pools[i].gateway)
		gateway = ip(pools[i].gateway);
	return pool_parse(&text, &gateway, "p", &arena, p, &err);
}

static void test_pools(void)
{
	char buf[512];

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		struct pool p;

		if (parse(i, &p) < 0)
			is_str(err.msg, pools[i].want, "pool that is refused");
		else
			is_str(range_set_str(&p.free, buf, sizeof(buf)), pools[i].want, "pool");
		err_clear(&err);
	}
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

static void test_blocks(void)
{
	struct pool p = pool_of("10.1.0.0/24"), big = pool_of("fd00::/8"), odd;
	struct range_set set = { 0 };
	struct ip block = pool_block(&p, 26, 3);
	char buf[IP_STRLEN], text[256];

	ok(pool_count_blocks(&p, 26) == 4, "blocks of a /24");
	is_str(cidr_str(&block, buf), "10.1.0.192/26", "the last one");
	ok(pool_block_number(&p, &block) == 3, "its number");
	ok(pool_cut(&p, &block, &arena, &set) && set.n_ranges == 1, "what of it is given");
	is_str(range_set_str(&set, text, sizeof(text)), "10.1.0.192-10.1.0.254",
	       "all but broadcast");
	ok(pool_count(&p.free) == 254, "addresses of a /24");
	block = pool_address(&p.free, 253);
	is_str(ip_str(&block, buf), "10.1.0.254", "its last one");
	odd = pool_of("10.1.0.60-10.1.0.70/24");
	ok(pool_count_blocks(&odd, 26) == 2, "two blocks are touched");
	ok(pool_count_blocks(&big, 122) == UINT64_MAX >> 6 ||
		   pool_count_blocks(&big, 122) > UINT64_C(1) << 57,
	   "a huge pool");
	block = pool_block(&big, 122, UINT64_C(1) << 40);
	ok(pool_block_number(&big, &block) == UINT64_C(1) << 40, "a block far in it");
	ok(pool_count(&big.free) == UINT64_MAX, "more addresses than can be counted");
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void test_keys(void)
{
	static const char *const names[] = { "plain-1.2_3", "a/b", ".x", "%", "\xc3\xa4 b", "" };
	struct ip a = ip("10.1.0.64"), b = ip("fd00::ff"), back;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = keys_encode(names[i], &arena);

		ok(!strchr(text, '/') && *text != '.', "%s is one component", text);
		is_str(keys_decode(text, &arena), names[i], "and back");
	}
	ok(!keys_decode("a/b", &arena) && !keys_decode("%", &arena) && !keys_decode("%2", &arena) &&
		   !keys_decode("%zz", &arena) && !keys_decode("%00", &arena),
	   "what was not made so");
	is_str(keys_block("/p/v1/n", &a, &arena), "/p/v1/n/block/40a010040", "a block");
	is_str(keys_addr("/p/v1/n", &b, &arena), "/p/v1/n/addr/6fd0000000000000000000000000000ff",
	       "an address");
	ok(keys_parse_ip(keys_addr("/s", &a, &arena), &back) && ip_equal(&a, &back), "and back");
	ok(keys_parse_ip(keys_addr("/s", &b, &arena), &back) && ip_equal(&b, &back), "of IPv6");
	ok(!keys_parse_ip("/s/addr/4", &back) && !keys_parse_ip("/s/addr/40a01004", &back) &&
		   !keys_parse_ip("/s/addr/40A010040", &back) &&
		   !keys_parse_ip("/s/addr/50a010040", &back) && !keys_parse_ip("", &back),
	   "what is none");
	ok(strcmp(keys_behind("/a/4ff", &arena), "/a/4ff") > 0 &&
		   strcmp(keys_behind("/a/4ff", &arena), "/a/4ff0") < 0,
	   "a range's end");
	ok(!keys_has_prefix(keys_space("", "nblue%2Fv1%2Fn", &arena)) &&
		   keys_has_prefix(keys_space("/cnic", "n", &arena)) &&
		   keys_has_prefix(keys_space("/v1", "n", &arena)) &&
		   keys_has_prefix(keys_space("/v1/n", "n", &arena)),
	   "a space below a prefix, whatever that is");
}

/* ---- what is taken --------------------------------------------------------------------------- */

static struct kv_found found_of(const char *const *ips, size_t n)
{
	struct kv_found f = { .pairs = arena_array(&arena, struct kv_pair, n), .n = n };

	for (size_t i = 0; i < n; i++) {
		struct ip a = { 0 };

		if (!ip_parse(&a, ips[i]))
			f.pairs[i].key = ips[i];
		else
			f.pairs[i].key = keys_addr("/s", &a, &arena);
	}
	return f;
}

static void test_taken(void)
{
	static const char *const behind[] = { "10.1.0.64", "/rubbish" }, *const front[] = {
		"10.1.0.0"
	};
	static const char *const singles[] = { "10.1.0.129", "10.1.0.128" };
	struct kv_found f = found_of(behind, 2), g = found_of(front, 1), s = found_of(singles, 2),
			none = { 0 };
	struct pool p = pool_of("10.1.0.0/24");
	struct taken blocks, addrs, empty;
	struct ip from = ip("10.1.0.70"), out;
	char buf[IP_STRLEN];
	uint64_t k = 0;

	taken_read(&blocks, &f, &g, &arena);
	taken_read(&addrs, &s, &none, &arena);
	taken_read(&empty, &none, &none, &arena);
	ok(blocks.n == 2, "rubbish is passed over");
	ok(taken_next_block(&blocks, &p, 26, 0, 4, &k) && k == 2, "the first free block");
	ok(taken_next_block(&blocks, &p, 26, 3, 4, &k) && k == 3, "one that is free itself");
	ok(!taken_next_block(&blocks, &p, 26, 0, 2, &k), "none within the first two");
	ok(taken_next_address(&blocks, &addrs, &p.free, 26, &from, &out), "a free address");
	is_str(ip_str(&out, buf), "10.1.0.130", "behind blocks and singles");
	taken_add(&addrs, &out, &arena);
	from = ip("10.1.0.131");
	taken_add(&addrs, &from, &arena);
	from = ip("10.1.0.127");
	taken_add(&addrs, &from, &arena);
	ok(taken_next_address(&blocks, &addrs, &p.free, 26, &from, &out), "one more");
	is_str(ip_str(&out, buf), "10.1.0.132", "behind what was added");
	from = ip("10.1.0.254");
	ok(taken_next_address(&empty, &empty, &p.free, 26, &from, &out) && ip_equal(&out, &from),
	   "the last");
	p = pool_of("10.1.0.0/25");
	ok(!taken_next_address(&blocks, &addrs, &p.free, 26, &from, &out), "none in blocks alone");
}

/* ---- the gateway ----------------------------------------------------------------------------- */

static struct kv_txn txn_of(void)
{
	struct kv_txn t = { 0 };

	kv_if_mod(&t, "/k", 7);
	kv_if_none(&t, "/a", "/b");
	kv_then(&t, (struct kv_op){ .kind = KV_PUT, .key = "/k", .value = "v" });
	kv_then(&t, (struct kv_op){ .kind = KV_GET, .key = "/k" });
	kv_else(&t,
		(struct kv_op){
			.kind = KV_GET, .key = "/k", .end = "/l", .limit = 5, .keys_only = true });
	kv_else(&t, (struct kv_op){ .kind = KV_DELETE, .key = "/k" });
	return t;
}

static void test_print(void)
{
	struct kv_txn t = txn_of();

	kv_else(&t,
		(struct kv_op){ .kind = KV_PUT_IF_MOD, .key = "/k", .value = "v", .revision = 8 });
	is_str(gateway_txn_print(&t, &arena),
	       "{\"compare\":[{\"key\":\"L2s=\",\"target\":\"MOD\",\"result\":\"EQUAL\","
	       "\"mod_revision\":\"7\"},{\"key\":\"L2E=\",\"range_end\":\"L2I=\",\"target\":"
	       "\"CREATE\",\"result\":\"EQUAL\",\"create_revision\":\"0\"}],"
	       "\"success\":[{\"request_put\":{\"key\":\"L2s=\",\"value\":\"dg==\"}},"
	       "{\"request_range\":{\"key\":\"L2s=\"}}],"
	       "\"failure\":[{\"request_range\":{\"key\":\"L2s=\",\"range_end\":\"L2w=\",\"limit\":5,"
	       "\"keys_only\":true}},{\"request_delete_range\":{\"key\":\"L2s=\"}},"
	       "{\"request_txn\":{\"compare\":[{\"key\":\"L2s=\",\"target\":\"MOD\","
	       "\"result\":\"EQUAL\",\"mod_revision\":\"8\"}],\"success\":[{\"request_put\":"
	       "{\"key\":\"L2s=\",\"value\":\"dg==\"}}]}}]}",
	       "a transaction");
}

#define HEADER "\"header\":{\"cluster_id\":\"9\",\"revision\":\"12\"}"

static const struct {
	const char *text;
	bool good, succeeded;
} answers[] = {
	{ "{" HEADER ",\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"L2s=\","
	  "\"create_revision\":\"3\",\"mod_revision\":\"9007199254740993\",\"value\":\"AGI=\"}],"
	  "\"more\":true,\"count\":\"1\"}},{\"response_delete_range\":{}}]}",
	  true, false },
	{ "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{}},"
	  "{\"response_range\":{}}]}",
	  true, true },
	{ "{" HEADER ",\"succeeded\":true}", false, false },
	{ "{" HEADER ",\"succeeded\":1,\"responses\":[{},{}]}", false, false },
	{ "{\"succeeded\":true,\"responses\":[{},{\"response_range\":{}}]}", false, false },
	{ "{" HEADER ",\"succeeded\":true,\"responses\":[{},{}]}", false, false },
	{ "{" HEADER ",\"succeeded\":true,\"responses\":[{}]}", false, false },
	{ "{" HEADER ",\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"!\","
	  "\"create_revision\":\"3\",\"mod_revision\":\"3\"}]}},{}]}",
	  false, false },
	{ "{" HEADER ",\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"L2s=\","
	  "\"create_revision\":\"3\",\"mod_revision\":\"-3\"}]}},{}]}",
	  false, false },
	{ "{" HEADER ",\"responses\":[{\"response_range\":{\"kvs\":[5]}},{}]}", false, false },
	{ "[]", false, false },
	{ "", false, false },
	{ "{\"header\":{\"revision\":\"12x\"},\"responses\":[]}", false, false },
};

static void test_parse(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct kv_txn t = txn_of();
		struct kv_result r = { 0 };
		int rc = gateway_txn_parse(answers[i].text, strlen(answers[i].text), &t, &r, &arena,
					   &err);

		ok(!rc == answers[i].good && (rc || r.succeeded == answers[i].succeeded),
		   "answer %zu", i);
		if (i == 0)
			ok(r.revision == 12 && r.found[0].n == 1 && r.found[0].more &&
				   r.found[0].pairs[0].mod == 9007199254740993 &&
				   r.found[0].pairs[0].value_len == 2 &&
				   !memcmp(r.found[0].pairs[0].value, "\0b", 2),
			   "what it has found");
		err_clear(&err);
	}
}

static const struct {
	int status, code;
	const char *body, *says;
} failures[] = {
	{ 400, ERR_CONFIG,
	  "{\"message\":\"CommonName of client sending a request against gateway "
	  "will be ignored and not used as expected\"}",
	  "empty CN" },
	{ 400, ERR_CONFIG, "{\"message\":\"etcdserver: user name is empty\"}", "etcd.user" },
	{ 401, ERR_RETRY, "{\"message\":\"etcdserver: invalid auth token\"}", "token" },
	{ 403, ERR_CONFIG, "{\"message\":\"etcdserver: permission denied\"}", "prefix" },
	{ 404, ERR_CONFIG, "404 page not found", "enable-grpc-gateway" },
	{ 503, ERR_RETRY, "{\"message\":\"connection closed\"}", "clientAuth" },
	{ 503, ERR_RETRY, "{\"message\":\"etcdserver: no leader\"}", "no leader" },
	{ 429, ERR_RETRY, "{\"message\":\"etcdserver: mvcc: database space exceeded\"}", "full" },
	{ 302, ERR_RETRY, "x", "unexpected answer 302" },
};

static void test_failures(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		int rc = gateway_fail(failures[i].status, failures[i].body,
				      strlen(failures[i].body), &err);

		ok(rc < 0 && err.code == failures[i].code && strstr(err.msg, failures[i].says),
		   "%d: %s", failures[i].status, err.msg);
	}
	err_clear(&err);
	is_str(gateway_login_parse("{\"token\":\"x.1\"}", 15, &err), "x.1", "a token");
	ok(!gateway_login_parse("{}", 2, &err) && !gateway_login_parse("x", 1, &err), "none");
	err_clear(&err);
}

/* ---- the directory --------------------------------------------------------------------------- */

static bool put(struct kv *kv, const char *key, const char *value, int64_t mod, int64_t *revision)
{
	struct kv_txn t = { 0 };
	struct kv_result r;

	kv_if_mod(&t, key, mod);
	kv_then(&t, (struct kv_op){ .kind = KV_PUT, .key = key, .value = value });
	if (kv_txn(kv, &t, &r, &err) < 0)
		abort();
	*revision = r.revision;
	return r.succeeded;
}

/* The revision by which the key has been put in a transaction that was refused; 0: it was not. */
static int64_t put_else(struct kv *kv, const char *key, int64_t revision)
{
	struct kv_txn t = { 0 };
	struct kv_found f;
	struct kv_result r;

	kv_if_mod(&t, "/nosuch", 1);
	kv_else(&t,
		(struct kv_op){
			.kind = KV_PUT_IF_MOD, .key = key, .value = "else", .revision = revision });
	if (kv_txn(kv, &t, &r, &err) < 0 || r.succeeded ||
	    kv_get(kv, (struct kv_op){ .kind = KV_GET, .key = key }, &f, &err) < 0)
		abort();
	return f.n && f.pairs[0].mod == r.revision ? r.revision : 0;
}

static void test_dir(void)
{
	struct kv_found f;
	struct kv_result r;
	struct kv_txn t = { 0 };
	struct kv_dir d;
	int64_t first, second;

	kv_dir_init(&d, dir, &arena);
	ok(kv_get(&d.kv, (struct kv_op){ .kind = KV_GET, .key = "/a" }, &f, &err) == 0 && !f.n,
	   "nothing yet");
	ok(put(&d.kv, "/b", "1", 0, &first) && !put(&d.kv, "/b", "2", 0, &second) &&
		   first == second,
	   "made once");
	ok(put(&d.kv, "/b", "2", first, &second) && second == first + 1, "by its revision");
	ok(put(&d.kv, "/a", "x", 0, &second) && put(&d.kv, "/c", "", 0, &second), "more");
	ok(kv_get(&d.kv, (struct kv_op){ .kind = KV_GET, .key = "/a", .end = "/c", .limit = 1 }, &f,
		  &err) == 0 &&
		   f.n == 1 && f.more && !strcmp(f.pairs[0].key, "/a"),
	   "in the order of keys, up to a limit");
	kv_if_none(&t, "/x", "/y");
	kv_then(&t, (struct kv_op){ .kind = KV_DELETE, .key = "/a", .end = "/c" });
	kv_then(&t, (struct kv_op){ .kind = KV_GET, .key = "/", .end = "0" });
	ok(kv_txn(&d.kv, &t, &r, &err) == 0 && r.succeeded && r.found[1].n == 1 &&
		   !strcmp(r.found[1].pairs[0].key, "/c"),
	   "a range goes");
	kv_if_none(&t, "/", "0");
	ok(kv_txn(&d.kv, &t, &r, &err) == 0 && !r.succeeded && !r.n, "a range is not empty");
	ok(!put_else(&d.kv, "/c", 9999) && put_else(&d.kv, "/none", 0) > 0 &&
		   put_else(&d.kv, "/none", 0) == 0,
	   "put by its revision, where something else is refused");
}

/* ---- the state ------------------------------------------------------------------------------- */

static void test_state(void)
{
	struct ip block = ip("10.1.0.64/26");
	const struct state_single one = { ip("10.1.0.9/24"), "c1", "eth0", "", 0, "0123" };
	const char *where = arena_printf(&arena, "%s/state", dir);
	struct state s, back;

	ok(state_read(&s, where, "/cnic/v1/n", &arena, &err) == 0 && !s.n_blocks, "no state yet");
	s.uuid = "u";
	s.revision = 77;
	state_add_block(&s, &block);
	state_add_block(&s, &block);
	s.blocks[0].empty = 1234;
	state_add_single(&s, &one);
	s.pending = (struct state_pending){ .what = STATE_SINGLE_TAKE,
					    .token = "t",
					    .single = { ip("fd00::1/64"), "c2", "e", "k", 3, "" } };
	ok(state_write(&s, &err) == 0 && state_read(&back, where, "/cnic/v1/n", &arena, &err) == 0,
	   "written and read");
	ok(back.n_blocks == 1 && cidr_equal(&back.blocks[0].base, &block) &&
		   back.blocks[0].empty == 1234 && back.revision == 77 && !strcmp(back.uuid, "u"),
	   "blocks");
	ok(back.n_singles == 1 && !strcmp(back.singles[0].id, "c1") &&
		   !strcmp(back.singles[0].boot, "0123") &&
		   back.pending.what == STATE_SINGLE_TAKE && back.pending.single.set == 3 &&
		   !strcmp(back.pending.single.claim, "k"),
	   "singles and what is under way");
	state_remove_block(&back, &block);
	state_remove_single(&back, &one.ip);
	ok(!back.n_blocks && !back.n_singles, "taken out");
}

int main(void)
{
	json_init(&arena);
	if (!mkdtemp(dir))
		return 1;
	test_pools();
	test_blocks();
	test_keys();
	test_taken();
	test_print();
	test_parse();
	test_failures();
	test_dir();
	test_state();
	(void)!system(arena_printf(&arena, "rm -r %s", dir));
	return done_testing();
}
