/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/describe.h"

#include <string.h>
#include <time.h>

#include "libcni/call.h"

static const char *const states[] = {
	[NODE_ALIVE] = "alive", [NODE_UNKNOWN] = "unknown", [NODE_DEAD] = "dead"
};

const char *describe_word(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:@%+=-";
	const char *word = "'";

	if (*s && strspn(s, plain) == strlen(s))
		return s;
	for (size_t n; *s; s += n) {
		n = *s == '\'' ? 1 : strcspn(s, "'");
		word = *s == '\'' ? arena_printf(json_arena(), "%s'\\''", word)
				  : arena_printf(json_arena(), "%s%.*s", word, (int)n, s);
	}
	return arena_printf(json_arena(), "%s'", word);
}

const char *describe_plain(const char *s)
{
	char *out = arena_strdup(json_arena(), s);

	for (unsigned char *c = (unsigned char *)out; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* C1, in UTF-8 */
			c[0] = c[1] = '?';
	return out;
}

const char *describe_name(const struct node_attachment *a)
{
	return arena_printf(json_arena(), "network %s, container %s, interface %s",
			    describe_plain(a->network), describe_plain(a->container_id),
			    describe_plain(a->ifname));
}

/* ---- by its plugins -------------------------------------------------------------------------- */

struct words {
	struct json *object;
	const char **plugins;
	size_t n_plugins;
};

static bool has_plugin(const struct words *w, const char *name)
{
	for (size_t i = 0; i < w->n_plugins; i++)
		if (!strcmp(w->plugins[i], name))
			return true;
	return false;
}

/* A plugin that stands in several places is described once. */
static void add_plugin(struct words *w, const char *name, const struct json *conf)
{
	const struct cni_plugin *plugin = cni_plugin_named(name);
	struct err ignored = { 0 };
	struct cni_call c = CNI_CALL_INIT(.plugin = plugin, .arena = json_arena(), .err = &ignored);

	if (has_plugin(w, name))
		return;
	*arena_append(json_arena(), w->plugins, w->n_plugins) = name;
	if (!plugin || !plugin->describe || !plugin->fields)
		return;
	c.conf = arena_alloc(c.arena, plugin->conf_size);
	cni_reset_conf(&c);
	if (json_decode_lenient(conf, plugin->fields, "", c.conf, &ignored) == 0)
		plugin->describe(c.conf, w->object);
}

static void add_list(struct words *w, const char *bytes, size_t len,
		     const struct libcni_attachment *a);

/* As it was called: with what its capabilities have brought it. */
static void add_listed(struct words *w, const struct libcni_list *list,
		       const struct libcni_plugin *p, const struct libcni_attachment *a)
{
	const struct libcni_injected in = { .runtime = libcni_runtime_config(p, a) };
	const struct json *conf;
	struct err ignored;
	size_t len;
	const char *text = libcni_input(list, p, &in, &len);

	if (!strcmp(p->type, "chain") && !has_plugin(w, p->type)) {
		const struct libcni_attachment part = {
			.capability_args = json_text_member(json_text_own(text), "runtimeConfig"),
		};

		add_plugin(w, p->type, NULL);
		add_list(w, text, len, &part);
	} else if (json_parse(text, len, &conf, &ignored) == 0) {
		add_plugin(w, p->type, conf);
	}
}

static void add_list(struct words *w, const char *bytes, size_t len,
		     const struct libcni_attachment *a)
{
	struct libcni_list list;
	struct err ignored;

	if (libcni_list_parse(bytes, len, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < list.n_plugins; i++)
		add_listed(w, &list, &list.plugins[i], a);
}

static void add_plugins(struct json *o, const struct node_attachment *a)
{
	struct words w = { .object = o };

	if (a->cached)
		add_list(&w, a->cached->config, a->cached->config_len, &a->cached->attachment);
	for (size_t i = 0; i < a->n_entries; i++)
		add_plugin(&w, a->entries[i]->plugin, a->entries[i]->conf);
	for (size_t i = 0; i < a->n_records; i++)
		add_plugin(&w, a->records[i]->plugin, a->records[i]->conf);
	json_add_strs(o, "plugins", w.plugins, w.n_plugins);
}

/* ---- by what is kept of it ------------------------------------------------------------------- */

static void add_addresses(struct json *o, const struct node_attachment *a)
{
	struct json *list = json_add_list(o, "addresses");
	struct cni_result cached = { 0 };
	const struct cni_result *r = &cached;
	char buf[IP_STRLEN];
	struct err ignored;

	if (!a->cached || !a->cached->result ||
	    cni_result_parse(a->cached->result, "", false, "result", &cached, &ignored) < 0)
		r = a->n_records ? &a->records[0]->prev : &cached;
	for (size_t i = 0; i < r->n_ips; i++)
		json_add_str(list, NULL, cidr_str(&r->ips[i].address, buf));
}

/* Each process once, in the order of the scan. */
static void add_pids(struct json *o, const struct node *node, const struct node_attachment *a)
{
	const struct netns_holder *h = a->life == NODE_ALIVE ? a->holder : NULL;
	struct json *list = json_add_list(o, "pids");
	int last = 0;

	for (; h && h < node->scan.list + node->scan.n && h->inode == a->holder->inode; h++) {
		if (h->pid && h->pid != last)
			json_add_int(list, NULL, h->pid);
		last = h->pid;
	}
}

static void add_kept(struct json *o, const struct node_attachment *a)
{
	struct json *list = json_add_list(o, "kept");

	if (a->cached)
		json_add_str(list, NULL, a->cached->path);
	for (size_t i = 0; i < a->n_older; i++)
		json_add_str(list, NULL, a->older[i]->path);
	for (size_t i = 0; i < a->n_entries; i++)
		json_add_str(list, NULL, registry_path(a->entries[i], json_arena()));
	for (size_t i = 0; i < a->n_records; i++)
		json_add_str(list, NULL,
			     arena_printf(json_arena(), RECORD_DIR "/%s",
					  record_name_of(json_arena(), a->records[i]->plugin,
							 a->network, a->ifname, a->container_id)));
}

static void add_host_link(struct json *o, const struct node_attachment *a)
{
	for (size_t i = 0; i < a->n_entries; i++)
		if (*a->entries[i]->host_link) {
			json_add_str(o, "hostLink", a->entries[i]->host_link);
			return;
		}
}

struct json *describe_attachment(const struct node *node, const struct node_attachment *a)
{
	struct json *o = json_object();

	json_add_str(o, "network", a->network);
	json_add_str(o, "containerId", a->container_id);
	json_add_str(o, "ifName", a->ifname);
	json_add_str(o, "netns", a->netns);
	add_pids(o, node, a);
	add_addresses(o, a);
	add_plugins(o, a);
	add_host_link(o, a);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		if ((*p)->describe_kept)
			(*p)->describe_kept(a->network, a->container_id, a->ifname, o);
	json_add_str(o, "state", states[a->life]);
	json_add_str(o, "why", a->why);
	if (a->time)
		json_add_int(o, "age", (int64_t)time(NULL) - a->time);
	add_kept(o, a);
	return o;
}
