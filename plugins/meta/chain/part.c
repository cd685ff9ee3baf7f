/* SPDX-License-Identifier: Apache-2.0 */
#include "part.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "skel/delegate.h"
#include "skel/log.h"
#include "skel/request.h"

/* ---- loading --------------------------------------------------------------------------------- */

static bool is_chain(const char *type)
{
	const struct cni_plugin *p = cni_plugin_named(type);

	return p && !strcmp(p->name, "chain");
}

static int run_plugin_of(void *ctx, const struct libcni_exec *x, struct libcni_answer *out,
			 struct err *err);

#define NO_FILE "" /* the path of a plugin of this executable that is on no CNI_PATH */

/* For a tool, such as gc or run: it needs no file of a plugin of this executable. */
static int find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	const struct cni_request *req = ((const struct chain *)ctx)->call->req;

	if (libcni_find(type, dirs, path, err) == 0)
		return 0;
	if (!req->own_ipam || !cni_plugin_named_alike(type, req->net.type, "chain"))
		return -1;
	err_clear(err);
	*path = NO_FILE;
	return 0;
}

/* As json_get() finds it: whatever the case of its letters, the last one, null is absent. */
static struct json_text member(struct json_text object, const char *key)
{
	struct json_walk w = json_walk(object);
	struct json_text found = { 0 };
	struct json_member m;

	while (w.kind == '{' && json_walk_next(&w, &m))
		if (!strcasecmp(m.key, key) && json_text_kind(m.value) != 'n')
			found = m.value;
	return found;
}

static int load_plugin(struct chain *chain, size_t i, struct json_text text)
{
	struct libcni_list *list = &chain->list;
	struct err *err = chain->call->err;
	struct libcni_plugin p;

	if (i >= CNI_PARTS_MAX)
		return err_config(err, "plugins: longer than %d", CNI_PARTS_MAX);
	if (libcni_plugin_parse(text, &p, err) < 0)
		return err_wrap(err, "plugins[%zu]", i);
	if (strchr(p.type, '/'))
		return err_config(err, "plugins[%zu].type: invalid plugin name: %.80s", i, p.type);
	if (is_chain(p.type))
		return err_config(err, "plugins[%zu].type: a chain in a chain", i);
	*arena_append(json_arena(), list->plugins, list->n_plugins) = p;
	return 0;
}

/* `steps`: of those that are wrong each is a step that has failed, and the others are loaded. */
static int load_plugins(struct chain *chain, struct json_text plugins, struct cni_steps *steps)
{
	struct cni_call *c = chain->call;
	struct json_walk w = json_walk(plugins);
	struct json_member m;
	int rc = 0;

	if (json_text_kind(plugins) != '[')
		return err_config(c->err, "plugins: missing, or no list");
	for (size_t i = 0; i <= CNI_PARTS_MAX && !rc && json_walk_next(&w, &m); i++) {
		rc = load_plugin(chain, i, m.value);
		if (steps) {
			cni_step(c, steps, rc);
			rc = 0;
		}
	}
	return rc;
}

int chain_load(struct cni_call *c, struct chain *chain, struct cni_steps *steps)
{
	const struct cni_request *req = c->req;
	struct json_text text;

	if (json_text(req->stdin_text, req->stdin_len, &text, c->err) < 0)
		return -1;
	chain->call = c;
	chain->list.name = req->net.name;
	chain->list.version = req->net.version;
	chain->libcni = (struct libcni){ .path = req->path,
					 .timeout_ms = req->timeout_ms,
					 .find = find,
					 .exec = run_plugin_of,
					 .ctx = chain };
	chain->attachment = (struct libcni_attachment){
		.container_id = req->container_id,
		.netns = req->netns,
		.ifname = req->ifname,
		.capability_args = member(text, "runtimeConfig"),
	};
	chain->prev = member(text, "prevResult");
	chain->valid = member(text, "cni.dev/valid-attachments");
	if (!chain->valid.at)
		chain->valid = member(text, "cni.dev/attachments");
	if (!chain->valid.at && req->net.has_attachments) /* null, as Go writes an empty list */
		chain->valid = json_text_own("[]");
	return load_plugins(chain, member(text, "plugins"), steps);
}

int chain_find_all(struct chain *chain)
{
	const struct cni_call *c = chain->call;
	const char *path;

	for (size_t i = 0; i < chain->list.n_plugins; i++)
		if (find(chain, chain->list.plugins[i].type, c->req->path, &path, c->err) < 0) {
			if (c->req->command == CNI_STATUS)
				c->err->code = ERR_UNAVAILABLE;
			return err_wrap(c->err, "plugins[%zu].type", i);
		}
	return 0;
}

/* ---- in this process ------------------------------------------------------------------------- */

