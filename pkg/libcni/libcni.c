/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/libcni.h"

#include <string.h>

#include "cni/version.h"

static const struct libcni_attachment nothing = { .container_id = "", .netns = "", .ifname = "" };

static struct json_text valid_list(const struct libcni_valid *valid)
{
	struct json_buf b = { 0 };

	if (!valid)
		return json_buf_text(&b);
	json_buf_add(&b, "[");
	for (size_t i = 0; i < valid->n; i++) {
		json_buf_add(&b, i ? ",{" : "{");
		json_buf_pair_str(&b, "containerID", valid->list[i].container_id);
		json_buf_pair_str(&b, "ifname", valid->list[i].ifname);
		json_buf_add(&b, "}");
	}
	json_buf_add(&b, "]");
	return json_buf_text(&b);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

int libcni_add(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct json_text *result, struct err *err)
{
	*result = (struct json_text){ 0 };
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct libcni_plugin *p = &list->plugins[i];
		const struct libcni_injected in = { .prev = *result,
						    .runtime = libcni_runtime_config(p, a) };
		const struct libcni_request q = { p, CNI_ADD, a, &in };

		if (libcni_call(l, list, &q, result, err) < 0)
			return libcni_failed(p, "add", err);
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
	struct libcni_injected in = { 0 };

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
		const struct libcni_plugin *p = &list->plugins[i];
		const struct libcni_request q = { p, CNI_CHECK, a, &in };

		in.runtime = libcni_runtime_config(p, a);
		if (libcni_call(l, list, &q, NULL, err) < 0)
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
	if (l->warn && *list->name && *a->container_id && *a->ifname)
		l->warn(l->ctx, arena_printf(json_arena(),
					     "dropped the cached result of network %s, container "
					     "%s, interface %s: %s",
					     list->name, a->container_id, a->ifname, err.msg));
}

/* The error is the first's. */
static int del_all(const struct libcni *l, const struct libcni_list *list,
		   const struct libcni_attachment *a, struct json_text prev, struct err *err)
{
	struct libcni_injected in = { .prev = prev };
	int rc = 0;

	for (size_t i = list->n_plugins; i-- > 0 && (!rc || l->del_all);) {
		const struct libcni_plugin *p = &list->plugins[i];
		const struct libcni_request q = { p, CNI_DEL, a, &in };
		struct err later = { 0 };

		in.runtime = libcni_runtime_config(p, a);
		if (libcni_call(l, list, &q, NULL, rc ? &later : err) < 0 && !rc)
			rc = libcni_failed(p, "delete", err);
	}
	return rc;
}

int libcni_del(const struct libcni *l, const struct libcni_list *list,
	       const struct libcni_attachment *a, struct err *err)
{
	struct json_text prev = { 0 };

	if (check_version(list, err) < 0)
		return -1;
	if (cni_version_at_least(list->version, "0.4.0"))
		cached_or_drop(l, list, a, &prev);
	if (del_all(l, list, a, prev, err) < 0)
		return -1;
	libcni_cache_remove(l->cache_dir, list->name, a);
	return 0;
}

static bool is_valid(const struct libcni_attachment *a, const struct libcni_valid *valid)
{
	for (size_t i = 0; valid && i < valid->n; i++)
		if (!strcmp(valid->list[i].container_id, a->container_id) &&
		    !strcmp(valid->list[i].ifname, a->ifname))
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
		       const struct libcni_injected *in, struct errors *errors)
{
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct libcni_request q = { &list->plugins[i], CNI_GC, &nothing, in };
		struct err err = { 0 };

		if (libcni_call(l, list, &q, NULL, &err) == 0)
			continue;
		err_prefix(&err, "failed to GC plugin %s", list->plugins[i].type);
		collect(errors, &err);
	}
}

int libcni_gc(const struct libcni *l, const struct libcni_list *list,
	      const struct libcni_valid *valid, struct err **errs, size_t *n_errs, struct err *err)
{
	const struct libcni_injected in = { .valid = valid_list(valid) };
	struct errors errors = { 0 };
	struct libcni_cache_list cached;

	*errs = NULL;
	*n_errs = 0;
	if (list->disable_gc)
		return 0;
	if (libcni_cache_list(l->cache_dir, &cached, err) < 0) {
		err_clear(err); /* libcni's GC ends here, and well */
		return 0;
	}
	for (size_t i = 0; i < cached.n; i++) {
		const struct libcni_cached *c = &cached.entries[i];

		if (!strcmp(c->network, list->name) && !is_valid(&c->attachment, valid))
			del_stale(l, list, c, &errors);
	}
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
	const struct libcni_injected in = { 0 };

	if (!cni_version_at_least(list->version, "1.1.0"))
		return 0;
	for (size_t i = 0; i < list->n_plugins; i++) {
		const struct libcni_request q = { &list->plugins[i], CNI_STATUS, &nothing, &in };

		if (libcni_call(l, list, &q, NULL, err) < 0)
			return -1;
	}
	return 0;
}
