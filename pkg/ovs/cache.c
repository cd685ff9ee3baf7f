/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/cache.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "skel/attfile.h"

/*
 * What ovs-cni reads there of the configuration, as we have understood it, or what it may contain.
 */
static bool is_left_out(const char *key)
{
	static const char *const keys[] = { "prevResult", "runtimeConfig", "args",
					    "bridge",     "socket_file",   "deviceID" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcasecmp(key, keys[i]))
			return true;
	return false;
}

static void undo_store(struct cni_call *c, void *arg)
{
	const struct ovs_attachment *o = arg;

	if (!o->may_remain && ovs_cache_remove(c, o) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

int ovs_cache_store(struct cni_call *c, struct ovs_attachment *o, const struct json *file)
{
	undo_push(c, undo_store, o);
	return attfile_write(c, OVS_CACHE_DIR, o->suffix, file);
}

int ovs_cache_write(struct cni_call *c, struct ovs_attachment *o, const struct ovs_cache *m)
{
	struct json *file = json_object(), *conf = json_add_object(file, "Netconf");

	json_for_each(v, c->req->net.raw)
		if (!is_left_out(json_key(v)))
			json_add_copy(conf, json_key(v), v);
	json_add_str(conf, "bridge", o->port.bridge);
	if (strcmp(o->socket, OVS_SOCKET) != 0)
		json_add_str(conf, "socket_file", o->socket);
	json_add_str(conf, "deviceID", m->device_id);
	json_add_str(file, "OrigIfName", m->ifname);
	json_add_bool(file, "UserspaceMode", m->userspace);
	json_add_str(file, "VdpaType", "");
	return ovs_cache_store(c, o, file);
}

static const struct json_field netconf_fields[] = { F_STR("socket_file", struct ovs_cache, socket),
						    F_STR("deviceID", struct ovs_cache, device_id),
						    F_END };

static const struct json_field cache_fields[] = {
	F_HERE("Netconf", netconf_fields), F_STR("OrigIfName", struct ovs_cache, ifname),
	F_BOOL("UserspaceMode", struct ovs_cache, userspace), F_END
};

bool ovs_cache_read(struct cni_call *c, struct ovs_cache *m)
{
	const struct json *v = attfile_read(c, OVS_CACHE_DIR, "");
	struct err ignored;

	*m = (struct ovs_cache){ .device_id = "", .ifname = "", .socket = "" };
	return v && json_decode_lenient(v, cache_fields, "", m, &ignored) == 0;
}

int ovs_cache_remove(struct cni_call *c, const struct ovs_attachment *o)
{
	return attfile_remove(c, OVS_CACHE_DIR, o->suffix);
}

static bool is_of_network(struct cni_call *c, const struct json *file)
{
	const char *name = json_string(json_get(json_get(file, "Netconf"), "name"));

	return name && !strcmp(name, c->req->net.name);
}

static bool is_mirror_of_network(struct cni_call *c, const struct json *file)
{
	const char *name = json_string(json_get(file, "Network"));

	return name && !strcmp(name, c->req->net.name);
}

int ovs_cache_gc(struct cni_call *c, const struct ovs_attachment *o)
{
	return attfile_gc(c, OVS_CACHE_DIR, o->suffix,
			  *o->suffix ? is_mirror_of_network : is_of_network);
}
