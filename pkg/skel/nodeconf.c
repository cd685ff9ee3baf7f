/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/nodeconf.h"

#include <string.h>

#include "sys/file.h"

#define NODECONF_MAX 65536

static bool is_lenient(const struct cni_call *c)
{
	return c->req->command == CNI_DEL || c->req->command == CNI_GC;
}

static int decode(struct cni_call *c, const struct json *v, const char *what)
{
	if (is_lenient(c))
		return json_decode_lenient(v, c->plugin->fields, what, c->conf, c->err);
	return json_decode(v, c->plugin->fields, what, c->conf, c->err);
}

static int overlay(struct cni_call *c, const char *path, const char *text, size_t len)
{
	const struct json *v;

	if (json_parse(text, len, &v, c->err) < 0)
		return err_wrap(c->err, "%s", path);
	memset(c->conf, 0, c->plugin->conf_size);
	if (c->plugin->defaults)
		memcpy(c->conf, c->plugin->defaults, c->plugin->conf_size);
	if (decode(c, v, path) < 0)
		return -1;
	return decode(c, c->req->net.raw, "");
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
		if (c->err->sys != ENOENT && c->err->sys != ENOTDIR && !is_lenient(c))
			return -1;
		err_clear(c->err);
	}
	if (!*paths)
		return 0;
	keep = memcpy(arena_alloc(c->arena, c->plugin->conf_size), c->conf, c->plugin->conf_size);
	if (overlay(c, *paths, text, len) == 0)
		return 0;
	if (!is_lenient(c))
		return -1;
	err_clear(c->err);
	memcpy(c->conf, keep, c->plugin->conf_size);
	return 0;
}
