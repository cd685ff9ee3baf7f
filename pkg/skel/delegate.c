/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/delegate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/spawn.h"

struct program {
	const char *path;
	struct stat st;
};

/* Walk CNI_PATH; the first regular file wins, as in libcni. */
static int find(struct cni_call *c, const char *type, struct program *p)
{
	char *dirs = arena_strdup(c->arena, c->path), *dir;

	if (!*type)
		return err_set(c->err, ERR_CONFIG, "ipam.type: missing");
	if (strchr(type, '/'))
		return err_set(c->err, ERR_CONFIG, "ipam.type: invalid plugin name: %s", type);
	while ((dir = strsep(&dirs, ":"))) {
		if (!*dir)
			continue; /* never look in the current directory */
		p->path = arena_printf(c->arena, "%s/%s", dir, type);
		if (!stat(p->path, &p->st) && S_ISREG(p->st.st_mode))
			return 0;
	}
	return err_set(c->err, c->command == CNI_STATUS ? ERR_UNAVAILABLE : ERR_CONFIG,
		       "failed to find plugin \"%s\" in path [%s]", type, c->path);
}

/* The plugin of this executable, if the file found is this executable: the exec would run what we hold. */
static const struct cni_plugin *own_plugin(const char *type, const struct stat *st)
{
	const char *always = getenv("CNI_ALWAYS_EXEC");
	const struct cni_plugin *p = cni_plugin_named(type);
	struct stat self;

	if ((always && *always) || stat("/proc/self/exe", &self) < 0 || self.st_dev != st->st_dev ||
	    self.st_ino != st->st_ino)
		return NULL;
	return p && p->ipam ? p : NULL;
}

/* As if it had not been: more than a DEL, which leaves round robin advanced. */
static void undo_own(struct cni_call *c, const void *arg)
{
	union {
		const void *in;
		struct cni_call *out;
	} sub = { .in = arg };

	(void)c;
	undo_all(sub.out);
}

/* What exec would have given the child, minus the exec. */
static int call_own(struct cni_call *c, const struct cni_plugin *plugin, enum cni_command command,
		    struct cni_result *out)
{
	struct cni_call *sub = arena_new(c->arena, struct cni_call);

	*sub = (struct cni_call){
		.command = command,
		.container_id = c->container_id,
		.netns = c->netns,
		.ifname = c->ifname,
		.args = c->args,
		.path = c->path,
		.stdin_text = c->stdin_text,
		.stdin_len = c->stdin_len,
		.plugin = plugin,
		.conf = c->conf,
		.netns_fd = -1,
		.lock_fd = -1,
		.arena = c->arena,
		.err = c->err,
	};
	if (cni_run(sub) < 0)
		return -1;
	if (command == CNI_ADD)
		undo_push(c, undo_own, sub);
	*out = sub->result;
	c->exclusive_ips = plugin->exclusive;
	c->never_used = sub->never_used;
	return 0;
}

/* Our environment with the command replaced. */
static char **child_env(struct cni_call *c, enum cni_command command)
{
	static const char key[] = "CNI_COMMAND=";
	size_t n = 0, out = 0;
	char **env;

	while (environ[n])
		n++;
	env = arena_array(c->arena, char *, n + 2);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], key, sizeof(key) - 1) != 0)
			env[out++] = environ[i];
	env[out] = arena_printf(c->arena, "%s%s", key, cni_command_names[command]);
	return env;
}

struct error_object {
	uint32_t code;
	const char *msg, *details;
};

static const struct json_field error_fields[] = { F_UINT("code", struct error_object, code),
						  F_STR("msg", struct error_object, msg),
						  F_STR("details", struct error_object, details),
						  F_END };

/*
 * A delegate's error passes through unchanged; one that is no error object is told as it is, and where it
 * has no words, or the number of no error, it gets ours.
 */
