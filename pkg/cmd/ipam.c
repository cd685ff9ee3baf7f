/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ipam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/describe.h"
#include "libcni/list.h"
#include "skel/request.h"
#include "sys/file.h"

#define LIST_DIR "/etc/cni/net.d" /* where NETCONFPATH does not say another one */

static const struct verb {
	const char *name;
	bool takes_arg;
} verbs[] = {
	{ "show", false },        { "verify", false },       { "trace", true },
	{ "release-node", true }, { "release-claim", true },
};

struct tool {
	const char *verb, *arg;
	struct libcni_list list;
	struct cni_call call;
	struct cni_request req;
	bool found; /* a plugin that has such verbs */
	int status;
};

static void say(void *ctx, const char *line)
{
	(void)ctx;
	puts(describe_plain(line));
}

/* ---- one plugin's configuration -------------------------------------------------------------- */

/* As a runtime hands it to the plugin: with the list's name and version. */
static const char *make_conf(const struct libcni_list *l, struct json_text plugin)
{
	struct json_buf b = { 0 };
	struct json_walk w = json_walk(plugin);
	struct json_member m;

	json_buf_add(&b, "{");
	json_buf_pair_str(&b, "cniVersion", *l->version ? l->version : "0.1.0");
	json_buf_pair_str(&b, "name", l->name);
	while (json_walk_next(&w, &m))
		if (strcmp(m.key, "cniVersion") != 0 && strcmp(m.key, "name") != 0)
			json_buf_pair_text(&b, m.key, m.value);
	json_buf_add(&b, "}");
	return b.text;
}

static int ask(struct tool *t, const struct cni_plugin *plugin, const char *conf)
{
	const struct cni_lines to = { NULL, say };
	struct cni_call *c = &t->call;

	t->found = true;
	t->req.command = CNI_STATUS;
	t->req.stdin_text = conf;
	t->req.stdin_len = strlen(conf);
	c->plugin = plugin;
	c->conf = arena_alloc(c->arena, plugin->conf_size);
	cni_reset_conf(c);
	if (cni_request_decode(&t->req, c->err) < 0 || cni_decode(c, t->req.net.raw, "") < 0 ||
	    plugin->validate(c) < 0)
		return -1;
	t->status = plugin->ipam_tool(c, t->verb, t->arg, &to);
	return t->status < 0 ? -1 : 0;
}

/* The plugin itself, or those of a chain. */
static int look_at(struct tool *t, struct json_text plugin, int depth)
{
	struct json_text ipam = json_text_member(plugin, "ipam"),
			 plugins = json_text_member(plugin, "plugins");
	const char *type = json_text_kind(ipam) == '{'
				   ? json_text_string(json_text_member(ipam, "type"))
				   : NULL;
	const struct cni_plugin *p = type ? cni_plugin_named(type) : NULL;
	struct json_walk w;
	struct json_member m;

	if (p && p->ipam_tool && ask(t, p, make_conf(&t->list, plugin)) < 0)
		return -1;
	if (depth || json_text_kind(plugins) != '[')
		return 0;
	w = json_walk(plugins);
	while (json_walk_next(&w, &m))
		if (json_text_kind(m.value) == '{' && look_at(t, m.value, depth + 1) < 0)
			return -1;
	return 0;
}

/* ---- the network ----------------------------------------------------------------------------- */

/* A file may be a list, or one plugin's configuration. */
static int read_file(const char *path, struct libcni_list *l, struct err *err)
{
	struct json_text text;
	const char *bytes;
	size_t len;

	if (file_read(path, LIBCNI_FILE_MAX, json_arena(), &bytes, &len, err) < 0 ||
	    json_text(bytes, len, &text, err) < 0)
		return -1;
	if (json_text_kind(text) == '{' && json_text_member(text, "plugins").at)
		return libcni_list_read(path, l, err);
	*l = (struct libcni_list){ .version = "", .n_plugins = 1 };
	l->plugins = json_list(struct libcni_plugin, 1);
	if (libcni_plugin_parse(text, l->plugins, err) < 0)
		return -1;
	l->name = l->plugins->name;
	if (json_text_string(json_text_member(text, "cniVersion")))
		l->version = json_text_string(json_text_member(text, "cniVersion"));
	return 0;
}

static int find_list(const char *word, struct libcni_list *l, struct err *err)
{
	const char *dir = getenv("NETCONFPATH");

	if (strchr(word, '/'))
		return read_file(word, l, err);
	return libcni_list_find(dir && *dir ? dir : LIST_DIR, word, l, err);
}

static int run(struct tool *t, const char *network)
{
	if (find_list(network, &t->list, t->call.err) < 0)
		return -1;
	for (size_t i = 0; i < t->list.n_plugins; i++)
		if (look_at(t, t->list.plugins[i].text, 0) < 0)
			return -1;
	if (!t->found)
		return err_config(t->call.err,
				  "%.200s: no plugin of it shares addresses with other "
				  "nodes (ipam.type: cluster)",
				  network);
	return 0;
}

static bool is_understood(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return argc == (verbs[i].takes_arg ? 4 : 3);
	return false;
}

int ipam_run(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct tool t = {
		.verb = argv[1],
		.arg = argc > 3 ? argv[3] : NULL,
		.call = CNI_CALL_INIT(.arena = &arena, .err = &err),
		.req = { .container_id = "", .netns = "", .ifname = "", .args = "", .path = "" },
	};
	int rc;

	if (!is_understood(argc, argv))
		return -1;
	json_init(&arena);
	t.call.req = &t.req;
	rc = run(&t, argv[2]);
	if (rc < 0)
		fprintf(stderr, "cnic: %s%s%s\n", describe_plain(err.msg), *err.details ? "; " : "",
			describe_plain(err.details));
	arena_free(&arena);
	return rc < 0 ? EXIT_FAILURE : t.status;
}
