/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_fold - a configuration list, folded and unfolded again, which gives its bytes back; and what can be
 * unfolded, unfolded. Whatever comes of it is a list, whose plugins are those that were there.
 */
#include "fuzz.h"

#include "cmd/fold.h"
#include "libcni/list.h"

/* NUL-terminated, as what is read of a file is. */
static int turn(const char *bytes, size_t len, bool unfold, struct json_text *out)
{
	struct json_buf b = { 0 };
	struct err err = { 0 };
	int rc = fold_list(bytes, len, unfold, &b, &err);

	fuzz_expect(rc, &err);
	*out = (struct json_text){ b.text, b.len };
	return rc;
}

/* What has been made is read as any other list. */
static struct libcni_list parse(struct json_text t)
{
	struct libcni_list l;
	struct err err = { 0 };

	if (t.len > LIBCNI_FILE_MAX || libcni_list_parse(t.at, t.len, &l, &err) < 0)
		abort();
	return l;
}

static void expect_equal(struct json_text a, struct json_text b)
{
	if (a.len != b.len || (a.len && memcmp(a.at, b.at, a.len) != 0))
		abort();
}

static void expect_switches(const struct libcni_list *a, const struct libcni_list *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->version, b->version) != 0 ||
	    a->disable_check != b->disable_check || a->disable_gc != b->disable_gc ||
	    a->only_inlined != b->only_inlined)
		abort();
}

/* A runtime gives the chain what it would give any of them, and nothing else. */
static void expect_capabilities(const struct libcni_list *l, const struct libcni_plugin *chain)
{
	size_t n = 0, n_chain = 0;

	for (size_t i = 0; i < l->n_plugins; i++)
		json_for_each(item, l->plugins[i].capabilities) {
			const char *name = json_key(item);
			bool capable = libcni_plugin_is_capable(&l->plugins[i], name);

			n += capable;
			if (capable && !libcni_plugin_is_capable(chain, name))
				abort();
		}
	json_for_each(item, chain->capabilities)
		n_chain++;
	if (n_chain > n)
		abort();
}

static void fold(struct json_text list)
{
	struct json_text folded, back;
	struct libcni_list l, chain;

	if (turn(list.at, list.len, false, &folded) < 0)
		return;
	l = parse(list);
	chain = parse(folded);
	expect_switches(&l, &chain);
	if (chain.n_plugins != 1 || strcmp(chain.plugins[0].type, "chain") != 0)
		abort();
	expect_equal(json_text_member(chain.plugins[0].text, "plugins"),
		     json_text_member(l.text, "plugins"));
	expect_capabilities(&l, &chain.plugins[0]);
	if (turn(folded.at, folded.len, true, &back) < 0)
		abort();
	expect_equal(list, back);
}

static void unfold(struct json_text chain)
{
	struct json_text list;
	struct libcni_list l, was;

	if (turn(chain.at, chain.len, true, &list) < 0)
		return;
	l = parse(list);
	was = parse(chain);
	expect_switches(&was, &l);
	expect_equal(json_text_member(was.plugins[0].text, "plugins"),
		     json_text_member(l.text, "plugins"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct json_text text;

	json_init(&arena);
	text = (struct json_text){ fuzz_text(&arena, data, size), size };
	fold(text);
	unfold(text);
	arena_free(&arena);
	return 0;
}
