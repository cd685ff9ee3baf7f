/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cni/conf.h"
#include "cni/version.h"
#include "libcni/words.h"
#include "sys/file.h"
#include "json/decode.h"

#define IN_LIST "error parsing configuration list"
#define IN_CONF "error parsing configuration"

/* ---- a plugin's object ----------------------------------------------------------------------- */

struct plugin_keys {
	const char *type, *name, *version, *ipam_type;
	const struct json *capabilities, *prev_result;
	struct cni_dns dns;
	struct cni_attachment *valid;
	size_t n_valid;
};

static const struct json_field valid_fields[] = {
	F_STR("containerID", struct cni_attachment, container_id),
	F_STR("ifname", struct cni_attachment, ifname), F_END
};

static const struct json_field plugin_fields[] = {
	F_STR("type", struct plugin_keys, type),
	F_STR("name", struct plugin_keys, name),
	F_STR("cniVersion", struct plugin_keys, version),
	F_MAP("capabilities", struct plugin_keys, capabilities),
	F_HERE("ipam", F_TABLE(F_STR("type", struct plugin_keys, ipam_type))),
	F_OBJ("dns", struct plugin_keys, dns, cni_dns_fields),
	F_MAP("prevResult", struct plugin_keys, prev_result),
	F_LIST("cni.dev/valid-attachments", struct plugin_keys, valid, valid_fields),
	F_END
};

static int check_capabilities(const struct json *capabilities, struct err *err)
{
	json_for_each(item, capabilities) {
		bool ignored;

		if (!json_is_null(item) && !json_bool(item, &ignored))
			return err_set(err, ERR_DECODE, "capabilities.%.80s: must be a boolean",
				       json_key(item));
	}
	return 0;
}

struct capability {
	const char *name;
	size_t place;
	bool is_true;
};

static int compare_capabilities(const void *x, const void *y)
{
	const struct capability *a = x, *b = y;
	int c = strcmp(a->name, b->name);

	return c ? c : a->place < b->place ? -1 : a->place > b->place;
}

/* Of several of one name the last counts. */
static void sort_capabilities(struct libcni_plugin *p)
{
	struct capability *all = NULL;
	size_t n = 0;

	json_for_each(item, p->capabilities) {
		struct capability *c = arena_append(json_arena(), all, n);

		*c = (struct capability){ json_key(item), n, false };
		c->is_true = json_bool(item, &c->is_true) && c->is_true;
	}
	if (n)
		qsort(all, n, sizeof(*all), compare_capabilities);
	for (size_t i = 0; i < n; i++)
		if (all[i].is_true && (i + 1 == n || strcmp(all[i].name, all[i + 1].name) != 0))
			*arena_append(json_arena(), p->capable, p->n_capable) = all[i].name;
}

static int parse_plugin(struct json_text text, struct plugin_keys *k, struct libcni_plugin *out,
			struct err *err)
{
	const struct json *v;

	*k = (struct plugin_keys){ .type = "", .name = "", .version = "" };
	if (json_parse(text.at, text.len, &v, err) < 0 ||
	    (!json_is_null(v) && json_decode(v, plugin_fields, "", k, err) < 0) ||
	    check_capabilities(k->capabilities, err) < 0)
		return err_wrap(err, IN_CONF);
	if (!*k->type)
		return err_config(err, IN_CONF ": missing 'type'");
	*out = (struct libcni_plugin){ k->type, k->name, text, .capabilities = k->capabilities };
	sort_capabilities(out);
	return 0;
}

int libcni_plugin_parse(struct json_text text, struct libcni_plugin *out, struct err *err)
{
	struct plugin_keys ignored;

	return parse_plugin(text, &ignored, out, err);
}

bool libcni_plugin_is_capable(const struct libcni_plugin *p, const char *capability)
{
	return p->n_capable &&
	       bsearch(&capability, p->capable, p->n_capable, sizeof(*p->capable), str_compare);
}

/* ---- a list's keys --------------------------------------------------------------------------- */

static int invalid_type(const char *key, struct json_text v, struct err *err)
{
	return err_set(err, ERR_DECODE, IN_LIST ": invalid %s type %s", key, json_text_go_type(v));
}

static int parse_name(struct libcni_list *l, struct err *err)
{
	struct json_text name = json_text_member(l->text, "name");

	if (!name.at)
		return err_config(err, IN_LIST ": no name");
	l->name = json_text_string(name);
	return l->name ? 0 : invalid_type("name", name, err);
}

/* Of the versions that we know of, the highest so far. */
static void consider(const char *version, const char **best)
{
	if (cni_version_at_least(CNI_VERSION_LATEST, version) &&
	    (!*best || cni_version_at_least(version, *best)))
		*best = version;
}