/* What exec would have given the child, minus the exec. */
static int make_part(struct chain *chain, const struct libcni_exec *x,
		     const struct cni_plugin *plugin, struct cni_call *part)
{
	struct cni_call *c = chain->call;
	struct cni_request *req = arena_new(c->arena, struct cni_request);

	*req = (struct cni_request){
		.command = x->command,
		.container_id = x->container_id,
		.netns = x->netns,
		.ifname = x->ifname,
		.args = c->req->args,
		.path = x->cni_path,
		.stdin_text = x->in,
		.stdin_len = x->in_len,
		.timeout_ms = x->timeout_ms,
		.own_ipam = c->req->own_ipam,
		.keep_entry = c->req->keep_entry,
	};
	*part = (struct cni_call)CNI_CALL_INIT(.req = req, .plugin = plugin, .arena = c->arena,
					       .err = c->err);
	if (cni_request_decode(req, c->err) < 0)
		return -1;
	return cni_request_decode_prev(req, c->err);
}

static int run_part(struct chain *chain, const struct libcni_exec *x,
		    const struct cni_plugin *plugin, struct libcni_answer *out)
{
	struct cni_call *c = chain->call, *part = arena_new(c->arena, struct cni_call);
	struct json *o;

	struct log_times times = { .start = clock_us() };
	int rc;

	if (make_part(chain, x, plugin, part) < 0)
		return -1;
	times.ready = clock_us();
	rc = cni_run_part(c, part);
	log_call(part, cni_command_names[x->command], &times, rc);
	if (rc < 0)
		return -1;
	if (x->command != CNI_ADD)
		return 0;
	chain->done[chain->n_done++] = (struct chain_done){ .part = part };
	if (cni_result_json(&part->result, part->req->net.version, &o, c->err) < 0)
		return -1;
	out->out = json_print(o);
	out->out_len = strlen(out->out);
	return 0;
}

/* ---- executed -------------------------------------------------------------------------------- */

/* One that says that the attachment is there already has added nothing (skel/delegate.h). */
static int run_executed(struct chain *chain, const struct libcni_exec *x, struct libcni_answer *out)
{
	struct cni_call *c = chain->call;
	int rc;

	rc = libcni_exec(NULL, x, out, c->err);
	if (x->command == CNI_ADD && (!rc || c->err->code != ERR_IN_USE))
		chain->done[chain->n_done++] = (struct chain_done){ .exec = *x };
	return rc;
}

static int run_plugin_of(void *ctx, const struct libcni_exec *x, struct libcni_answer *out,
			 struct err *err)
{
	struct chain *chain = ctx;
	const struct cni_plugin *plugin = NULL;
	struct libcni_exec with_args = *x;
	struct stat st;

	(void)err; /* the call's */
	with_args.args = chain->call->req->args;
	if (!strcmp(x->path, NO_FILE))
		plugin = cni_plugin_named(x->type);
	else if (stat(x->path, &st) == 0)
		plugin = cni_in_process(x->type, &st);
	return plugin ? run_part(chain, &with_args, plugin, out)
		      : run_executed(chain, &with_args, out);
}

int chain_call(struct chain *chain, size_t i, struct json_text prev, struct json_text *result)
{
	const struct cni_call *c = chain->call;
	const struct libcni_plugin *p = &chain->list.plugins[i];
	struct libcni_injected in = { .prev = prev };
	const struct libcni_request q = { p, c->req->command, &chain->attachment, &in };

	if (c->req->command == CNI_GC)
		in.valid = chain->valid;
	else if (c->req->command != CNI_STATUS)
		in.runtime = libcni_runtime_config(p, &chain->attachment);
	return libcni_call(&chain->libcni, &chain->list, &q, result, c->err);
}

int chain_take_result(struct cni_call *c, struct json_text result)
{
	const struct json *v;

	if (json_parse(result.at, result.len, &v, c->err) < 0)
		return -1;
	return cni_result_parse(v, c->req->net.version, false, "result", &c->result, c->err);
}

/* ---- taken back ------------------------------------------------------------------------------ */

static void undo_exec(struct cni_call *c, const struct chain_done *d)
{
	struct libcni_exec x = d->exec;
	struct libcni_answer ignored;

	x.command = CNI_DEL;
	if (libcni_exec(NULL, &x, &ignored, c->err) < 0)
		fprintf(stderr, "rollback: %s: %s\n", x.type, c->err->msg);
}

void chain_undo(struct cni_call *c, void *arg)
{
	struct chain *chain = arg;

	while (chain->n_done) {
		const struct chain_done *d = &chain->done[--chain->n_done];

		if (d->part)
			cni_undo_part(d->part);
		else
			undo_exec(c, d);
	}
}
