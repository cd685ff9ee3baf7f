/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the only main(), and the only file that reads stdin, prints to stdout, or sets the exit
 * status. One CNI call: environment, configuration, version gate, command, result or error object.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "skel/call.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "cmd/cnic.h"
#include "cni/version.h"
#include "sys/deferred.h"
#include "sys/netns.h"

/* Not by stdio: what did not get out must not come out later, in front of the error object. */
static int put_line(struct cni_call *c, const char *text)
{
	const char *line = arena_printf(c->arena, "%s\n", text);
	size_t left = strlen(line);

	while (left) {
		ssize_t n = write(STDOUT_FILENO, line, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(c->err, "print the result");
		line += n;
		left -= (size_t)n;
	}
	return 0;
}

static int fail(struct cni_call *c)
{
	const char *version = c->conf.version;
	struct json *o = json_object();

	if (!version || !*version || cni_family(version) == CNI_FAMILY_NONE)
		version = CNI_VERSION_LATEST;
	json_add_str(o, "cniVersion", version);
	json_add_uint(o, "code", (uint32_t)c->err->code);
	json_add_str(o, "msg", c->err->msg);
	if (c->err->details[0])
		json_add_str(o, "details", c->err->details);
	(void)!put_line(c, json_print(o));
	return EXIT_FAILURE;
}

/*
 * Without CNI_COMMAND a person is asking. nerdctl reads the first line of firewall's, and compares the version there
 * with those of the reference in which policies came: behind a + it is a remark.
 */
static int about(const struct cni_plugin *p)
{
	fprintf(stderr, "CNI %s plugin %s%s%s\nCNI protocol versions supported: ", p->name,
		p->like ? p->like : "", p->like ? "+cnic." : "", CNIC_VERSION);
	for (size_t i = 0; cni_versions[i]; i++)
		fprintf(stderr, "%s%s", i ? ", " : "", cni_versions[i]);
	fputc('\n', stderr);
	return EXIT_SUCCESS;
}

/* stdin is not read: the answer does not depend on it, and old callers send none. */
static int print_versions(struct cni_call *c)
{
	struct json *o = json_object();
	size_t n = 0;

	while (cni_versions[n])
		n++;
	json_add_str(o, "cniVersion", CNI_VERSION_LATEST);
	json_add_strs(o, "supportedVersions", cni_versions, n);
	return put_line(c, json_print(o)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* All of stdin, NUL-terminated; one byte over the limit is enough for json_parse() to refuse it. */
static int read_stdin(struct cni_call *c)
{
	size_t size = 8192, used = 0;
	char *buf = arena_alloc(c->arena, size);

	for (;;) {
		ssize_t n = read(STDIN_FILENO, buf + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_fill(c->err, ERR_IO, errno, "error reading from stdin");
			return -1;
		}
		used += (size_t)n;
		if (n == 0 || used > JSON_MAX_TEXT)
			break;
		if (used == size - 1) {
			char *bigger = arena_alloc(c->arena, size * 2);

			memcpy(bigger, buf, used);
			buf = bigger;
			size *= 2;
		}
	}
	buf[used] = '\0';
	c->stdin_text = buf;
	c->stdin_len = used;
	return 0;
}

static int decode_conf(struct cni_call *c, const char *command)
{
	const struct json *v;

	if (json_parse(c->stdin_text, c->stdin_len, &v, c->err) < 0)
		return -1;
	return cni_conf_decode(&c->conf, v, !strcmp(command, cni_command_names[CNI_DEL]), c->err);
}

/* Part of ADD: a result nobody can read, or that this version cannot say, undoes what it tells of. */
static int print_result(struct cni_call *c)
{
	const char *text;

	if (cni_result_print(&c->result, c->conf.version, &text, c->err) < 0)
		return -1;
	return put_line(c, text);
}

static int find_command(struct cni_call *c, const char *name)
{
	static const char *const since[] = {
		[CNI_CHECK] = "0.4.0",
		[CNI_GC] = "1.1.0",
		[CNI_STATUS] = "1.1.0",
		[CNI_VERSION] = NULL,
	};

	for (unsigned int i = 0; i < CNI_VERSION; i++) {
		if (strcmp(name, cni_command_names[i]) != 0)
			continue;
		c->command = (enum cni_command)i;
		if (c->command == CNI_ADD)
			c->finish = print_result;
		return cni_version_allows(c->conf.version, name, since[i], c->err);
	}
	return err_set(c->err, ERR_ENV, "unknown CNI_COMMAND: %.80s", name);
}

static int own_netns(struct cni_call *c)
{
	return err_set(c->err, ERR_NETNS,
		       "plugin's netns and netns from CNI_NETNS should not be the same");
}

/*
 * A runtime that passes the plugin's own namespace would have us rework the host's. libcni looks after
 * the fact; we look before. DEL then takes the container's for gone, so that what it held is released,
 * and says so in the end. An IPAM plugin needs no namespace.
 */
static int open_netns(struct cni_call *c, const struct cni_env *env)
{
	bool may_be_gone = c->command == CNI_DEL || c->plugin->ipam, gone = false, home;

	if (c->command == CNI_GC || c->command == CNI_STATUS)
		return 0;
	if (netns_open(env->netns, &c->netns_fd, may_be_gone ? &gone : NULL, c->err) < 0)
		return -1;
	if (c->netns_fd < 0 || env->netns_override || c->command == CNI_CHECK)
		return 0;
	if (netns_is_home(c->netns_fd, &home, c->err) < 0)
		return -1;
	if (!home)
		return 0;
	if (c->command == CNI_ADD)
		return own_netns(c);
	close_fd(&c->netns_fd);
	c->netns_fd = -1;
	c->finish = own_netns;
	return 0;
}

/* stdin has not been read yet, and the error object carries the configuration's version. */
static int fail_early(struct cni_call *c)
{
	const struct err first = *c->err;

	if (!isatty(STDIN_FILENO) && read_stdin(c) == 0)
		(void)!decode_conf(c, cni_command_names[CNI_DEL]);
	*c->err = first;
	return fail(c);
}

static int run(struct cni_call *c)
{
	struct cni_env env;

	cni_env_read(&env);
	if (!*env.command)
		return about(c->plugin);
	if (cni_env_check(&env, c->err) < 0)
		return fail_early(c);
	if (!strcmp(env.command, cni_command_names[CNI_VERSION]))
		return print_versions(c);
	c->container_id = env.container_id;
	c->netns = env.netns;
	c->ifname = env.ifname;
	c->args = env.args;
	c->path = env.path;
	if (read_stdin(c) < 0 || decode_conf(c, env.command) < 0 ||
	    find_command(c, env.command) < 0 || open_netns(c, &env) < 0 || cni_run(c) < 0)
		return fail(c);
	return EXIT_SUCCESS;
}

/* The tool has said so to a person; a runtime hears nothing but an error object. */
static int run_nothing(struct cni_call *c, const char *name)
{
	const char *command = getenv("CNI_COMMAND");

	if (!command || !*command)
		return EXIT_FAILURE;
	(void)err_set(c->err, ERR_CONFIG, "%.80s: no such plugin in this executable", name);
	return fail_early(c);
}

static int cni_main(const struct cni_plugin *plugin, const char *name)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct cni_call c = {
		.plugin = plugin,
		.netns_fd = -1,
		.lock_fd = -1,
		.arena = &arena,
		.err = &err,
	};
	int rc;

	json_init(&arena);
	rc = plugin ? run(&c) : run_nothing(&c, name);
	arena_free(&arena);
	deferred_close_all();
	return rc;
}

/*
 * Were one of them closed, the first socket or file we open would get its number, and a result be
 * written into it. The stand-ins are opened the wrong way round: using them is an error.
 */
static void occupy_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILURE);
}

/* An executable that is one plugin is that one under every name. */
static const struct cni_plugin *find_plugin(const char *name)
{
	return cni_plugins[1] ? cni_plugin_named(name) : cni_plugins[0];
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";
	const struct cni_plugin *plugin = find_plugin(name);
	int rc = -1;

	occupy_stdio();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a write that is too long fails, and is taken back */
	(void)signal(SIGCHLD, SIG_DFL); /* ignored by our parent, no child could be waited for */
	if (!plugin)
		rc = cni_tool(argc, argv);
	return rc < 0 ? cni_main(plugin, name) : rc;
}
