/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/libcni.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cni/result.h"
#include "cni/version.h"

/* ---- a plugin's stdin ------------------------------------------------------------------------ */

/* What takes the place of a plugin's own keys; .at NULL: the plugin's own stays. */
struct injected {
	struct json_text prev, runtime, valid;
};

static bool is_injected(const char *key, const struct injected *in)
{
	static const char *const valid[] = { "cni.dev/valid-attachments", "cni.dev/attachments" };

	if (!strcmp(key, "name") || !strcmp(key, "cniVersion"))
		return true;
	if (in->valid.at && (!strcmp(key, valid[0]) || !strcmp(key, valid[1])))
		return true;
	return (in->prev.at && !strcmp(key, "prevResult")) ||
	       (in->runtime.at && !strcmp(key, "runtimeConfig"));
}

static void add_member(struct json_buf *b, const char *key, struct json_text value)
{
	if (!value.at)
		return;
	json_buf_add_key(b, key);
	json_buf_add_text(b, value);
}

/*
 * The plugin's object as it is written, and behind it, so that they count also where case does not,
 * the keys that are the runtime's.
 */
static const char *make_input(const struct libcni_list *list, const struct libcni_plugin *p,
			      const struct injected *in, size_t *len)
{
	struct json_walk w = json_walk(p->text);
	struct json_buf b = { 0 };
	struct json_member m;

	json_buf_add(&b, "{");
	while (json_walk_next(&w, &m))
		if (!is_injected(m.key, in))
			add_member(&b, m.key, m.value);
	json_buf_add_key(&b, "cniVersion");
	json_buf_add_str(&b, list->version);
	json_buf_add_key(&b, "name");
	json_buf_add_str(&b, list->name);
	add_member(&b, "prevResult", in->prev);
	add_member(&b, "runtimeConfig", in->runtime);
	add_member(&b, "cni.dev/valid-attachments", in->valid);
	add_member(&b, "cni.dev/attachments", in->valid);
	json_buf_add(&b, "}");
	*len = b.len;
	return b.text;
}

static struct json_text buf_text(const struct json_buf *b)
{
	return (struct json_text){ b->text, b->len };
}

/* Of the runtime's capability arguments those that the plugin declares; none: .at NULL. */
static struct json_text runtime_config(const struct libcni_plugin *p,
				       const struct libcni_attachment *a)
{
	struct json_walk w = json_walk(a->capability_args);
	struct json_buf b = { 0 };
	struct json_member m;

	while (json_walk_next(&w, &m)) {
		if (!libcni_plugin_is_capable(p, m.key))
			continue;
		if (!b.len)
			json_buf_add(&b, "{");
		add_member(&b, m.key, m.value);
	}
	if (b.len)
		json_buf_add(&b, "}");
	return buf_text(&b);
}

static struct json_text valid_list(const struct libcni_attachment *valid, size_t n)
{
	struct json_buf b = { 0 };

	if (!valid)
		return buf_text(&b);
	json_buf_add(&b, "[");
	for (size_t i = 0; i < n; i++) {
		json_buf_add(&b, i ? ",{" : "{");
		json_buf_add_key(&b, "containerID");
		json_buf_add_str(&b, valid[i].container_id);
		json_buf_add_key(&b, "ifname");
		json_buf_add_str(&b, valid[i].ifname);
		json_buf_add(&b, "}");
	}
	json_buf_add(&b, "]");
	return buf_text(&b);
}

/* ---- one call -------------------------------------------------------------------------------- */

static const struct libcni_attachment nothing = { .container_id = "", .netns = "", .ifname = "" };

static const char *args_text(const struct libcni_attachment *a)
{
	const char *text = "";

	for (size_t i = 0; i < a->n_args; i++)
		text = arena_printf(json_arena(), "%s%s%s=%s", text, i ? ";" : "", a->args[i].key,
				    a->args[i].value);
	return text;
}

static int check_names(const struct libcni_list *list, const struct libcni_attachment *a,
		       struct err *err)
{
	const char *fault = str_ifname_fault(a->ifname);

	if (!*a->container_id)
		return err_set(err, ERR_CONTAINER, "missing containerID");
	if (!str_is_cni_name(a->container_id)) {
		err_fill(err, ERR_ENV, 0, "invalid characters in containerID");
		snprintf(err->details, sizeof(err->details), "%s", a->container_id);
		return -1;
	}
	if (!*list->name)
		return err_config(err, "missing network name:");
	if (!str_is_cni_name(list->name)) {
		err_fill(err, ERR_CONFIG, 0, "invalid characters found in network name");
		snprintf(err->details, sizeof(err->details), "%s", list->name);
		return -1;
	}
	return fault ? err_set(err, ERR_ENV, "%s", fault) : 0;
}

