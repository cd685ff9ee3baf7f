/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "cni/error.h"
#include "cni/version.h"
#include "skel/log.h"
#include "skel/request.h"
#include "sys/file.h"
#include "sys/netns.h"

struct run {
	struct cni_env env;
	struct cni_request req;
	struct cni_call call;
	struct log_times times;
	bool at_home; /* DEL: CNI_NETNS is the plugin's own namespace */
};

/* ---- stdin and stdout ------------------------------------------------------------------------ */

/* Not by stdio: what did not get out must not come out later, in front of the error object. */
static int put_line(struct cni_call *c, const char *text)
{
	const char *line = arena_printf(c->arena, "%s\n", text);

	if (file_write_fd(STDOUT_FILENO, line, strlen(line)) < 0)
		return err_sys(c->err, "print the result");
	return 0;
}

static int fail(struct run *r)
{
	(void)!put_line(&r->call, cni_error_print(r->call.err, r->req.net.version));
	return EXIT_FAILURE;
}

/* All of stdin, NUL-terminated; one byte over the limit is enough for json_parse() to refuse it. */
static int read_stdin(struct run *r)
{
	struct cni_call *c = &r->call;
	size_t size = 8192, used = 0;
	char *buf = NULL;

	for (ssize_t n = 0; used <= JSON_MAX_TEXT; size *= 2) {
		char *bigger = arena_alloc(c->arena, size);

		buf = used ? memcpy(bigger, buf, used) : bigger;
		n = file_read_fd(STDIN_FILENO, buf + used, size - 1 - used);
		if (n < 0) {
			err_fill(c->err, ERR_IO, errno, "error reading from stdin");
			return -1;
		}
		used += (size_t)n;
		if (used < size - 1)
			break;
	}
	buf[used] = '\0';
	r->req.stdin_text = buf;
	r->req.stdin_len = used;
	return 0;
}

/* ---- without a call -------------------------------------------------------------------------- */

/*
 * Without CNI_COMMAND this is for stderr. nerdctl reads the first line of firewall's, and compares
 * the version there with those of the reference in which policies came: behind a + it is a remark.
 */
static int about(const struct cni_plugin *p)
{
	fprintf(stderr, "CNI %s plugin %s%s%s\nCNI protocol versions supported: ", p->name,
		p->compat_version ? p->compat_version : "", p->compat_version ? "+cnic." : "",
		CNIC_VERSION);
	for (size_t i = 0; cni_versions[i]; i++)
		fprintf(stderr, "%s%s", i ? ", " : "", cni_versions[i]);
	fputc('\n', stderr);
	return EXIT_SUCCESS;
}

