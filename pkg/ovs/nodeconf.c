/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/nodeconf.h"

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

int ovs_nodeconf(struct cni_call *c, const char *configuration_path)
{
	const char *const paths[] = { configuration_path,
				      "/etc/kubernetes/cni/net.d/ovs.d/ovs.conf",
				      "/etc/cni/net.d/ovs.d/ovs.conf" };
	void *keep = arena_alloc(c->arena, c->plugin->conf_size);
	const char *text = NULL;
	size_t len, i;

	for (i = 0; i < ARRAY_SIZE(paths) && !text; i++) {
		if (!*paths[i] ||
		    file_read(paths[i], NODECONF_MAX, c->arena, &text, &len, c->err) == 0)
			continue;
		if (c->err->sys != ENOENT && c->err->sys != ENOTDIR && !cni_is_lenient(c))
			return -1;
		err_clear(c->err);
	}
	memcpy(keep, c->conf, c->plugin->conf_size);
	if (!text || overlay(c, paths[i - 1], text, len) == 0)
		return 0;
	if (!cni_is_lenient(c))
		return -1;
	err_clear(c->err);
	memcpy(c->conf, keep, c->plugin->conf_size);
	return 0;
}
