/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/cache.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "skel/attfile.h"

/* What ovs-cni reads there of the configuration, as we have understood it, or what it may contain. */
static bool is_left_out(const char *key)
{
	static const char *const keys[] = { "prevResult", "runtimeConfig", "args",
					    "bridge",     "socket_file",   "deviceID" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcasecmp(key, keys[i]))
			return true;
	return false;
}

static void undo_remember(struct cni_call *c, const void *arg)
{
	const struct cni_ovs *o = arg;

	if (!o->may_remain && cni_ovs_forget(c) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

int cni_ovs_remember(struct cni_call *c, const struct cni_ovs *o, const struct cni_ovs_memo *m)
{
	struct json *memo = json_object(), *conf = json_add_object(memo, "Netconf");

	json_for_each(v, c->conf.raw)
		if (!is_left_out(json_key(v)))
			json_add_copy(conf, json_key(v), v);
	cni_undo_push(c, undo_remember, o);
	json_add_str(conf, "bridge", o->port.bridge);
	if (strcmp(o->socket, CNI_OVS_SOCKET) != 0)
		json_add_str(conf, "socket_file", o->socket);
	json_add_str(conf, "deviceID", m->device_id);
	json_add_str(memo, "OrigIfName", m->ifname);
	json_add_bool(memo, "UserspaceMode", m->userspace);
	json_add_str(memo, "VdpaType", "");
	return cni_memo_write(c, CNI_OVS_MEMO_DIR, "", memo);
}

static const struct json_field netconf_fields[] = {
	F_STR("socket_file", struct cni_ovs_memo, socket),
	F_STR("deviceID", struct cni_ovs_memo, device_id), F_END
};

static const struct json_field memo_fields[] = {
	F_HERE("Netconf", netconf_fields), F_STR("OrigIfName", struct cni_ovs_memo, ifname),
	F_BOOL("UserspaceMode", struct cni_ovs_memo, userspace), F_END
};

bool cni_ovs_recall(struct cni_call *c, struct cni_ovs_memo *m)
{
	const struct json *v = cni_memo_read(c, CNI_OVS_MEMO_DIR, "");
	struct err ignored;

	*m = (struct cni_ovs_memo){ .device_id = "", .ifname = "", .socket = "" };
	return v && json_decode_lenient(v, memo_fields, "", m, &ignored) == 0;
}

int cni_ovs_forget(struct cni_call *c)
{
	return cni_memo_remove(c, CNI_OVS_MEMO_DIR, "");
}

static bool is_of_network(struct cni_call *c, const struct json *memo)
{
	const char *name = json_string(json_get(json_get(memo, "Netconf"), "name"));

	return name && !strcmp(name, c->conf.name);
}

int cni_ovs_collect_memos(struct cni_call *c)
{
	return cni_memo_collect(c, CNI_OVS_MEMO_DIR, "", is_of_network);
}
