/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/call.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cni/result.h"
#include "cni/version.h"
#include "libcni/words.h"

/* ---- a plugin's stdin ------------------------------------------------------------------------ */

static bool is_injected(const char *key, const struct libcni_injected *in)
{
	static const char *const valid[] = { "cni.dev/valid-attachments", "cni.dev/attachments" };

	if (!strcmp(key, "name") || !strcmp(key, "cniVersion"))
		return true;
	if (in->valid.at && (!strcmp(key, valid[0]) || !strcmp(key, valid[1])))
		return true;
	return (in->prev.at && !strcmp(key, "prevResult")) ||
	       (in->runtime.at && !strcmp(key, "runtimeConfig"));
}

/*
 * The plugin's object as it is written, and behind it, so that they count also where case does not,
 * the keys that are the runtime's.
 */
const char *libcni_input(const struct libcni_list *list, const struct libcni_plugin *p,
			 const struct libcni_injected *in, size_t *len)
{
	struct json_walk w = json_walk(p->text);
	struct json_buf b = { 0 };
	struct json_member m;

	json_buf_add(&b, "{");
	while (json_walk_next(&w, &m))
		if (!is_injected(m.key, in))
			json_buf_pair_text(&b, m.key, m.value);
	json_buf_pair_str(&b, "cniVersion", list->version);
	json_buf_pair_str(&b, "name", list->name);
	json_buf_pair_text(&b, "prevResult", in->prev);
	json_buf_pair_text(&b, "runtimeConfig", in->runtime);
	json_buf_pair_text(&b, "cni.dev/valid-attachments", in->valid);
	json_buf_pair_text(&b, "cni.dev/attachments", in->valid);
	json_buf_add(&b, "}");
	*len = b.len;
	return b.text;
}

struct json_text libcni_runtime_config(const struct libcni_plugin *p,
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
		json_buf_pair_text(&b, m.key, m.value);
	}
	if (b.len)
		json_buf_add(&b, "}");
	return json_buf_text(&b);
}

/* ---- one call -------------------------------------------------------------------------------- */

static const char *args_text(const struct libcni_attachment *a)
{
	struct json_buf b = { 0 };

	for (size_t i = 0; i < a->n_args; i++) {
		json_buf_add(&b, i ? ";" : "");
		json_buf_add(&b, a->args[i].key);
		json_buf_add(&b, "=");
		json_buf_add(&b, a->args[i].value);
	}
	return b.len ? b.text : "";
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
	if (!fault)
		return 0;
	err_fill(err, ERR_ENV, 0, "%s", fault);
	if (strlen(a->ifname) >= IFNAMSIZ)
		snprintf(err->details, sizeof(err->details),
			 "interface name should be less than %d characters", IFNAMSIZ);
	return -1;
}

/* The result as it is written, but for its version. */
static struct json_text with_version(struct json_text result, const char *version)
{
	struct json_walk w = json_walk(result);
	struct json_buf b = { 0 };
	struct json_member m;

	json_buf_add(&b, "{");
	while (json_walk_next(&w, &m))
		if (strcmp(m.key, "cniVersion") != 0)
			json_buf_pair_text(&b, m.key, m.value);
	json_buf_pair_str(&b, "cniVersion", version);
	json_buf_add(&b, "}");
	return json_buf_text(&b);
}

/* CNI spec, section 4: an answer whose version is no string, or none, has that of the question. */
static int take_result(const struct libcni_list *list, const struct libcni_answer *a,
		       struct json_text *result, struct err *err)
{
	struct json_text raw;
	const struct json *v;
	struct cni_result r;
	const char *version;

	if (json_text(a->out, a->out_len, &raw, err) < 0 || libcni_check_object(raw, err) < 0)
		return err_wrap(err, "failed to unmarshal raw result");
	version = json_text_string(json_text_member(raw, "cniVersion"));
	if (!version || !*version)
		version = list->version;
	if (cni_family(version) == CNI_FAMILY_NONE)
		return err_set(err, ERR_DECODE, "unsupported CNI result version \"%.80s\"",
			       version);
	raw = with_version(raw, version);
	if (json_parse_max(raw.at, raw.len, SIZE_MAX, &v, err) < 0)
		return err_wrap(err, "failed to unmarshal raw result");
	if (cni_result_parse(v, version, false, "result", &r, err) < 0)
		return -1;
	*result = json_text_own(json_print(cni_result_object(&r, version)));
	return 0;
}

int libcni_call(const struct libcni *l, const struct libcni_list *list,
		const struct libcni_request *q, struct json_text *result, struct err *err)
{
	const struct libcni_attachment *a = q->attachment;
	struct libcni_exec x = {
		.type = q->plugin->type,
		.command = q->command,
		.container_id = a->container_id,
		.netns = a->netns,
		.ifname = a->ifname,
		.args = args_text(a),
		.cni_path = l->path,
		.timeout_ms = l->timeout_ms,
	};
	struct libcni_answer answer = { 0 };
	int rc;

	rc = l->find ? l->find(l->ctx, x.type, l->path, &x.path, err)
		     : libcni_find(x.type, l->path, &x.path, err);
	if (rc < 0 || (x.command == CNI_ADD && check_names(list, a, err) < 0))
		return -1;
	x.in = libcni_input(list, q->plugin, q->injected, &x.in_len);
	rc = l->exec(l->ctx, &x, &answer, err);
	if (!rc && result)
		rc = take_result(list, &answer, result, err);
	if (l->step) {
		const struct json_text none = { 0 };

		l->step(l->ctx,
			&(struct libcni_step){ &x, &answer, q->injected->prev,
					       result && !rc ? *result : none, rc ? err : NULL });
	}
	return rc;
}

int libcni_failed(const struct libcni_plugin *p, const char *verb, struct err *err)
{
	const char *type = libcni_words_quoted(p->type);

	if (*p->name)
		return err_wrap(err, "plugin type=%s name=%s failed (%s)", type,
				libcni_words_quoted(p->name), verb);
	return err_wrap(err, "plugin type=%s failed (%s)", type, verb);
}