static int child_failed(struct cni_call *c, const char *path, const struct spawn_result *res)
{
	struct error_object e = { .msg = "", .details = "" };
	const struct json *v;
	struct err ignored;

	if (!res->out_len && WIFSIGNALED(res->status))
		return err_set(c->err, ERR_INTERNAL, "%s: killed by signal %d", path,
			       WTERMSIG(res->status));
	if (!res->out_len)
		return err_set(c->err, ERR_INTERNAL,
			       "%s failed with no error message: exit status %d", path,
			       WEXITSTATUS(res->status));
	if (json_parse(res->out, res->out_len, &v, &ignored) < 0 ||
	    json_decode(v, error_fields, "", &e, &ignored) < 0)
		return err_set(c->err, ERR_INTERNAL,
			       "%s failed but its diagnostic message is no error object: %.400s",
			       path, res->out);
	if (!*e.msg)
		e.msg = arena_printf(c->arena, "%s failed with code %u and no message", path,
				     e.code);
	err_fill(c->err, e.code ? (int)e.code : ERR_INTERNAL, 0, "%s", e.msg);
	snprintf(c->err->details, sizeof(c->err->details), "%s", e.details);
	return -1;
}

static int exec_plugin(struct cni_call *c, const char *path, enum cni_command command,
		       struct spawn_result *res)
{
	const struct spawn s = {
		.path = path,
		.envp = child_env(c, command),
		.in = c->stdin_text,
		.in_len = c->stdin_len,
	};

	if (spawn(&s, res, c->arena, c->err) < 0)
		return -1;
	if (!WIFEXITED(res->status) || WEXITSTATUS(res->status))
		return child_failed(c, path, res);
	return 0;
}

/*
 * CNI spec, section 4: a delegate whose ADD failed should get a DEL. What that says is not heard. Not
 * where ours says that the attachment holds an address already: the DEL would take that one away.
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

static void undo_exec(struct cni_call *c, const void *arg)
{
	struct spawn_result res;

	if (exec_plugin(c, arg, CNI_DEL, &res) < 0)
		fprintf(stderr, "rollback: release address: %s\n", c->err->msg);
}

static int call_exec(struct cni_call *c, const char *path, enum cni_command command,
		     struct cni_result *out)
{
	struct spawn_result res = { 0 };
	const struct json *v;

	*out = (struct cni_result){ 0 };
	host_unlock(c);
	if (exec_plugin(c, path, command, &res) < 0)
		return command == CNI_ADD ? clean_up(c, path) : -1;
	if (command != CNI_ADD)
		return 0;
	if (json_parse(res.out, res.out_len, &v, c->err) < 0 ||
	    cni_result_parse(v, c->conf.version, false, c->conf.ipam.type, out, c->err) < 0) {
		(void)err_wrap(c->err, "result of %s", path);
		return clean_up(c, path);
	}
	undo_push(c, undo_exec, path);
	return 0;
}

static int ipam(struct cni_call *c, enum cni_command command, struct cni_result *out)
{
	const char *type = c->conf.ipam.type;
	const struct cni_plugin *own;
	struct program p;

	if (find(c, type, &p) < 0)
		return -1;
	own = own_plugin(type, &p.st);
	return own ? call_own(c, own, command, out) : call_exec(c, p.path, command, out);
}

int cni_ipam_add(struct cni_call *c)
{
	struct cni_result r = { 0 };

	if (ipam(c, CNI_ADD, &r) < 0)
		return -1;
	if (!r.n_ips)
		return err_set(c->err, ERR_INTERNAL, "IPAM plugin returned missing IP config");
	c->result.ips = r.ips;
	c->result.n_ips = r.n_ips;
	c->result.routes = r.routes;
	c->result.n_routes = r.n_routes;
	c->result.dns = r.dns;
	return 0;
}

int cni_ipam_forward(struct cni_call *c)
{
	struct cni_result ignored;

	return *c->conf.ipam.type ? ipam(c, c->command, &ignored) : 0;
}
