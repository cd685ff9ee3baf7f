/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cache - a file of libcni's cache, in $FUZZ_DIR: read, converted to every version, collected;
 * and, where it is JSON at all, printed as Go prints it: that is JSON again, and printed once more
 * it is the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/version.h"
#include "libcni/libcni.h"

static const struct libcni_attachment attachment = { .container_id = "c",
						     .netns = "",
						     .ifname = "e" };

/* ---- printing -------------------------------------------------------------------------------- */

static struct json_text print(struct json_text t, struct json_style style)
{
	struct json_buf b = { 0 };
	struct json_text out;
	struct err err = { 0 };

	json_buf_add_go(&b, t, style);
	if (strlen(b.text) != b.len || json_text_max(b.text, b.len, SIZE_MAX, &out, &err) < 0 ||
	    out.len != b.len)
		abort();
	return out;
}

static void expect_same(struct json_text a, struct json_text b)
{
	if (a.len != b.len || memcmp(a.at, b.at, a.len) != 0)
		abort();
}

static void print_all(const char *text, size_t len)
{
	static const struct json_style styles[] = {
		{ false, 0 }, { true, 0 }, { false, 3 }, { true, 4 }
	};
	struct err err = { 0 };
	struct json_text t;
	int rc = json_text(text, len, &t, &err);

	fuzz_expect(rc, &err);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(styles); i++) {
		struct json_text once = print(t, styles[i]);

		expect_same(print(once, styles[i]), once);
		expect_same(print(once, styles[i % 2]), print(t, styles[i % 2]));
	}
}

/* ---- the file -------------------------------------------------------------------------------- */

static int call(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	struct json_text in;

	(void)ctx;
	if (json_text_max(x->in, x->in_len, SIZE_MAX, &in, err) < 0)
		abort();
	*out = (struct libcni_answer){ .out = "" };
	return 0;
}

static int find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	(void)ctx;
	(void)dirs;
	(void)err;
	*path = type;
	return 0;
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
}

static void look(const char *dir, const char *path)
{
	struct err err = { 0 };
	const struct json *v;
	struct libcni_cached c;
	int rc = libcni_cache_read(path, &c, &err);

	fuzz_expect(rc, &err);
	if (!rc && (!*c.network || !*c.attachment.ifname || strlen(c.config) > c.config_len))
		abort();
	for (size_t i = 0; cni_versions[i]; i++) {
		err_clear(&err);
		rc = libcni_cache_result(dir, "n", &attachment, cni_versions[i], &v, &err);
		fuzz_expect(rc, &err);
		if (!rc && !json_is_object(v))
			abort();
	}
}

/* All that is in it is dead. */
static void collect(const struct libcni *l)
{
	static const char conf[] =
		"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"p\","
		"\"capabilities\":{\"a\":true}}]}";
	struct err err = { 0 }, *errs;
	struct libcni_list list;
	size_t n;

	if (libcni_list_parse(conf, strlen(conf), &list, &err) < 0)
		abort();
	fuzz_expect(libcni_gc(l, &list, NULL, &errs, &n, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	const char *dir = getenv("FUZZ_DIR"), *path;
	const struct libcni l = { .path = "/bin", .cache_dir = dir, .find = find, .exec = call };

	if (!dir)
		return 0;
	json_init(&arena);
	print_all(fuzz_text(&arena, data, size), size);
	(void)mkdir(arena_printf(&arena, "%s/results", dir), 0700);
	path = arena_printf(&arena, "%s/results/n-c-e", dir);
	put(path, data, size);
	look(dir, path);
	collect(&l);
	(void)unlink(path);
	arena_free(&arena);
	return 0;
}