/* CNI spec 1.1.0, section 1, "cniVersions": the highest that both sides support. */
static int choose_version(struct libcni_list *l, struct json_text versions, struct err *err)
{
	struct json_walk w = json_walk(versions);
	const char *best = NULL;
	struct json_member m;

	if (json_text_kind(versions) != '[') /* libcni names the type that it wants */
		return err_set(err, ERR_DECODE,
			       IN_LIST ": invalid type for cniVersions: []interface {}");
	for (int i = 0; json_walk_next(&w, &m); i++) {
		const char *version = json_text_string(m.value);

		if (!version)
			return err_set(err, ERR_DECODE,
				       IN_LIST ": invalid type for cniVersions index %d: %s", i,
				       json_text_go_type(m.value));
		if (!cni_version_is_number(version))
			return err_config(err,
					  IN_LIST ": invalid cniVersions entry %.80s at index %d",
					  version, i);
		consider(version, &best);
	}
	if (*l->version && !cni_version_is_number(l->version))
		return err_config(err, IN_LIST ": invalid cniVersion %.80s", l->version);
	if (*l->version)
		consider(l->version, &best);
	l->version = best ? best : l->version;
	return 0;
}

static int parse_version(struct libcni_list *l, struct err *err)
{
	struct json_text version = json_text_member(l->text, "cniVersion"),
			 versions = json_text_member(l->text, "cniVersions");

	l->version = version.at ? json_text_string(version) : "";
	if (!l->version)
		return invalid_type("cniVersion", version, err);
	return versions.at ? choose_version(l, versions, err) : 0;
}

/* A boolean, or a string that says one. */
static int parse_switch(const struct libcni_list *l, const char *key, bool *out, struct err *err)
{
	struct json_text v = json_text_member(l->text, key);
	char kind = json_text_kind(v), *word;

	*out = kind == 't';
	if (!v.at || kind == 't' || kind == 'f')
		return 0;
	if (kind != '"')
		return err_set(err, ERR_DECODE, IN_LIST ": invalid type %s for %s",
			       json_text_go_type(v), key);
	word = arena_strdup(json_arena(), json_text_string(v));
	*out = !strcasecmp(word, "true");
	if (*out || !strcasecmp(word, "false"))
		return 0;
	for (char *c = word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return err_config(err, IN_LIST ": invalid value %.80s for %s", libcni_words_quoted(word),
			  key);
}

static int parse_plugins(struct libcni_list *l, struct err *err)
{
	struct json_text plugins = json_text_member(l->text, "plugins");
	struct json_walk w = json_walk(plugins);
	struct json_member m;

	if (!plugins.at && l->only_inlined)
		return err_config(err, IN_LIST
				  ": `loadOnlyInlinedPlugins` is true, and no 'plugins' key");
	if (!plugins.at)
		return 0;
	if (json_text_kind(plugins) != '[')
		return invalid_type("'plugins'", plugins, err);
	while (json_walk_next(&w, &m)) {
		struct plugin_keys k;
		struct libcni_plugin p;

		if (parse_plugin(m.value, &k, &p, err) < 0)
			return err_wrap(err, "failed to parse plugin config %zu", l->n_plugins);
		*arena_append(json_arena(), l->plugins, l->n_plugins) = p;
	}
	return l->n_plugins ? 0 : err_config(err, IN_LIST ": no plugins in list");
}

int libcni_check_object(struct json_text t, struct err *err)
{
	static const struct {
		char kind;
		const char *name;
	} names[] = { { '[', "array" }, { '"', "string" }, { 't', "bool" }, { 'f', "bool" } };
	const char *name = "number";

	if (json_text_kind(t) == '{' || json_text_kind(t) == 'n')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].kind == json_text_kind(t))
			name = names[i].name;
	return err_set(err, ERR_DECODE,
		       "json: cannot unmarshal %s into Go value of type map[string]interface {}",
		       name);
}

