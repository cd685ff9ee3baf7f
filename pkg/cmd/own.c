/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/own.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "skel/delegate.h"
#include "skel/log.h"
#include "skel/request.h"

/* One that ends in a plugin's name, such as accelerated-bridge, may be another vendor's own. */
int own_find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	const struct cni_plugin *p = cni_plugin_named(type);

	(void)ctx;
	if (libcni_find(type, dirs, path, err) == 0)
		return 0;
	if (!p || strcmp(p->name, type) != 0)
		return -1;
	err_clear(err);
	*path = OWN_PATH;
	return 0;
}

/* A result that cannot be said is taken back. */
static int answer(struct cni_call *part, struct libcni_answer *out)
{
	struct json *o;

	if (part->req->command != CNI_ADD || !out)
		return 0;
	if (cni_result_json(&part->result, part->req->net.version, &o, part->err) < 0) {
		cni_undo_part(part);
		return -1;
	}
	out->out = json_print(o);
	out->out_len = strlen(out->out);
	return 0;
}

static int run_part(struct cni_call *outer, struct cni_request *req,
		    const struct cni_plugin *plugin, struct libcni_answer *out)
{
	struct cni_call part = CNI_CALL_INIT(.req = req, .plugin = plugin, .arena = json_arena(),
					     .err = outer->err);
	struct log_times times = { .start = clock_us() };
	int rc;

	if (cni_request_decode(req, outer->err) < 0 || cni_request_decode_prev(req, outer->err) < 0)
		return -1;
	times.ready = clock_us();
	rc = cni_run_part(outer, &part);
	if (!rc)
		rc = answer(&part, out);
	log_call(&part, cni_command_names[req->command], &times, rc);
	return rc;
}

/* The names are those of a file, not of a runtime: the same is asked of them. */
int own_run(struct cni_call *outer, const struct cni_plugin *plugin, const struct libcni_exec *x,
	    struct libcni_answer *out, struct err *err)
{
	const struct cni_env env = libcni_exec_env(x);
	struct cni_request req = {
		.command = x->command,
		.container_id = x->container_id,
		.netns = x->netns,
		.ifname = x->ifname,
		.args = x->args,
		.path = x->cni_path,
		.stdin_text = x->in,
		.stdin_len = x->in_len,
		.timeout_ms = x->timeout_ms,
		.own_ipam = true,
		.keep_entry = outer->req->keep_entry,
	};

	if (cni_env_check(&env, err) < 0)
		return -1;
	if (run_part(outer, &req, plugin, out) == 0)
		return 0;
	*err = *outer->err;
	err_clear(outer->err);
	return -1;
}

/* What own_find() has found nowhere is in no file that could be executed. */
int own_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	const struct cni_plugin *plugin = NULL;
	struct stat st;

	if (!strcmp(x->path, OWN_PATH))
		plugin = cni_plugin_named(x->type);
	else if (stat(x->path, &st) == 0)
		plugin = cni_in_process(x->type, &st);
	*out = (struct libcni_answer){ .out = "" };
	return plugin ? own_run(ctx, plugin, x, out, err) : libcni_exec(NULL, x, out, err);
}
