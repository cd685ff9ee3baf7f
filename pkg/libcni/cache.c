/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/cache.h"

#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "cni/result.h"
#include "cni/version.h"
#include "sys/file.h"

#define KIND "cniCacheV1"

static const struct json_style go_map = { .sorted = true };

static const char *results_of(const char *dir)
{
	return arena_printf(json_arena(), "%s/results", dir);
}

/* NULL: no file can have that name. */
static const char *path_of(const char *dir, const char *network, const struct libcni_attachment *a)
{
	if (!*network || !*a->container_id || !*a->ifname || strchr(network, '/') ||
	    strchr(a->container_id, '/') || strchr(a->ifname, '/'))
		return NULL;
	return arena_printf(json_arena(), "%s/%s-%s-%s", results_of(dir), network, a->container_id,
			    a->ifname);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_args(struct json_buf *b, const struct libcni_attachment *a)
{
	if (!a->n_args)
		return;
	json_buf_add_key(b, "cniArgs");
	json_buf_add(b, "[");
	for (size_t i = 0; i < a->n_args; i++) {
		json_buf_add(b, i ? ",[" : "[");
		json_buf_add_str(b, a->args[i].key);
		json_buf_add(b, ",");
		json_buf_add_str(b, a->args[i].value);
		json_buf_add(b, "]");
	}
	json_buf_add(b, "]");
}

/* Empty ones are left out. */
static void add_object(struct json_buf *b, const char *key, struct json_text object)
{
	struct json_walk w = json_walk(object);
	struct json_member m;

	if (!json_walk_next(&w, &m))
		return;
	json_buf_add_key(b, key);
	json_buf_add_go(b, object, go_map);
}

static int is_readable(const struct json_buf *b, struct err *err)
{
	struct json_text ignored;

	return json_text_max(b->text, b->len, LIBCNI_CACHE_MAX, &ignored, err);
}

static int no_path(const char *network, const struct libcni_attachment *a, struct err *err)
{
	return err_config(err,
			  "cache file path requires network name (\"%s\"), container ID "
			  "(\"%s\"), and interface name (\"%s\")",
			  network, a->container_id, a->ifname);
}

int libcni_cache_write(const char *dir, const struct libcni_list *list,
		       const struct libcni_attachment *a, struct json_text result, struct err *err)
{
	const char *path = path_of(dir, list->name, a);
	struct json_buf b = { 0 };

	if (!path)
		return no_path(list->name, a, err);
	json_buf_add(&b, "{");
	json_buf_pair_str(&b, "kind", KIND);
	json_buf_pair_str(&b, "containerId", a->container_id);
	json_buf_pair_str(&b, "config", base64_encode(list->bytes, list->n_bytes, json_arena()));
	json_buf_pair_str(&b, "ifName", a->ifname);
	json_buf_pair_str(&b, "networkName", list->name);
	if (*a->netns)
		json_buf_pair_str(&b, "netns", a->netns);
	add_args(&b, a);
	add_object(&b, "capabilityArgs", a->capability_args);
	add_object(&b, "result", result);
	json_buf_add(&b, "}");
	if (is_readable(&b, err) < 0 || file_make_dirs(results_of(dir), 0700, err) < 0)
		return -1;
	return file_replace(path, b.text, b.len, 0600, json_arena(), err);
}

void libcni_cache_remove(const char *dir, const char *network, const struct libcni_attachment *a)
{
	const char *path = path_of(dir, network, a);
	struct err ignored;

	if (path)
		(void)!file_remove(path, json_arena(), &ignored);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct args_pair {
	const char **text;
	size_t n_text;
};

struct cache_keys {
	const char *kind, *container_id, *config, *ifname, *network, *netns;
	struct args_pair *args;
	size_t n_args;
	const struct json *capability_args, *result;
};

struct argument {
	const char *s;
};

static const struct json_field argument_fields[] = {
	F_STR("", struct argument, s, .max = LIBCNI_CACHE_MAX), F_END
};
static const struct json_field pair_fields[] = {
	F_LIST("", struct args_pair, text, argument_fields, .max = 2), F_END
};

static const struct json_field cache_fields[] = {
	F_STR("kind", struct cache_keys, kind),
	F_STR("containerId", struct cache_keys, container_id),
	F_STR("config", struct cache_keys, config, .max = LIBCNI_FILE_MAX * 4 / 3 + 4),
	F_STR("ifName", struct cache_keys, ifname),
	F_STR("networkName", struct cache_keys, network),
	F_STR("netns", struct cache_keys, netns),
	F_LIST("cniArgs", struct cache_keys, args, pair_fields),
	F_MAP("capabilityArgs", struct cache_keys, capability_args),
	F_MAP("result", struct cache_keys, result),
	F_END
};

/* True if the text is an entry of this kind. */
static bool decode(const char *text, size_t len, struct json_text *raw, struct cache_keys *k)
{
	const struct json *v;
	struct err ignored;

	*k = (struct cache_keys){ "", "", "", "", "", "", NULL, 0, NULL, NULL };
	return json_text_max(text, len, LIBCNI_CACHE_MAX, raw, &ignored) == 0 &&
	       json_parse_max(text, len, LIBCNI_CACHE_MAX, &v, &ignored) == 0 &&
	       json_decode(v, cache_fields, "", k, &ignored) == 0 && !strcmp(k->kind, KIND);
}

static int read_file(const char *path, const char **text, size_t *len, struct err *err)
{
	return file_read(path, LIBCNI_CACHE_MAX, json_arena(), text, len, err);
}

/* A result without a version is 0.1.0's; one of a later version has no address of 0.1.0's kind. */
static int convert(const struct json *raw, const char *version, const struct json **out,
		   struct err *err)
{
	const char *own = json_string(json_get(raw, "cniVersion"));
	struct cni_result r;
	struct json *o;

	if (cni_result_parse(raw, "", false, "result", &r, err) < 0)
		return -1;
	if (cni_family(version) == CNI_FAMILY_NONE)
		return err_set(err, ERR_DECODE,
			       "failed to convert cached result to config version \"%.80s\": no "
			       "converter for CNI result version %s to %.80s",
			       version, own && *own ? own : cni_versions[0], version);
	if (cni_family(own ? own : "") == CNI_FAMILY_02)
		o = cni_result_object(&r, version);
	else if (cni_result_json(&r, version, &o, err) < 0)
		return -1;
	*out = o;
	return 0;
}

int libcni_cache_result(const char *dir, const char *network, const struct libcni_attachment *a,
			const char *version, const struct json **out, struct err *err)
{
	const char *path = path_of(dir, network, a), *text;
	const struct json *v = NULL;
	struct json_text raw;
	struct cache_keys k;
	struct err ignored;
	size_t len;

	*out = NULL;
	if (!*network || !*a->container_id || !*a->ifname)
		return no_path(network, a, err);
	if (!path || read_file(path, &text, &len, &ignored) < 0)
		return 0;
	if (decode(text, len, &raw, &k))
		v = k.result ? k.result : json_object();
	else if (json_parse_max(text, len, LIBCNI_CACHE_MAX, &v, err) < 0)
		return -1;
	return convert(json_is_null(v) ? json_object() : v, version, out, err);
}

/* The table's key may be spelt another way and be an object, while this one is none. */
static bool is_map(struct json_text t)
{
	return !t.at || json_text_kind(t) == '{' || json_text_kind(t) == 'n';
}

static int take(const struct cache_keys *k, struct json_text raw, struct libcni_cached *out)
{
	struct libcni_attachment *a = &out->attachment;

	*out = (struct libcni_cached){ .network = k->network, .result = k->result };
	a->container_id = k->container_id;
	a->ifname = k->ifname;
	a->netns = k->netns;
	a->args = json_list(struct libcni_arg, k->n_args);
	a->capability_args = json_text_member(raw, "capabilityArgs");
	for (size_t i = 0; i < k->n_args; i++) {
		if (k->args[i].n_text != 2)
			return -1;
		a->args[i] = (struct libcni_arg){ k->args[i].text[0], k->args[i].text[1] };
	}
	a->n_args = k->n_args;
	out->config = base64_decode(k->config, &out->config_len, json_arena());
	return out->config && *k->ifname && *k->network && is_map(a->capability_args) ? 0 : -1;
}

int libcni_cache_read(const char *path, struct libcni_cached *out, struct err *err)
{
	struct json_text raw;
	struct cache_keys k;
	const char *text;
	struct stat st;
	size_t len;

	if (read_file(path, &text, &len, err) < 0)
		return -1;
	if (!decode(text, len, &raw, &k) || take(&k, raw, out) < 0)
		return err_set(err, ERR_DECODE, "%s: no entry of libcni's cache", path);
	out->path = path;
	out->time = stat(path, &st) < 0 ? 0 : st.st_mtime;
	return 0;
}

int libcni_cache_list(const char *dir, struct libcni_cache_list *list, struct err *err)
{
	const char *results = results_of(dir), **names;
	struct err ignored;
	size_t n;

	*list = (struct libcni_cache_list){ 0 };
	if (file_names(results, NULL, json_arena(), &names, &n, err) < 0)
		return -1;
	file_sort_names(names, n);
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(json_arena(), "%s/%s", results, names[i]);
		struct libcni_cached c;

		if (file_is_draft(names[i]))
			continue;
		if (libcni_cache_read(path, &c, &ignored) == 0) {
			c.dir = dir;
			*arena_append(json_arena(), list->entries, list->n) = c;
		} else if (*names[i] != '.') {
			*arena_append(json_arena(), list->others, list->n_others) = path;
		}
	}
	return 0;
}
