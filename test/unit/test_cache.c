/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/libcni/cache: its files byte for byte, and whatever else may lie there. */
#include "libcni/cache.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "texts.h"

static struct arena arena;
static struct err err;
static char dir[] = "/tmp/test_cache-XXXXXX";

static struct libcni_arg args[] = { { "K", "V" }, { "IgnoreUnknown", "<1>" } };

static const char *print(const struct json *v)
{
	return v ? json_print(v) : NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/cni/results/%s", dir, name);
}

static void put(const char *name, const char *content)
{
	FILE *f = fopen(at(name), "w");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		abort();
}

static const char *get(const char *name)
{
	static char content[8192];
	FILE *f = fopen(at(name), "r");
	size_t n = f ? fread(content, 1, sizeof(content) - 1, f) : 0;

	content[n] = '\0';
	if (!f)
		return NULL;
	fclose(f);
	return content;
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static unsigned int mode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static const char *cache_dir(void)
{
	return arena_printf(&arena, "%s/cni", dir);
}

static int write_it(const struct libcni_list *l, const struct libcni_attachment *a,
		    const char *result)
{
	err_clear(&err);
	return libcni_cache_write(cache_dir(), l, a, text(result), &err);
}

/* ---- as Go's libcni writes it ---------------------------------------------------------------- */

#define RESULT                                                                               \
	"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"sandbox\":\"/x\",\"name\":\"eth0\"}]," \
	"\"ips\":[{\"interface\":0,\"address\":\"10.1.0.2/24\"}]}"

static const struct libcni_list list = { .name = "n", .bytes = "{ }\n", .n_bytes = 4 };

static const char whole[] =
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"c-1\",\"config\":\"eyB9Cg==\","
	"\"ifName\":\"eth0\",\"networkName\":\"n\",\"netns\":\"/run/netns/\\u0026x\","
	"\"cniArgs\":[[\"K\",\"V\"],[\"IgnoreUnknown\",\"\\u003c1\\u003e\"]],"
	"\"capabilityArgs\":{\"a\":[12345678901234567890],\"b\":{\"y\":null,\"z\":1.0}},"
	"\"result\":{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\","
	"\"sandbox\":\"/x\"}],\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":0}]}}";

static const char least[] =
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"c-1\",\"config\":\"eyB9Cg==\","
	"\"ifName\":\"eth1\",\"networkName\":\"n\"}";

static struct libcni_attachment attachment(void)
{
	return (struct libcni_attachment){
		.container_id = "c-1",
		.netns = "/run/netns/&x",
		.ifname = "eth0",
		.args = args,
		.n_args = ARRAY_SIZE(args),
		.capability_args = text("{\"b\":{\"z\":1.0,\"y\":null}, "
					"\"a\":[ 12345678901234567890 ]}"),
	};
}

static void check_write(void)
{
	struct libcni_attachment a = attachment(),
				 bare = { .container_id = "c-1", .netns = "", .ifname = "eth1" };

	ok(write_it(&list, &a, RESULT) == 0, "written: %s", err.msg);
	is_str(get("n-c-1-eth0"), whole, "the file");
	ok(mode(at("n-c-1-eth0")) == 0600 && mode(at(".")) == 0700, "only root may look");
	bare.capability_args = text("{ }");
	ok(write_it(&list, &bare, "{}") == 0, "written: %s", err.msg);
	is_str(get("n-c-1-eth1"), least, "what is empty is left out");
	ok(write_it(&list, &a, "{\"cniVersion\":\"0.4.0\"}") == 0 &&
		   strstr(get("n-c-1-eth0"), "\"result\":{\"cniVersion\":\"0.4.0\"}}"),
	   "over another");
	libcni_cache_remove(cache_dir(), "n", &bare);
	ok(!is_there("n-c-1-eth1") && is_there("n-c-1-eth0"), "one is removed");
	libcni_cache_remove(cache_dir(), "n", &bare);
	libcni_cache_remove(cache_dir(), "n", &a);
	ok(!is_there("n-c-1-eth0"), "removed, and removed again");
}

