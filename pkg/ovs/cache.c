/* SPDX-License-Identifier: Apache-2.0 */
#include "ovs/cache.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "skel/attfile.h"
#include "sys/file.h"

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

static const char *path_of(struct cni_call *c, const struct ovs_attachment *o)
{
	return arena_printf(c->arena, OVS_CACHE_DIR "/%s-%s%s", c->req->container_id,
			    c->req->ifname, o->suffix);
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
	if (file_make_dirs(OVS_CACHE_DIR, 0700, c->err) < 0)
		return -1;
	return attfile_store(path_of(c, o), file, c->arena, c->err);
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

static const struct json *load(struct cni_call *c, const char *path)
{
	struct err ignored = { 0 };
	const struct json *v;

	return attfile_load(path, c->arena, &v, &ignored) < 0 ? NULL : v;
}

const struct json *ovs_cache_load(struct cni_call *c, const struct ovs_attachment *o)
{
	return load(c, path_of(c, o));
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
	return file_remove(path_of(c, o), c->arena, c->err);
}

/* ---- GC -------------------------------------------------------------------------------------- */

/* Of ovs, whose suffix all names have, or of a mirror plugin: each knows its own by the key. */
static bool is_of_network(struct cni_call *c, const struct ovs_attachment *o,
			  const struct json *file)
{
	const char *name = json_string(*o->suffix ? json_get(file, "Network")
						  : json_get(json_get(file, "Netconf"), "name"));

	return name && !strcmp(name, c->req->net.name);
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), len = strlen(suffix);

	return n >= len && !strcmp(name + n - len, suffix);
}

/* A name cannot be taken apart: both halves may hold dashes. */
static bool is_valid(struct cni_call *c, const char *name, const char *suffix)
{
	for (size_t i = 0; i < c->req->net.n_attachments; i++) {
		const struct cni_attachment *a = &c->req->net.attachments[i];
		size_t id = strlen(a->container_id), ifname = strlen(a->ifname);

		if (!strncmp(name, a->container_id, id) && name[id] == '-' &&
		    !strncmp(name + id + 1, a->ifname, ifname) &&
		    !strcmp(name + id + 1 + ifname, suffix))
			return true;
	}
	return false;
}

#define DRAFT ".tmp" /* of one that an earlier version of ours was killed over: NAME.PID.tmp */

int ovs_cache_gc(struct cni_call *c, const struct ovs_attachment *o)
{
	DIR *d = opendir(OVS_CACHE_DIR);
	const struct dirent *e;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(c->err, "open " OVS_CACHE_DIR);
	file_sweep(OVS_CACHE_DIR, c->arena);
	while (!rc && (e = readdir(d))) {
		const char *path = arena_printf(c->arena, OVS_CACHE_DIR "/%s", e->d_name);
		const struct json *v;

		if (!ends_with(e->d_name, o->suffix) || file_is_draft(e->d_name) ||
		    is_valid(c, e->d_name, o->suffix))
			continue;
		v = load(c, path);
		if (v ? is_of_network(c, o, v) : ends_with(e->d_name, DRAFT))
			rc = file_remove(path, c->arena, c->err);
	}
	closedir(d);
	return rc;
}
