/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_list - a configuration list, and behind a NUL what a plugin answers: parsed, and each verb run
 * on it with a call in the place of the programs, which wants its stdin to be JSON with the
 * runtime's keys in it. The first byte's bits say what the runtime gives. The cache is in $FUZZ_DIR.
 */
#include "fuzz.h"

#include <stdio.h>

#include "libcni/libcni.h"

enum { WITH_ARGS = 1, WITH_CAPABILITIES = 2, WITHOUT_VALID = 4 };

struct fuzzed {
	const struct libcni_list *list;
	const char *answer;
};

static int find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	(void)ctx;
	(void)dirs;
	(void)err;
	*path = type;
	return 0;
}

/* The last of a key is what counts. */
static void expect_string(struct json_text object, const char *key, const char *value)
{
	const char *s = json_text_string(json_text_member(object, key));

	if (!s || strcmp(s, value) != 0)
		abort();
}

static int call(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	const struct fuzzed *f = ctx;
	struct json_text in;

	if (strlen(x->in) != x->in_len || json_text_max(x->in, x->in_len, SIZE_MAX, &in, err) < 0 ||
	    in.len != x->in_len)
		abort();
	expect_string(in, "name", f->list->name);
	expect_string(in, "cniVersion", f->list->version);
	*out = (struct libcni_answer){ .out = f->answer, .out_len = strlen(f->answer) };
	return 0;
}

static void check_switches(const struct libcni_list *l)
{
	if (l->text.at < l->bytes || l->text.at + l->text.len > l->bytes + l->n_bytes)
		abort();
	for (size_t i = 0; i < l->n_plugins; i++)
		if (!*l->plugins[i].type || json_text_kind(l->plugins[i].text) != '{' ||
		    l->plugins[i].text.at < l->bytes)
			abort();
}

/* What was added can be checked and deleted, whatever the plugin has answered. */
static void run(const struct libcni *l, const struct libcni_list *list,
		const struct libcni_attachment *a, uint8_t flags)
{
	const struct libcni_valid valid = { a, 1 };
	struct json_text result;
	struct err err = { 0 }, *errs;
	size_t n;
	int rc = libcni_add(l, list, a, &result, &err);

	fuzz_expect(rc, &err);
	if (!rc) {
		err_clear(&err);
		rc = libcni_check(l, list, a, &err);
		fuzz_expect(rc, &err);
	}
	err_clear(&err);
	fuzz_expect(libcni_status(l, list, &err), &err);
	err_clear(&err);
	fuzz_expect(libcni_gc(l, list, flags & WITHOUT_VALID ? NULL : &valid, &errs, &n, &err),
		    &err);
	err_clear(&err);
	fuzz_expect(libcni_del(l, list, a, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct libcni_arg args[] = { { "K", "V" }, { "<", "\xff" } };
	struct arena arena = { 0 };
	struct libcni_attachment a = { .container_id = "c1", .netns = "/x", .ifname = "eth0" };
	struct err err = { 0 };
	struct libcni_list list;
	const char *text;
	int rc;

	if (!size || !getenv("FUZZ_DIR"))
		return 0;
	json_init(&arena);
	text = fuzz_text(&arena, data + 1, size - 1);
	rc = libcni_list_parse(text, strlen(text), &list, &err);
	fuzz_expect(rc, &err);
	a.args = args;
	a.n_args = data[0] & WITH_ARGS ? ARRAY_SIZE(args) : 0;
	if (data[0] & WITH_CAPABILITIES)
		a.capability_args = json_text_own("{\"ips\":[1.0],\"a\":{},\"\\u0061\":null}");
	if (!rc && list.n_plugins) {
		struct fuzzed f = { &list, strlen(text) < size - 1 ? text + strlen(text) + 1 : "" };
		const struct libcni l = { .path = "/bin",
					  .cache_dir = getenv("FUZZ_DIR"),
					  .find = find,
					  .exec = call,
					  .ctx = &f };

		check_switches(&list);
		run(&l, &list, &a, data[0]);
	}
	arena_free(&arena);
	return 0;
}