static void check_read(void)
{
	struct libcni_attachment a = attachment();
	struct libcni_cached c;

	ok(write_it(&list, &a, RESULT) == 0, "written: %s", err.msg);
	ok(libcni_cache_read(at("n-c-1-eth0"), &c, &err) == 0, "read: %s", err.msg);
	is_str(c.network, "n", "network");
	is_str(c.attachment.container_id, "c-1", "container");
	is_str(c.attachment.ifname, "eth0", "interface");
	is_str(c.attachment.netns, "/run/netns/&x", "namespace");
	ok(c.attachment.n_args == 2 && !strcmp(c.attachment.args[0].key, "K") &&
		   !strcmp(c.attachment.args[0].value, "V") &&
		   !strcmp(c.attachment.args[1].value, "<1>"),
	   "arguments");
	is_str(cut(c.attachment.capability_args),
	       "{\"a\":[12345678901234567890],\"b\":{\"y\":null,\"z\":1.0}}",
	       "capability arguments, with the digits of their numbers");
	ok(c.config_len == 4 && !strcmp(c.config, "{ }\n"), "the list's bytes");
	ok(c.result && strstr(print(c.result), "10.1.0.2/24"), "the result");
	put("x", least);
	ok(libcni_cache_read(at("x"), &c, &err) == 0 && !*c.attachment.netns &&
		   !c.attachment.n_args && !c.attachment.capability_args.at && !c.result,
	   "what is left out is empty");
	unlink(at("x"));
	libcni_cache_remove(cache_dir(), "n", &a);
}

/* What an ADD may be given, its DEL has to find. */
static void check_large(void)
{
	static struct libcni_arg long_args[] = { { "K", NULL } };
	char *value = memset(arena_alloc(&arena, 100001), 'v', 100000);
	char *bytes = memset(arena_alloc(&arena, LIBCNI_FILE_MAX + 1), ' ', LIBCNI_FILE_MAX);
	const struct libcni_list large = { .name = "n",
					   .bytes = bytes,
					   .n_bytes = LIBCNI_FILE_MAX };
	struct libcni_attachment a = attachment();
	struct libcni_cached c;

	long_args[0].value = value;
	a.args = long_args;
	a.n_args = 1;
	a.capability_args = text(arena_printf(&arena, "{\"a\":\"%s\\n\"}", value));
	ok(write_it(&large, &a, RESULT) == 0, "a large list, long arguments: %s", err.msg);
	ok(libcni_cache_read(at("n-c-1-eth0"), &c, &err) == 0, "read: %s", err.msg);
	ok(c.config_len == LIBCNI_FILE_MAX && !memcmp(c.config, bytes, LIBCNI_FILE_MAX) &&
		   c.attachment.n_args == 1 && !strcmp(c.attachment.args[0].value, value) &&
		   c.attachment.capability_args.len == 100000 + 10 && c.result,
	   "all of it");
	libcni_cache_remove(cache_dir(), "n", &a);
}

/* In the file everything has a level more. */
static void check_unreadable(void)
{
	struct libcni_attachment a = attachment();
	char *deep = arena_alloc(&arena, 1000);

	memset(deep, '[', JSON_MAX_DEPTH - 1);
	memset(deep + JSON_MAX_DEPTH - 1, ']', JSON_MAX_DEPTH - 1);
	a.capability_args = text(arena_printf(&arena, "{\"a\":%s}", deep));
	ok(write_it(&list, &a, RESULT) < 0 && strstr(err.msg, "nested too deep"),
	   "what could not be read again is not written: %s", err.msg);
	ok(!is_there("n-c-1-eth0"), "nothing is there");
}

/* ---- the result in another version ----------------------------------------------------------- */

static const char *result(const char *version)
{
	const struct libcni_attachment a = attachment();
	const struct json *v;

	err_clear(&err);
	return libcni_cache_result(cache_dir(), "n", &a, version, &v, &err) < 0 ? err.msg
										: print(v);
}

#define OLD "\"ip4\":{\"ip\":\"10.1.0.2/24\",\"gateway\":\"10.1.0.1\"},\"dns\":{}}"
#define NEW "\"ips\":[{\"address\":\"10.1.0.2/24\",\"gateway\":\"10.1.0.1\"}]}"

