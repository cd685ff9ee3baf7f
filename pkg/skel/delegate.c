/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/delegate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cni/error.h"
#include "sys/spawn.h"

const struct cni_plugin *cni_in_process(const char *type, const struct stat *file)
{
	const char *always = getenv("CNI_ALWAYS_EXEC");
	struct stat self;

	if ((always && *always) || stat("/proc/self/exe", &self) < 0 ||
	    self.st_dev != file->st_dev || self.st_ino != file->st_ino)
		return NULL;
	return cni_plugin_named(type);
}

/*
 * What an ADD has reserved is released, be the plugin's file still there or not; a tool needs no
 * file for its ADD either.
 */
static const struct cni_plugin *own_ipam(const char *type)
{
	const struct cni_plugin *p = cni_plugin_named(type);

	return p && p->ipam ? p : NULL;
}

/* Walk CNI_PATH; the first regular file wins, as in libcni. */
int cni_ipam_find(struct cni_call *c, struct ipam *i)
{
	char *dirs = arena_strdup(c->arena, c->req->path), *dir;
	const char *type = c->req->net.ipam.type;
	struct stat st;

	*i = (struct ipam){ 0 };
	if (!*type)
		return 0;
	if (strchr(type, '/'))
		return err_config(c->err, "ipam.type: invalid plugin name: %s", type);
	while ((dir = strsep(&dirs, ":"))) {
		if (!*dir)
			continue; /* never look in the current directory */
		i->path = arena_printf(c->arena, "%s/%s", dir, type);
		if (stat(i->path, &st) == 0 && S_ISREG(st.st_mode)) {
			i->plugin = cni_in_process(type, &st);
			if (i->plugin && !i->plugin->ipam)
				i->plugin = NULL;
			return 0;
		}
	}
	i->path = NULL;
	if ((c->req->command == CNI_DEL || c->req->own_ipam) && (i->plugin = own_ipam(type))) {
		i->path = type;
		return 0;
	}
	return err_set(c->err, c->req->command == CNI_STATUS ? ERR_UNAVAILABLE : ERR_CONFIG,
		       "failed to find plugin \"%s\" in path [%s]", type, c->req->path);
}

/* ---- in this process ------------------------------------------------------------------------- */

/* As if it had not been: more than a DEL, which leaves round robin advanced. */
static void undo_in_process(struct cni_call *c, void *sub)
{
	(void)c;
	undo_all(sub);
}

/* What exec would have given the child, minus the exec. */
static int run_in_process(struct cni_call *c, const struct ipam *i, struct cni_result *out)
{
	struct cni_call *sub = arena_new(c->arena, struct cni_call);

	*sub = (struct cni_call)CNI_CALL_INIT(.req = c->req, .plugin = i->plugin, .arena = c->arena,
					      .err = c->err);
	if (i->plugin->asks_network && c->netns_fd >= 0)
		sub->netns_fd = fcntl(c->netns_fd, F_DUPFD_CLOEXEC, 3);
	if (cni_run(sub, NULL) < 0)
		return -1;
	if (c->req->command == CNI_ADD)
		undo_push(c, undo_in_process, sub);
	*out = sub->result;
	return 0;
}

/* ---- executed -------------------------------------------------------------------------------- */

static char **child_env(const struct cni_call *c, enum cni_command command)
{
	const struct cni_request *req = c->req;
	const struct cni_env env = {
		.command = cni_command_names[command],
		.container_id = req->container_id,
		.netns = req->netns,
		.ifname = req->ifname,
		.args = req->args,
		.path = req->path,
	};

	return cni_env_make(&env, c->arena);
}

/*
 * A delegate's error passes through unchanged; one that is no error object is told as it is, and
 * where it has no words, or the number of no error, it gets ours.
 */
static int child_failed(struct cni_call *c, const char *path, const struct spawn_result *res)
{
	if (!res->out_len && WIFSIGNALED(res->status))
		return err_set(c->err, ERR_INTERNAL, "%s: killed by signal %d", path,
			       WTERMSIG(res->status));
	if (!res->out_len)
		return err_set(c->err, ERR_INTERNAL,
			       "%s failed with no error message: exit status %d", path,
			       WEXITSTATUS(res->status));
	if (cni_error_parse(res->out, res->out_len, c->err) < 0)
		return err_set(c->err, ERR_INTERNAL,
			       "%s failed but its diagnostic message is no error object: %.400s",
			       path, res->out);
	if (!*c->err->msg)
		snprintf(c->err->msg, sizeof(c->err->msg), "%s failed with code %d and no message",
			 path, c->err->code);
	if (!c->err->code)
		c->err->code = ERR_INTERNAL;
	return -1;
}

