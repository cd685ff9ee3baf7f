/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/exec.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "cni/error.h"
#include "libcni/words.h"
#include "sys/spawn.h"
#include "json/text.h"

/* As Go prints the list that libcni has split the path into. */
static const char *printed(const char *dirs)
{
	char *s = arena_strdup(json_arena(), dirs);

	for (char *c = s; *c; c++)
		if (*c == ':')
			*c = ' ';
	return s;
}

int libcni_find(const char *type, const char *dirs, const char **path, struct err *err)
{
	char *rest = arena_strdup(json_arena(), dirs), *dir;
	struct stat st;

	if (!*type)
		return err_config(err, "no plugin name provided");
	if (strchr(type, '/'))
		return err_config(err, "invalid plugin name: %s", type);
	if (!*dirs)
		return err_config(err, "no paths provided");
	while ((dir = strsep(&rest, ":"))) {
		if (!*dir)
			continue;
		*path = arena_printf(json_arena(), "%s/%s", dir, type);
		if (stat(*path, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
	}
	return err_config(err, "failed to find plugin %s in path [%s]", libcni_words_quoted(type),
			  printed(dirs));
}

/* ---- its answer ------------------------------------------------------------------------------ */

/* Why it is no error object: it is cut short, or it is something else. */
static const char *fault_of(const struct libcni_answer *a)
{
	struct json_text ignored;
	struct err err = { 0 };

	if (json_text(a->out, a->out_len, &ignored, &err) < 0)
		return arena_strdup(json_arena(), err.msg);
	return "it is no error object";
}

static int failed(const struct libcni_exec *x, const struct libcni_answer *a,
		  const struct spawn_result *res, struct err *err)
{
	if (res->timed_out)
		return err_set(err, ERR_RETRY, "netplugin failed: %s has not ended after %d ms",
			       x->path, x->timeout_ms);
	if (!a->out_len && *res->said)
		return err_set(err, ERR_INTERNAL, "netplugin failed: %s",
			       libcni_words_quoted(res->said));
	if (!a->out_len)
		return err_set(err, ERR_INTERNAL, "netplugin failed with no error message: %s",
			       libcni_words_status(res->status));
	if (cni_error_parse(a->out, a->out_len, err) == 0) {
		err->code = err->code ? err->code : ERR_INTERNAL;
		return -1;
	}
	return err_set(err, ERR_INTERNAL,
		       "netplugin failed but error parsing its diagnostic message %.400s: %s",
		       libcni_words_quoted(a->out), fault_of(a));
}

/* It did not run: the system's reason. */
static int not_run(const struct libcni_exec *x, struct err *err)
{
	if (!err->sys)
		return -1;
	return err_set(err, ERR_INTERNAL,
		       "netplugin failed with no error message: fork/exec %s: %s", x->path,
		       libcni_words_errno(err->sys));
}

struct cni_env libcni_exec_env(const struct libcni_exec *x)
{
	return (struct cni_env){
		.command = cni_command_names[x->command],
		.container_id = x->container_id,
		.netns = x->netns,
		.ifname = x->ifname,
		.args = x->args,
		.path = x->cni_path,
	};
}

int libcni_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	const struct cni_env env = libcni_exec_env(x);
	const struct spawn s = {
		.path = x->path,
		.envp = cni_env_make(&env, json_arena()),
		.in = x->in,
		.in_len = x->in_len,
		.timeout_ms = x->timeout_ms,
		.listen = true,
	};
	struct spawn_result res = { 0 };
	int64_t start = clock_us();
	int rc = spawn(&s, &res, json_arena(), err);

	(void)ctx;
	*out = (struct libcni_answer){ .out = "", .exit_code = -1, .time_us = clock_us() - start };
	if (rc < 0)
		return not_run(x, err);
	out->out = res.out;
	out->out_len = res.out_len;
	out->exit_code =
		WIFSIGNALED(res.status) ? 128 + WTERMSIG(res.status) : WEXITSTATUS(res.status);
	return out->exit_code || res.timed_out ? failed(x, out, &res, err) : 0;
}
