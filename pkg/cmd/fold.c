/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/fold.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcni/list.h"
#include "skel/call.h"
#include "sys/file.h"

#define CHAIN "chain"

/* Under a vendor's name as well, as it takes itself. */
static bool is_chain(const char *type)
{
	const struct cni_plugin *p = cni_plugin_named(type);

	return p && !strcmp(p->name, CHAIN);
}

static int refuse_fold(const struct libcni_list *l, struct err *err)
{
	if (!l->n_plugins)
		return err_config(err, "plugins: none, there is nothing to fold");
	if (l->n_plugins > CNI_PARTS_MAX)
		return err_config(err, "plugins: more than the %d that a chain takes",
				  CNI_PARTS_MAX);
	for (size_t i = 0; i < l->n_plugins; i++)
		if (is_chain(l->plugins[i].type))
			return err_config(err, "plugins[%zu].type: a chain already", i);
	return 0;
}

static int refuse_unfold(const struct libcni_list *l, struct err *err)
{
	static const char *const known[] = { "type", "capabilities", "plugins" };
	struct json_member m;
	struct json_walk w;

	if (l->n_plugins != 1 || !is_chain(l->plugins[0].type))
		return err_config(err, "plugins: not one chain and nothing else");
	if (json_text_kind(json_text_member(l->plugins[0].text, "plugins")) != '[')
		return err_config(err, "plugins[0].plugins: must be a list");
	w = json_walk(l->plugins[0].text);
	while (json_walk_next(&w, &m)) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= !strcmp(m.key, known[i]);
		if (!is_known)
			return err_config(err, "plugins[0].%.80s: has no place in a list", m.key);
	}
	return 0;
}

static bool is_first(const struct libcni_list *l, size_t plugin, const char *capability)
{
	for (size_t i = 0; i < plugin; i++)
		if (libcni_plugin_is_capable(&l->plugins[i], capability))
			return false;
	return true;
}

/* What a runtime hands to any of them, it must hand to the chain. */
static void add_capabilities(struct json_buf *b, const struct libcni_list *l)
{
	struct json_buf all = { 0 };

	json_buf_add(&all, "{");
	for (size_t i = 0; i < l->n_plugins; i++)
		json_for_each(item, l->plugins[i].capabilities) {
			const char *name = json_key(item);

			if (!libcni_plugin_is_capable(&l->plugins[i], name) ||
			    !is_first(l, i, name))
				continue;
			json_buf_add_key(&all, name);
			json_buf_add(&all, "true");
		}
	json_buf_add(&all, "}");
	if (all.len == 2)
		return;
	json_buf_add(b, "\"capabilities\": ");
	json_buf_add_text(b, json_buf_text(&all));
	json_buf_add(b, ", ");
}

/* What comes of it can be read again: by a runtime, and by the way back. */
static int check_readable(const struct json_buf *b, const char *what, struct err *err)
{
	struct libcni_list ignored;

	if (b->len > LIBCNI_FILE_MAX)
		return err_config(err, "%s: larger than %d bytes", what, LIBCNI_FILE_MAX);
	if (libcni_list_parse(b->text, b->len, &ignored, err) < 0)
		return err_wrap(err, "%s", what);
	return 0;
}

int fold_list(const char *bytes, size_t len, bool unfold, struct json_buf *out, struct err *err)
{
	struct json_text plugins, before, behind;
	struct libcni_list l;

	if (libcni_list_parse(bytes, len, &l, err) < 0 ||
	    (unfold ? refuse_unfold(&l, err) : refuse_fold(&l, err)) < 0)
		return -1;
	plugins = json_text_member(l.text, "plugins");
	before = (struct json_text){ bytes, (size_t)(plugins.at - bytes) };
	behind = (struct json_text){ plugins.at + plugins.len, len - before.len - plugins.len };
	json_buf_add_text(out, before);
	if (unfold) {
		json_buf_add_text(out, json_text_member(l.plugins[0].text, "plugins"));
	} else {
		json_buf_add(out, "[{ \"type\": \"" CHAIN "\", ");
		add_capabilities(out, &l);
		json_buf_add(out, "\"plugins\": ");
		json_buf_add_text(out, plugins);
		json_buf_add(out, " }]");
	}
	json_buf_add_text(out, behind);
	return check_readable(out, unfold ? "unfolded" : "folded", err);
}

/* What it was is written first: whatever happens, it is there. */
static int fold_file(const char *path, bool unfold, const char **kept, struct err *err)
{
	struct arena *arena = json_arena();
	struct json_buf folded = { 0 };
	char real[PATH_MAX];
	const char *bytes;
	struct stat st;
	size_t len;

	if (!realpath(path, real) || stat(real, &st) < 0)
		return err_sys(err, "%s", path);
	if (file_read(real, LIBCNI_FILE_MAX, arena, &bytes, &len, err) < 0)
		return -1;
	if (fold_list(bytes, len, unfold, &folded, err) < 0)
		return err_wrap(err, "%s", path);
	*kept = arena_printf(arena, "%s.%s", real, unfold ? "folded" : "unfolded");
	if (file_replace(*kept, bytes, len, st.st_mode & 0777, arena, err) < 0)
		return -1;
	return file_replace(real, folded.text, folded.len, st.st_mode & 0777, arena, err);
}

int fold_run(int argc, char **argv)
{
	bool unfold = argc == 3 && !strcmp(argv[1], "--unfold");
	struct arena arena = { 0 };
	struct err err = { 0 };
	const char *kept = "";
	int rc;

	if (argc != (unfold ? 3 : 2) || argv[argc - 1][0] == '-')
		return -1;
	json_init(&arena);
	rc = fold_file(argv[argc - 1], unfold, &kept, &err);
	if (rc < 0)
		fprintf(stderr, "cnic: %s\n", err.msg);
	else
		printf("%s; as it was: %s\n", unfold ? "unfolded" : "folded", kept);
	arena_free(&arena);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
