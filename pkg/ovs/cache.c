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

#define PLACE(o) ((const struct attfile_place){ OVS_CACHE_DIR, "-", (o)->suffix })

static void undo_store(struct cni_call *c, void *arg)
{
	const struct ovs_attachment *o = arg;

	if (!o->may_remain && ovs_cache_remove(c, o) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

int ovs_cache_store(struct cni_call *c, struct ovs_attachment *o, const struct json *file)
{
	undo_push(c, undo_store, o);
	return attfile_write(c, &PLACE(o), file);
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

const struct json *ovs_cache_load(struct cni_call *c, const struct ovs_attachment *o)
{
	const struct json *v;

	if (attfile_read(c, &PLACE(o), &v) < 0)
		err_clear(c->err);
	return v;
}

static const struct json_field netconf_fields[] = { F_STR("socket_file", struct ovs_cache, socket),
						    F_STR("deviceID", struct ovs_cache, device_id),
						    F_END };

static const struct json_field cache_fields[] = {
	F_HERE("Netconf", netconf_fields), F_STR("OrigIfName", struct ovs_cache, ifname),
	F_BOOL("UserspaceMode", struct ovs_cache, userspace), F_END
};

bool ovs_cache_read(struct cni_call *c, const struct ovs_attachment *o, struct ovs_cache *m)
{
	const struct json *v = ovs_cache_load(c, o);
	struct err ignored;

	*m = (struct ovs_cache){ .device_id = "", .ifname = "", .socket = "" };
	return v && json_decode_lenient(v, cache_fields, "", m, &ignored) == 0;
}

int ovs_cache_remove(struct cni_call *c, const struct ovs_attachment *o)
{
	return attfile_remove(c, &PLACE(o));
}

/* Of ovs, whose suffix all names have, or of a mirror plugin: each knows its own by the key. */
static bool is_of_network(struct cni_call *c, const struct attfile_place *p,
			  const struct json *file)
{
	const char *name = json_string(*p->suffix ? json_get(file, "Network")
						  : json_get(json_get(file, "Netconf"), "name"));

	return name && !strcmp(name, c->req->net.name);
}

int ovs_cache_gc(struct cni_call *c, const struct ovs_attachment *o)
{
	return attfile_gc(c, &PLACE(o), is_of_network);
}
