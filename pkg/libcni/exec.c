/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/exec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cni/error.h"
#include "sys/spawn.h"
#include "json/json.h"

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
	return err_config(err, "failed to find plugin \"%s\" in path [%s]", type, printed(dirs));
}

/* ---- its environment ------------------------------------------------------------------------- */

static const char *const set[] = { "CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS",
				   "CNI_ARGS",    "CNI_IFNAME",      "CNI_PATH" };

static bool is_set(const char *variable)
{
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		size_t n = strlen(set[i]);

		if (!strncmp(variable, set[i], n) && variable[n] == '=')
			return true;
	}
	return false;
}

/* Ours, with the call's variables in place of those of the same name. */
static char **make_env(const struct libcni_exec *x)
{
	const char *const values[] = { cni_command_names[x->command],
				       x->container_id,
				       x->netns,
				       x->args,
				       x->ifname,
				       x->cni_path };
	size_t n = 0, out = 0;
	char **env;

	while (environ[n])
		n++;
	env = arena_array(json_arena(), char *, n + ARRAY_SIZE(set) + 1);
	for (size_t i = 0; i < n; i++)
		if (!is_set(environ[i]))
			env[out++] = environ[i];
	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		env[out++] = arena_printf(json_arena(), "%s=%s", set[i], values[i]);
	return env;
}

/* ---- its answer ------------------------------------------------------------------------------ */

/* As Go's %q, but that nothing beyond ASCII is escaped. */
static const char *quoted(const char *s)
{
	static const char named[] = "\"\"\\\\\aa\bb\ff\nn\rr\tt\vv"; /* the byte, its letter */
	char *out = arena_alloc(json_arena(), strlen(s) * 4 + 3), *o = out;

	*o++ = '"';
	for (; *s; s++) {
		const char *letter = named;

		while (*letter && *letter != *s)
			letter += 2;
		if (*letter)
			o += snprintf(o, 3, "\\%c", letter[1]);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			o += snprintf(o, 5, "\\x%02x", (unsigned char)*s);
		else
			*o++ = *s;
	}
	*o = '"';
	return out;
}

static int no_words(const struct libcni_answer *a, bool by_signal, struct err *err)
{
	if (!by_signal)
		return err_set(err, ERR_INTERNAL,
			       "netplugin failed with no error message: exit status %d",
			       a->exit_code);
	return err_set(err, ERR_INTERNAL, "netplugin failed with no error message: signal: %s",
		       a->exit_code == 128 + SIGKILL ? "killed" : strsignal(a->exit_code - 128));
}

static int failed(const struct libcni_exec *x, const struct libcni_answer *a,
		  const struct spawn_result *res, struct err *err)
{
	if (res->timed_out)
		return err_set(err, ERR_RETRY, "netplugin failed: %s has not ended after %d ms",
			       x->path, x->timeout_ms);
	if (!a->out_len && *res->said)
		return err_set(err, ERR_INTERNAL, "netplugin failed: %s", quoted(res->said));
	if (!a->out_len)
		return no_words(a, WIFSIGNALED(res->status), err);
	if (cni_error_parse(a->out, a->out_len, err) == 0) {
		err->code = err->code ? err->code : ERR_INTERNAL;
		return -1;
	}
	return err_set(err, ERR_INTERNAL,
		       "netplugin failed but error parsing its diagnostic message %.400s: it is no "
		       "error object",
		       quoted(a->out));
}

/* It did not run: the system's reason in Go's words, which begin with a small letter. */
static int not_run(const struct libcni_exec *x, struct err *err)
{
	char *why = arena_strdup(json_arena(), strerror(err->sys));

	if (!err->sys)
		return -1;
	*why = (char)tolower((unsigned char)*why);
	return err_set(err, ERR_INTERNAL,
		       "netplugin failed with no error message: fork/exec %s: %s", x->path, why);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int libcni_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	const struct spawn s = {
		.path = x->path,
		.envp = make_env(x),
		.in = x->in,
		.in_len = x->in_len,
		.timeout_ms = x->timeout_ms,
		.listen = true,
	};
	struct spawn_result res = { 0 };
	int64_t start = now_us();
	int rc = spawn(&s, &res, json_arena(), err);

	(void)ctx;
	*out = (struct libcni_answer){ .out = "", .exit_code = -1, .time_us = now_us() - start };
	if (rc < 0)
		return not_run(x, err);
	out->out = res.out;
	out->out_len = res.out_len;
	out->exit_code =
		WIFSIGNALED(res.status) ? 128 + WTERMSIG(res.status) : WEXITSTATUS(res.status);
	return out->exit_code || res.timed_out ? failed(x, out, &res, err) : 0;
}
