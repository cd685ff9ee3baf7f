/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "skel/call.h"

#define DEPTH_MAX 16

/* Where a walk through the tables is; NULL stands for the elements of a list. */
struct path {
	const char *part[DEPTH_MAX];
	size_t n;
};

static const char *const type_names[] = {
	[JSON_BOOL] = "bool",     [JSON_UINT] = "uint", [JSON_STR] = "string",
	[JSON_IP] = "ip",         [JSON_CIDR] = "cidr", [JSON_IP_CIDR] = "ip-or-cidr",
	[JSON_OBJECT] = "object", [JSON_LIST] = "list", [JSON_MAP] = "map",
	[JSON_RAW] = "any",
};

static void add_key(struct json *keys, const struct json_field *f, const struct path *p)
{
	struct json *key = json_add_object(keys, NULL), *path = json_add_list(key, "path");

	for (size_t i = 0; i < p->n; i++)
		if (p->part[i])
			json_add_str(path, NULL, p->part[i]);
		else
			json_add_int(path, NULL, 0);
	json_add_str(key, "type", type_names[f->type]);
	if (f->type == JSON_UINT)
		json_add_int(key, "min", f->min);
	if (json_max(f))
		json_add_int(key, "max", (int64_t)json_max(f));
	json_add_bool(key, "required", f->required);
}

static void walk(struct json *keys, const struct json_field *table, struct path *p)
{
	for (const struct json_field *f = table; f && f->type != JSON_END; f++) {
		size_t n = p->n;

		if (*f->key && p->n < DEPTH_MAX)
			p->part[p->n++] = f->key;
		add_key(keys, f, p);
		if (f->type == JSON_LIST && p->n < DEPTH_MAX)
			p->part[p->n++] = NULL;
		if (f->type == JSON_OBJECT || f->type == JSON_LIST)
			walk(keys, f->sub, p);
		p->n = n;
	}
}

static void add_tables(struct json *o, const struct json_field *const *tables)
{
	struct json *keys = json_add_list(o, "keys");
	struct path p = { .n = 0 };

	for (; *tables; tables++)
		walk(keys, *tables, &p);
}

static void add_plugin(struct json *o, const struct cni_plugin *p)
{
	const struct json_field *const tables[] = { p->fields, NULL };

	json_add_str(o, "plugin", p->name);
	add_tables(o, tables);
}

static void add_all(struct json *o)
{
	struct json *plugins = json_add_list(o, "plugins");

	add_tables(json_add_object(o, "configuration"), cni_conf_tables);
	add_tables(json_add_object(o, "prevResult"), cni_result_tables);
	add_tables(json_add_object(o, "prevResult-0.2.0"), cni_result_tables_02);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		add_plugin(json_add_object(plugins, NULL), *p);
}

int keys_run(int argc, char **argv)
{
	const struct cni_plugin *plugin = argc > 1 ? cni_plugin_named(argv[1]) : NULL;
	struct arena arena = { 0 };
	struct json *o;

	if (argc > 1 && !plugin) {
		fprintf(stderr, "cnic: keys: %s: no such plugin in this executable\n", argv[1]);
		return EXIT_FAILURE;
	}
	json_init(&arena);
	o = json_object();
	if (plugin)
		add_plugin(o, plugin);
	else
		add_all(o);
	puts(json_print(o));
	arena_free(&arena);
	return EXIT_SUCCESS;
}