/* stdin is not read: the answer does not depend on it, and old callers send none. */
static int print_versions(struct run *r)
{
	struct json *o = json_object();
	size_t n = 0;

	while (cni_versions[n])
		n++;
	json_add_str(o, "cniVersion", CNI_VERSION_LATEST);
	json_add_strs(o, "supportedVersions", cni_versions, n);
	return put_line(&r->call, json_print(o)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the request ----------------------------------------------------------------------------- */

/* An unknown verb is said when the configuration's version is known. */
static int decode_conf(struct run *r)
{
	r->req.command = CNI_VERSION;
	for (unsigned int i = 0; i < CNI_VERSION; i++)
		if (!strcmp(r->env.command, cni_command_names[i]))
			r->req.command = (enum cni_command)i;
	return cni_request_decode(&r->req, r->call.err);
}

static int check_command(struct run *r)
{
	static const char *const since[CNI_COMMANDS] = {
		[CNI_CHECK] = "0.4.0",
		[CNI_GC] = "1.1.0",
		[CNI_STATUS] = "1.1.0",
	};
	enum cni_command command = r->req.command;

	if (command == CNI_VERSION)
		return err_set(r->call.err, ERR_ENV, "unknown CNI_COMMAND: %.80s", r->env.command);
	return cni_version_allows(r->req.net.version, r->env.command, since[command], r->call.err);
}

static int refuse_own_netns(struct cni_call *c)
{
	return err_set(c->err, ERR_NETNS,
		       "plugin's netns and netns from CNI_NETNS should not be the same");
}

/*
 * With the plugin's own namespace the host's network would be reworked. libcni looks after the
 * fact; here it is before. A DEL takes the container's for gone, so that what it held is released,
 * and fails in the end. An IPAM plugin needs no namespace.
 */
static int open_netns(struct run *r)
{
	enum cni_command command = r->req.command;
	struct cni_call *c = &r->call;
	bool may_be_gone = command == CNI_DEL || c->plugin->ipam, gone = false;

	if (command == CNI_GC || command == CNI_STATUS)
		return 0;
	if (netns_open(r->req.netns, &c->netns_fd, may_be_gone ? &gone : NULL, c->err) < 0)
		return -1;
	if (c->netns_fd < 0 || r->env.netns_override || command == CNI_CHECK)
		return 0;
	if (netns_is_home(c->netns_fd, &r->at_home, c->err) < 0)
		return -1;
	if (r->at_home)
		drop_fd(&c->netns_fd);
	return r->at_home && command == CNI_ADD ? refuse_own_netns(c) : 0;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* A result that cannot be written, or that this version cannot say, undoes what it tells of. */
static int print_result(struct cni_call *c)
{
	struct json *o;

	if (cni_result_json(&c->result, c->req->net.version, &o, c->err) < 0)
		return -1;
	return put_line(c, json_print(o));
}

/* stdin has not been read yet, and the error object carries the configuration's version. */
static int fail_early(struct run *r)
{
	const struct err first = *r->call.err;

	if (!isatty(STDIN_FILENO) && read_stdin(r) == 0)
		(void)!decode_conf(r);
	*r->call.err = first;
	return fail(r);
}

static int run_call(struct run *r)
{
	struct cni_call *c = &r->call;
	int rc;

	if (read_stdin(r) < 0 || decode_conf(r) < 0 || check_command(r) < 0 ||
	    cni_request_decode_prev(&r->req, c->err) < 0)
		return fail(r);
	if (open_netns(r) < 0) {
		drop_fd(&c->netns_fd);
		return fail(r);
	}
	r->times.ready = clock_us();
	rc = cni_run(c, r->req.command == CNI_ADD ? print_result : NULL);
	if (!rc && r->at_home)
		rc = refuse_own_netns(c);
	return rc < 0 ? fail(r) : EXIT_SUCCESS;
}

static int run(struct run *r)
{
	struct cni_env *env = &r->env;
	int rc;

	cni_env_read(env);
	if (!*env->command)
		return about(r->call.plugin);
	if (cni_env_check(env, r->call.err) < 0)
		return fail_early(r);
	if (!strcmp(env->command, cni_command_names[CNI_VERSION]))
		return print_versions(r);
	r->req.container_id = env->container_id;
	r->req.netns = env->netns;
	r->req.ifname = env->ifname;
	r->req.args = env->args;
	r->req.path = env->path;
	rc = run_call(r);
	log_call(&r->call, env->command, &r->times, rc);
	return rc;
}

/* The tool has said so on stderr; a runtime reads nothing but an error object. */
static int run_nothing(struct run *r, const char *name)
{
	cni_env_read(&r->env);
	if (!*r->env.command)
		return EXIT_FAILURE;
	(void)err_config(r->call.err, "%.80s: no such plugin in this executable", name);
	return fail_early(r);
}

int run_plugin(const struct cni_plugin *plugin, const char *name)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct run *r = arena_new(&arena, struct run);
	int rc;

	json_init(&arena);
	r->times.start = clock_us();
	r->call = (struct cni_call)CNI_CALL_INIT(.req = &r->req, .plugin = plugin, .arena = &arena,
						 .err = &err);
	rc = plugin ? run(r) : run_nothing(r, name);
	arena_free(&arena);
	return rc;
}