static int exec_plugin(struct cni_call *c, const char *path, enum cni_command command,
		       struct spawn_result *res)
{
	const struct spawn s = {
		.path = path,
		.envp = child_env(c, command),
		.in = c->req->stdin_text,
		.in_len = c->req->stdin_len,
		.timeout_ms = c->req->timeout_ms,
	};

	if (spawn(&s, res, c->arena, c->err) < 0)
		return -1;
	if (res->timed_out)
		return err_set(c->err, ERR_RETRY, "%s has not ended after %d ms", path,
			       s.timeout_ms);
	if (!WIFEXITED(res->status) || WEXITSTATUS(res->status))
		return child_failed(c, path, res);
	return 0;
}

/*
 * CNI spec, section 4: a delegate whose ADD failed should get a DEL, whose result is ignored. Not
 * where it says that the attachment holds an address already: the DEL would release that one.
 */
static int clean_up(struct cni_call *c, const char *path)
{
	struct err first = *c->err;
	struct spawn_result res;

	if (first.code == ERR_IN_USE)
		return -1;
	(void)!exec_plugin(c, path, CNI_DEL, &res);
	*c->err = first;
	return -1;
}

static void undo_exec(struct cni_call *c, void *path)
{
	struct spawn_result res;

	if (exec_plugin(c, path, CNI_DEL, &res) < 0)
		fprintf(stderr, "rollback: release address: %s\n", c->err->msg);
}

static int run_executed(struct cni_call *c, const struct ipam *i, struct cni_result *out)
{
	enum cni_command command = c->req->command;
	struct spawn_result res = { 0 };
	const struct json *v;

	if (exec_plugin(c, i->path, command, &res) < 0)
		return command == CNI_ADD ? clean_up(c, i->path) : -1;
	if (command != CNI_ADD)
		return 0;
	if (json_parse(res.out, res.out_len, &v, c->err) < 0 ||
	    cni_result_parse(v, c->req->net.version, false, c->req->net.ipam.type, out, c->err) <
		    0) {
		(void)err_wrap(c->err, "result of %s", i->path);
		return clean_up(c, i->path);
	}
	undo_push(c, undo_exec, arena_strdup(c->arena, i->path));
	return 0;
}

static int run(struct cni_call *c, const struct ipam *i, struct cni_result *out)
{
	return i->plugin ? run_in_process(c, i, out) : run_executed(c, i, out);
}

int cni_ipam_add(struct cni_call *c, const struct ipam *i)
{
	struct cni_result r = { 0 };

	if (!i->path)
		return 0;
	if (run(c, i, &r) < 0)
		return -1;
	if (!r.n_ips)
		return err_set(c->err, ERR_INTERNAL, "IPAM plugin returned missing IP config");
	r.interfaces = c->result.interfaces;
	r.n_interfaces = c->result.n_interfaces;
	c->result = r;
	return 0;
}

int cni_ipam_forward(struct cni_call *c)
{
	struct cni_result ignored;
	struct ipam i;

	if (cni_ipam_find(c, &i) < 0)
		return -1;
	return i.path ? run(c, &i, &ignored) : 0;
}

bool cni_ipam_asks_network(const struct cni_call *c)
{
	const char *type = c->req->net.ipam.type;
	const struct cni_plugin *p = own_ipam(type);

	return p ? p->asks_network : *type;
}

bool cni_ipam_leases(const struct cni_call *c)
{
	const struct cni_plugin *p = own_ipam(c->req->net.ipam.type);

	return p && p->asks_network;
}

int cni_ipam_del_before(struct cni_call *c)
{
	return cni_ipam_leases(c) ? cni_ipam_forward(c) : 0;
}

int cni_ipam_del_after(struct cni_call *c)
{
	return cni_ipam_leases(c) ? 0 : cni_ipam_forward(c);
}