static void check_versions(void)
{
	const struct libcni_attachment a = attachment();

	is_str(result("1.0.0"), NULL, "none is there");
	ok(write_it(&list, &a, RESULT) == 0, "written: %s", err.msg);
	is_str(result("1.1.0"),
	       "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/x\"}],"
	       "\"ips\":[{\"interface\":0,\"address\":\"10.1.0.2/24\"}]}",
	       "newer");
	is_str(result("0.4.0"),
	       "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/x\"}],"
	       "\"ips\":[{\"version\":\"4\",\"interface\":0,\"address\":\"10.1.0.2/24\"}],\"dns\":{}}",
	       "older");
	is_str(result("2.0.0"),
	       "failed to convert cached result to config version \"2.0.0\": no converter for CNI result "
	       "version 1.0.0 to 2.0.0",
	       "of a version that nobody knows");
	ok(strstr(result("1.0"), "no converter"), "as it is spelt: %s", err.msg);
	put("n-c-1-eth0", "{\"cniVersion\":\"0.2.0\"," OLD);
	is_str(result("1.1.0"), "{\"cniVersion\":\"1.1.0\"," NEW, "a bare result, of 0.2.0");
	put("n-c-1-eth0", "{" OLD);
	is_str(result("1.0.0"), "{\"cniVersion\":\"1.0.0\"," NEW, "of no version: of 0.1.0");
	put("n-c-1-eth0", "{\"kind\":\"another\",\"cniVersion\":\"1.0.0\"," NEW);
	is_str(result("1.0.0"), "{\"cniVersion\":\"1.0.0\"," NEW, "of another kind: a bare result");
	put("n-c-1-eth0",
	    "{\"kind\":\"cniCacheV1\",\"containerId\":5,\"cniVersion\":\"1.0.0\"," NEW);
	is_str(result("1.0.0"), "{\"cniVersion\":\"1.0.0\"," NEW,
	       "not of the kind's types: the same");
	put("n-c-1-eth0", "{\"kind\":\"cniCacheV1\",\"result\":{\"cniVersion\":\"3.0.0\"}}");
	is_str(result("1.0.0"), "result: unsupported CNI result version \"3.0.0\"",
	       "of no known version");
	put("n-c-1-eth0", "{\"kind\":\"cniCacheV1\"}");
	is_str(result("1.0.0"), "{\"cniVersion\":\"1.0.0\"}", "no result is an empty one");
	put("n-c-1-eth0", "null");
	is_str(result("1.0.0"), "{\"cniVersion\":\"1.0.0\"}", "nor is null");
	put("n-c-1-eth0", "");
	is_str(result("1.0.0"), "invalid JSON: unexpected end at byte 0", "an empty file");
	put("n-c-1-eth0", "[]");
	is_str(result("1.0.0"), "result: expected an object", "a list");
	unlink(at("n-c-1-eth0"));
	mkdir(at("n-c-1-eth0"), 0700);
	is_str(result("1.0.0"), NULL, "what cannot be read is none");
	rmdir(at("n-c-1-eth0"));
}

/* ---- names ----------------------------------------------------------------------------------- */

static const struct libcni_attachment hostile[] = {
	{ .container_id = "", .netns = "", .ifname = "eth0" },
	{ .container_id = "c", .netns = "", .ifname = "" },
	{ .container_id = "../../c", .netns = "", .ifname = "eth0" },
	{ .container_id = "c", .netns = "", .ifname = "x/../../../y" },
};

static void check_names(void)
{
	const struct libcni_list none = { .name = "", .bytes = "", .n_bytes = 0 },
				 above = { .name = "../n", .bytes = "", .n_bytes = 0 };
	const struct libcni_attachment a = attachment();
	const struct json *v;

	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		ok(write_it(&list, &hostile[i], "{}") < 0 && err.code,
		   "no file can have such a name: %s", err.msg);
		ok(libcni_cache_result(cache_dir(), "n", &hostile[i], "1.0.0", &v, &err) ==
				   (i < 2 ? -1 : 0) &&
			   !v,
		   "nor has one; an empty name is an error");
		libcni_cache_remove(cache_dir(), "n", &hostile[i]);
	}
	ok(write_it(&none, &a, "{}") < 0, "a network needs a name");
	is_str(err.msg,
	       "cache file path requires network name (\"\"), container ID (\"c-1\"), and interface "
	       "name (\"eth0\")",
	       "in libcni's words");
	ok(write_it(&above, &a, "{}") < 0, "and one that stays below the directory");
}

/* ---- all of them ----------------------------------------------------------------------------- */

#define ENTRY(id, rest)                                                        \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"" id "\",\"config\":\"\"," \
	"\"ifName\":\"eth0\",\"networkName\":\"n\"" rest "}"

