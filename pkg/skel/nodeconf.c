/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/nodeconf.h"

#include <string.h>

#include "sys/file.h"

#define NODECONF_MAX 65536

static int overlay(struct cni_call *c, const char *path, const char *text, size_t len)
{
	const struct json *v;

	if (json_parse(text, len, &v, c->err) < 0)
		return err_wrap(c->err, "%s", path);
	cni_reset_conf(c);
	if (cni_decode(c, v, path) < 0)
		return -1;
	return cni_decode(c, c->req->net.raw, "");
}

int nodeconf_apply(struct cni_call *c, const char *const *paths)
{
	const char *text;
	size_t len;
	void *keep;

	for (; *paths; paths++) {
		if (!**paths)
			continue;
		if (file_read(*paths, NODECONF_MAX, c->arena, &text, &len, c->err) == 0)
			break;
		if (c->err->sys != ENOENT && c->err->sys != ENOTDIR && !cni_is_lenient(c))
			return -1;
		err_clear(c->err);
	}
	if (!*paths)
		return 0;
	keep = memcpy(arena_alloc(c->arena, c->plugin->conf_size), c->conf, c->plugin->conf_size);
	if (overlay(c, *paths, text, len) == 0)
		return 0;
	if (!cni_is_lenient(c))
		return -1;
	err_clear(c->err);
	memcpy(c->conf, keep, c->plugin->conf_size);
	return 0;
}