/* CNI spec, section 4: an answer without a version has that of the question. */
static int take_result(const struct libcni_list *list, const struct libcni_answer *a,
		       struct json_text *result, struct err *err)
{
	struct json_text raw, version;
	const struct json *v;
	struct cni_result r;
	const char *name;
	struct json *o;

	if (json_text(a->out, a->out_len, &raw, err) < 0 ||
	    json_parse(a->out, a->out_len, &v, err) < 0)
		return err_wrap(err, "failed to unmarshal raw result");
	if (json_is_null(v))
		v = json_object();
	version = json_text_member(raw, "cniVersion");
	name = json_text_string(version);
	if (!name || !*name)
		name = list->version;
	if (cni_family(name) == CNI_FAMILY_NONE)
		return err_set(err, ERR_DECODE, "unsupported CNI result version \"%.80s\"", name);
	if (cni_result_parse(v, name, false, "result", &r, err) < 0 ||
	    cni_result_json(&r, name, &o, err) < 0)
		return -1;
	*result = json_text_own(json_print(o));
	return 0;
}

static int call(const struct libcni *l, const struct libcni_list *list,
		const struct libcni_plugin *p, enum cni_command command,
		const struct libcni_attachment *a, const struct injected *in,
		struct json_text *result, struct err *err)
{
	struct libcni_exec x = {
		.type = p->type,
		.command = command,
		.container_id = a->container_id,
		.netns = a->netns,
		.ifname = a->ifname,
		.args = args_text(a),
		.cni_path = l->path,
		.timeout_ms = l->timeout_ms,
	};
	struct libcni_answer answer = { 0 };
	int rc;

	if (libcni_find(p->type, l->path, &x.path, err) < 0 ||
	    (command == CNI_ADD && check_names(list, a, err) < 0))
		return -1;
	x.in = make_input(list, p, in, &x.in_len);
	rc = l->exec(&x, &answer, err);
	if (!rc && result)
		rc = take_result(list, &answer, result, err);
	if (l->step) {
		const struct json_text none = { 0 };

		l->step(l->ctx,
			&(struct libcni_step){ &x, &answer, in->prev,
					       result && !rc ? *result : none, rc ? err : NULL });
	}
	return rc;
}

/* As libcni names it in front of what went wrong. */
static int failed(const struct libcni_plugin *p, const char *verb, struct err *err)
{
	if (*p->name)
		return err_wrap(err, "plugin type=\"%s\" name=\"%s\" failed (%s)", p->type, p->name,
				verb);
	return err_wrap(err, "plugin type=\"%s\" failed (%s)", p->type, verb);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

int libcni_add(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct json_text *result, struct err *err)
{
	*result = (struct json_text){ 0 };
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct libcni_plugin *p = &list->plugins[i];
		const struct injected in = { .prev = *result, .runtime = runtime_config(p, a) };

		if (call(l, list, p, CNI_ADD, a, &in, result, err) < 0)
			return failed(p, "add", err);
	}
	if (libcni_cache_write(l->cache_dir, list, a, *result, err) < 0)
		return err_wrap(err, "failed to set network \"%s\" cached result", list->name);
	return 0;
}

static int check_version(const struct libcni_list *list, struct err *err)
{
	if (cni_version_is_number(list->version))
		return 0;
	return err_set(err, ERR_VERSION, "invalid version \"%.80s\"", list->version);
}

/* The result that was kept, as prevResult; .at NULL: there is none. */
static int cached(const struct libcni *l, const struct libcni_list *list,
		  const struct libcni_attachment *a, struct json_text *prev, struct err *err)
{
	const struct json *v;

	*prev = (struct json_text){ 0 };
	if (libcni_cache_result(l->cache_dir, list->name, a, list->version, &v, err) < 0)
		return -1;
	if (v)
		*prev = json_text_own(json_print(v));
	return 0;
}