static const struct {
	const char *name, *content;
} no_entries[] = {
	{ "empty", "" },
	{ "rubbish", "{\"kind\":\"cniCacheV1\"" },
	{ "legacy", "{" OLD },
	{ "other-kind", "{\"kind\":\"cniCacheV2\",\"ifName\":\"eth0\",\"networkName\":\"n\"}" },
	{ "no-ifname", "{\"kind\":\"cniCacheV1\",\"networkName\":\"n\"}" },
	{ "no-network", "{\"kind\":\"cniCacheV1\",\"ifName\":\"eth0\"}" },
	{ "bad-base64",
	  "{\"kind\":\"cniCacheV1\",\"config\":\"x\",\"ifName\":\"e\",\"networkName\":\"n\"}" },
	{ "number", ENTRY("c", ",\"netns\":5") },
	{ "args", ENTRY("c", ",\"cniArgs\":[[\"a\",\"b\",\"c\"]]") },
	{ "arg", ENTRY("c", ",\"cniArgs\":[[\"a\"]]") },
	{ "capabilities", ENTRY("c", ",\"capabilityArgs\":[]") },
	{ "folded", ENTRY("c", ",\"capabilityArgs\":[1],\"CapabilityArgs\":{}") },
	{ "result", ENTRY("c", ",\"result\":\"x\"") },
	{ "draft:.tmp", ENTRY("draft", "") },
};

static void check_list(void)
{
	struct libcni_cache_list all;

	ok(libcni_cache_list(arena_printf(&arena, "%s/nosuch", dir), &all, &err) == 0 && !all.n,
	   "no directory: none");
	ok(libcni_cache_list(cache_dir(), &all, &err) == 0 && !all.n, "an empty one: none");
	for (size_t i = 0; i < ARRAY_SIZE(no_entries); i++)
		put(no_entries[i].name, no_entries[i].content);
	ok(mkdir(at("directory"), 0700) == 0 && mkfifo(at("fifo"), 0600) == 0 &&
		   symlink("nowhere", at("link")) == 0,
	   "what is no file");
	put("n-2-eth0", ENTRY("2", ""));
	put("n-10-eth0", ENTRY("10", ",\"netns\":\"/x\",\"unknown\":{}"));
	ok(libcni_cache_list(cache_dir(), &all, &err) == 0 && all.n == 2, "two are entries: %zu",
	   all.n);
	ok(all.n_others == ARRAY_SIZE(no_entries) - 1 + 3, "all but the draft are none: %zu",
	   all.n_others);
	ok(all.n == 2 && !strcmp(all.entries[0].attachment.container_id, "10") &&
		   !strcmp(all.entries[1].attachment.container_id, "2"),
	   "by file name");
	for (size_t i = 0; i < ARRAY_SIZE(no_entries); i++)
		unlink(at(no_entries[i].name));
	unlink(at("fifo"));
	unlink(at("link"));
	rmdir(at("directory"));
	unlink(at("n-2-eth0"));
	unlink(at("n-10-eth0"));
}

/* A writer that was killed: the next one uses its draft, a removal takes it along. */
static void check_draft(void)
{
	const struct libcni_attachment a = attachment();

	put("n-c-1-eth0:.tmp", "half");
	ok(write_it(&list, &a, RESULT) == 0, "written: %s", err.msg);
	is_str(get("n-c-1-eth0"), whole, "whole");
	ok(!is_there("n-c-1-eth0:.tmp"), "the draft is used");
	put("n-c-1-eth0:.tmp", "half");
	libcni_cache_remove(cache_dir(), "n", &a);
	ok(!is_there("n-c-1-eth0") && !is_there("n-c-1-eth0:.tmp"), "both are removed");
}

static void check_unwritable(void)
{
	const struct libcni_attachment a = attachment();
	const char *results = arena_printf(&arena, "%s/cni/results", dir);
	FILE *f;

	ok(rmdir(results) == 0, "nothing else is left");
	f = fopen(results, "w");
	if (!f || fclose(f) != 0)
		abort();
	ok(write_it(&list, &a, RESULT) < 0 && err.sys, "a file where the directory would be: %s",
	   err.msg);
	unlink(results);
}

int main(void)
{
	json_init(&arena);
	if (!mkdtemp(dir))
		abort();
	check_write();
	check_read();
	check_large();
	check_unreadable();
	check_versions();
	check_names();
	check_list();
	check_draft();
	check_unwritable();
	rmdir(cache_dir());
	ok(rmdir(dir) == 0, "nor here");
	arena_free(&arena);
	return done_testing();
}
