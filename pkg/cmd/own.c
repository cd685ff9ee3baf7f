/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/own.h"

#include <string.h>
#include <sys/stat.h>

#include "skel/delegate.h"
#include "skel/request.h"
#include "sys/netns.h"

#define OWN_FILE "/proc/self/exe"

int own_find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	(void)ctx;
	if (libcni_find(type, dirs, path, err) == 0)
		return 0;
	if (strchr(type, '/') || !cni_plugin_named(type))
		return -1;
	err_clear(err);
	*path = OWN_FILE;
	return 0;
}

int own_run(const struct cni_plugin *plugin, const struct libcni_exec *x, struct err *err)
{
	struct cni_request req = {
		.command = x->command,
		.container_id = x->container_id,
		.netns = x->netns,
		.ifname = x->ifname,
		.args = x->args,
		.path = x->cni_path,
		.stdin_text = x->in,
		.stdin_len = x->in_len,
	};
	struct cni_call c =
		CNI_CALL_INIT(.req = &req, .plugin = plugin, .arena = json_arena(), .err = err);
	bool gone = false;

	if (cni_request_decode(&req, err) < 0 || cni_request_decode_prev(&req, err) < 0 ||
	    netns_open(req.netns, &c.netns_fd, &gone, err) < 0)
		return -1;
	return cni_run(&c, NULL);
}

int own_exec(void *ctx, const struct libcni_exec *x, struct libcni_answer *out, struct err *err)
{
	const struct cni_plugin *plugin = NULL;
	struct stat st;

	if (stat(x->path, &st) == 0)
		plugin = cni_in_process(x->type, &st);
	*out = (struct libcni_answer){ .out = "" };
	return plugin ? own_run(plugin, x, err) : libcni_exec(ctx, x, out, err);
}