int libcni_check(const struct libcni *l, const struct libcni_list *list,
		 const struct libcni_attachment *a, struct err *err)
{
	struct injected in = { 0 };

	if (check_version(list, err) < 0)
		return -1;
	if (!cni_version_at_least(list->version, "0.4.0"))
		return err_set(err, ERR_VERSION,
			       "configuration version \"%s\" does not support the CHECK command",
			       list->version);
	if (list->disable_check)
		return 0;
	if (cached(l, list, a, &in.prev, err) < 0)
		return err_wrap(err, "failed to get network \"%s\" cached result", list->name);
	for (size_t i = 0; i < list->n_plugins; i++) {
		in.runtime = runtime_config(&list->plugins[i], a);
		if (call(l, list, &list->plugins[i], CNI_CHECK, a, &in, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* What cannot be understood is of no use to a DEL, and would stand in the way of the next, too. */
static void cached_or_drop(const struct libcni *l, const struct libcni_list *list,
			   const struct libcni_attachment *a, struct json_text *prev)
{
	struct err err = { 0 };

	if (cached(l, list, a, prev, &err) == 0)
		return;
	libcni_cache_remove(l->cache_dir, list->name, a);
	if (l->warn)
		l->warn(l->ctx, arena_printf(json_arena(),
					     "dropped the cached result of network %s, container "
					     "%s, interface %s: %s",
					     list->name, a->container_id, a->ifname, err.msg));
}

int libcni_del(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct err *err)
{
	struct injected in = { 0 };

	if (check_version(list, err) < 0)
		return -1;
	if (cni_version_at_least(list->version, "0.4.0"))
		cached_or_drop(l, list, a, &in.prev);
	for (size_t i = list->n_plugins; i-- > 0;) {
		const struct libcni_plugin *p = &list->plugins[i];

		in.runtime = runtime_config(p, a);
		if (call(l, list, p, CNI_DEL, a, &in, NULL, err) < 0)
			return failed(p, "delete", err);
	}
	libcni_cache_remove(l->cache_dir, list->name, a);
	return 0;
}

static bool is_valid(const struct libcni_attachment *a, const struct libcni_attachment *valid,
		     size_t n)
{
	for (size_t i = 0; valid && i < n; i++)
		if (!strcmp(valid[i].container_id, a->container_id) &&
		    !strcmp(valid[i].ifname, a->ifname))
			return true;
	return false;
}

struct errors {
	struct err *list;
	size_t n;
};

static void collect(struct errors *errors, const struct err *err)
{
	*arena_append(json_arena(), errors->list, errors->n) = *err;
}

static void del_stale(const struct libcni *l, const struct libcni_list *list,
		      const struct libcni_cached *c, struct errors *errors)
{
	const struct libcni_attachment *a = &c->attachment;
	struct err err = { 0 };

	if (libcni_del(l, list, a, &err) == 0)
		return;
	err_prefix(&err, "failed to delete stale attachment %s %s", a->container_id, a->ifname);
	collect(errors, &err);
}

static void gc_plugins(const struct libcni *l, const struct libcni_list *list,
		       const struct injected *in, struct errors *errors)
{
	for (size_t i = 0; i < list->n_plugins; i++) {
		struct err err = { 0 };

		if (call(l, list, &list->plugins[i], CNI_GC, &nothing, in, NULL, &err) == 0)
			continue;
		err_prefix(&err, "failed to GC plugin %s", list->plugins[i].type);
		collect(errors, &err);
	}
}

int libcni_gc(const struct libcni *l, const struct libcni_list *list,
	      const struct libcni_attachment *valid, size_t n_valid, struct err **errs,
	      size_t *n_errs, struct err *err)
{
	const struct injected in = { .valid = valid_list(valid, n_valid) };
	struct errors errors = { 0 };
	struct libcni_cached *c;
	size_t n;

	*errs = NULL;
	*n_errs = 0;
	if (list->disable_gc)
		return 0;
	if (libcni_cache_list(l->cache_dir, &c, &n, err) < 0) {
		err_clear(err); /* libcni's GC ends here, and well */
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (!strcmp(c[i].network, list->name) &&
		    !is_valid(&c[i].attachment, valid, n_valid))
			del_stale(l, list, &c[i], &errors);
	if (cni_version_at_least(list->version, "1.1.0"))
		gc_plugins(l, list, &in, &errors);
	*errs = errors.list;
	*n_errs = errors.n;
	if (errors.n)
		*err = errors.list[0];
	return errors.n ? -1 : 0;
}

int libcni_status(const struct libcni *l, const struct libcni_list *list, struct err *err)
{
	const struct injected in = { 0 };

	if (!cni_version_at_least(list->version, "1.1.0"))
		return 0;
	for (size_t i = 0; i < list->n_plugins; i++)
		if (call(l, list, &list->plugins[i], CNI_STATUS, &nothing, &in, NULL, err) < 0)
			return -1;
	return 0;
}