int libcni_list_parse(const char *bytes, size_t len, struct libcni_list *out, struct err *err)
{
	*out = (struct libcni_list){ .name = "", .version = "", .bytes = bytes, .n_bytes = len };
	if (json_text(bytes, len, &out->text, err) < 0 || libcni_check_object(out->text, err) < 0)
		return err_wrap(err, IN_LIST);
	if (parse_name(out, err) < 0 || parse_version(out, err) < 0 ||
	    parse_switch(out, "disableCheck", &out->disable_check, err) < 0 ||
	    parse_switch(out, "disableGC", &out->disable_gc, err) < 0 ||
	    parse_switch(out, "loadOnlyInlinedPlugins", &out->only_inlined, err) < 0)
		return -1;
	return parse_plugins(out, err);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int read_conf(const char *path, const char **text, size_t *len, struct err *err)
{
	if (file_read(path, LIBCNI_FILE_MAX, json_arena(), text, len, err) == 0)
		return 0;
	if (err->sys)
		return err_set(err, ERR_INTERNAL, "error reading %s: open %s: %s", path, path,
			       libcni_words_errno(err->sys));
	return err_wrap(err, "error reading %s", path);
}

static bool has_ending(const char *name, const char *const *endings)
{
	const char *dot = strrchr(name, '.');

	for (; *endings; endings++)
		if (dot && !strcmp(dot, *endings))
			return true;
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The paths of the files with these endings, sorted; a directory that is not there has none. */
static int list_files(const char *dir, const char *const *endings, const char ***files, size_t *n,
		      struct err *err)
{
	size_t n_names;

	*n = 0;
	if (file_names(dir, NULL, json_arena(), files, &n_names, err) < 0)
		return err_set(err, ERR_INTERNAL, "open %s: %s", dir, libcni_words_errno(err->sys));
	file_sort_names(*files, n_names);
	for (size_t i = 0; i < n_names; i++) {
		const char *path = arena_printf(json_arena(), "%s/%s", dir, (*files)[i]);

		if (has_ending(path, endings) && !is_directory(path))
			(*files)[(*n)++] = path;
	}
	return 0;
}

static int read_plugin(const char *path, struct plugin_keys *k, struct libcni_plugin *out,
		       struct err *err)
{
	struct json_text text;
	const char *bytes;
	size_t len;

	if (read_conf(path, &bytes, &len, err) < 0)
		return -1;
	if (json_text(bytes, len, &text, err) < 0)
		return err_wrap(err, IN_CONF);
	return parse_plugin(text, k, out, err);
}

/* A network's directory has its name; a name that is none of the specification has no directory. */
static int add_from_directory(const char *dir, struct libcni_list *l, struct err *err)
{
	static const char *const endings[] = { ".conf", NULL };
	const char **files;
	size_t n;

	if (!str_is_cni_name(l->name))
		return 0;
	dir = arena_printf(json_arena(), "%s/%s", dir, l->name);
	if (list_files(dir, endings, &files, &n, err) < 0)
		return err_wrap(err, "failed to read plugin config files in %s", dir);
	for (size_t i = 0; i < n; i++) {
		struct plugin_keys k;
		struct libcni_plugin p;

		if (read_plugin(files[i], &k, &p, err) < 0)
			return -1;
		*arena_append(json_arena(), l->plugins, l->n_plugins) = p;
	}
	return 0;
}

int libcni_list_read(const char *path, struct libcni_list *out, struct err *err)
{
	const char *slash = strrchr(path, '/'), *bytes;
	size_t len;

	if (read_conf(path, &bytes, &len, err) < 0 || libcni_list_parse(bytes, len, out, err) < 0)
		return -1;
	if (!out->only_inlined &&
	    add_from_directory(slash ? arena_strndup(json_arena(), path, (size_t)(slash - path))
				     : ".",
			       out, err) < 0)
		return -1;
	return out->n_plugins ? 0 : err_config(err, "no plugin configs found");
}

/* ---- looking for one ------------------------------------------------------------------------- */

/* libcni's list of one plugin: compact, sorted, which is what the cache keeps of it. */
static int list_of(const struct libcni_plugin *p, const char *version, struct libcni_list *out,
		   struct err *err)
{
	struct json_buf b = { 0 };

	json_buf_add(&b, "{");
	json_buf_pair_str(&b, "cniVersion", version);
	json_buf_pair_str(&b, "name", p->name);
	json_buf_add_key(&b, "plugins");
	json_buf_add(&b, "[");
	json_buf_add_go(&b, p->text, (struct json_style){ .sorted = true });
	json_buf_add(&b, "]}");
	return libcni_list_parse(b.text, b.len, out, err);
}

static int not_found(const char *dir, const char *name, bool any, struct err *err)
{
	if (any)
		return err_config(err, "no net configuration with name \"%s\" in %s", name, dir);
	return err_config(err, "no net configurations found in %s", dir);
}

static int find_plugin(const char *dir, const char *name, bool any, struct libcni_list *out,
		       struct err *err)
{
	static const char *const endings[] = { ".conf", ".json", NULL };
	const char **files;
	size_t n;

	if (list_files(dir, endings, &files, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct plugin_keys k;
		struct libcni_plugin p;

		if (read_plugin(files[i], &k, &p, err) < 0)
			return -1;
		if (!strcmp(p.name, name))
			return list_of(&p, k.version, out, err);
	}
	return not_found(dir, name, any || n, err);
}

int libcni_list_find(const char *dir, const char *name, struct libcni_list *out, struct err *err)
{
	static const char *const endings[] = { ".conflist", NULL };
	const char **files;
	size_t n;

	if (list_files(dir, endings, &files, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (libcni_list_read(files[i], out, err) < 0)
			return -1;
		if (!strcmp(out->name, name))
			return 0;
	}
	return find_plugin(dir, name, n > 0, out, err);
}
