/* SPDX-License-Identifier: Apache-2.0 */
#include "origin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "cni/version.h"
#include "sys/netns.h"

#define RESULT_VERSION "1.1.0" /* of the addresses and routes in the file */

/* Neither a container's id nor an interface's name has a ':'. */
static const struct attfile_place place = { NETNS_LOCK_DIR "/devices", ":", ".json" };

struct content {
	struct origin origin;
	const struct json *addresses;
};

static const struct json_field fields[] = {
	F_STR("name", struct content, origin.name, .required = true, .max = IFNAMSIZ - 1),
	F_STR("kind", struct content, origin.kind),
	F_STR("bus", struct content, origin.bus),
	F_STR("parent", struct content, origin.parent),
	F_STR("alias", struct content, origin.alias),
	F_STR("permanentMAC", struct content, origin.perm_mac),
	F_STR("mac", struct content, origin.mac),
	F_UINT("index", struct content, origin.index),
	F_UINT("indexInside", struct content, origin.index_inside),
	F_UINT("mtu", struct content, origin.mtu),
	F_UINT("flags", struct content, origin.flags),
	{ .key = "altnames",
	  .type = JSON_LIST,
	  .offset = offsetof(struct content, origin.altnames),
	  .width = sizeof(const char **),
	  .count_offset = offsetof(struct content, origin.n_altnames),
	  .sub = json_str_item,
	  .sub_size = sizeof(const char *) },
	F_MAP("interfaceNetwork", struct content, addresses),
	F_STR("network", struct content, origin.network),
	F_STR("netns", struct content, origin.netns),
	F_BOOL("inPlace", struct content, origin.in_place),
	F_END,
};

static const char *mac_text(struct cni_call *c, const uint8_t mac[MAC_LEN])
{
	char text[MAC_STRLEN];

	return mac_is_zero(mac) ? "" : arena_strdup(c->arena, mac_str(mac, text));
}

struct origin origin_of(struct cni_call *c, const struct link_device *d)
{
	return (struct origin){
		.name = arena_strdup(c->arena, d->link.name),
		.kind = arena_strdup(c->arena, d->link.kind),
		.bus = arena_strdup(c->arena, d->bus),
		.parent = arena_strdup(c->arena, d->parent),
		.alias = arena_strdup(c->arena, d->alias),
		.perm_mac = mac_text(c, d->perm_mac),
		.mac = mac_text(c, d->link.mac),
		.index = (uint32_t)d->link.index,
		.mtu = d->link.mtu,
		.flags = d->link.flags & ORIGIN_FLAGS,
		.altnames = d->altnames,
		.n_altnames = d->n_altnames,
		.network = c->req->net.name,
		.netns = c->req->netns,
	};
}

/* ---- which device ---------------------------------------------------------------------------- */

bool origin_is_hardware(const struct origin *o)
{
	return !*o->kind && *o->parent;
}

static bool has_mac(const char *text, const uint8_t mac[MAC_LEN])
{
	uint8_t parsed[MAC_LEN] = { 0 };

	return (!*text || mac_parse(parsed, text)) && !memcmp(parsed, mac, MAC_LEN);
}

bool origin_is(const struct origin *o, const struct link_device *d, bool on_host)
{
	uint32_t inside = o->index_inside ? o->index_inside : o->index;

	if (strcmp(d->link.kind, o->kind) != 0 || strcmp(d->parent, o->parent) != 0 ||
	    strcmp(d->bus, o->bus) != 0 || !has_mac(o->perm_mac, d->perm_mac))
		return false;
	if (origin_is_hardware(o) && *o->perm_mac)
		return true;
	return !strcmp(d->alias, o->name) ||
	       (!on_host && (uint32_t)d->link.index == inside && has_mac(o->mac, d->link.mac));
}

/*
 * On the host: may somebody have brought it home, who sets its alias last? A container may give it
 * all of that; but what the kernel sends home when a namespace ends is down.
 */
static bool is_as_before(const struct origin *o, const struct link_device *d)
{
	uint32_t changed = d->link.flags ^ o->flags;

	return !strcmp(d->link.name, o->name) && strcmp(d->alias, o->name) != 0 &&
	       has_mac(o->mac, d->link.mac) && !(changed & ORIGIN_FLAGS & ~IFF_UP);
}

bool origin_is_in_use(const struct origin *o, const struct link_device *d)
{
	return is_as_before(o, d) && d->link.flags & IFF_UP;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int encode(struct cni_call *c, const struct origin *o, struct json **out)
{
	struct json *v = json_object(), *addresses;

	json_add_str(v, "name", o->name);
	json_add_str(v, "kind", o->kind);
	json_add_str(v, "bus", o->bus);
	json_add_str(v, "parent", o->parent);
	json_add_str(v, "alias", o->alias);
	json_add_str(v, "permanentMAC", o->perm_mac);
	json_add_str(v, "mac", o->mac);
	json_add_int(v, "index", o->index);
	json_add_int(v, "indexInside", o->index_inside);
	json_add_int(v, "mtu", o->mtu);
	json_add_int(v, "flags", o->flags);
	json_add_strs(v, "altnames", o->altnames, o->n_altnames);
	json_add_str(v, "network", o->network);
	json_add_str(v, "netns", o->netns);
	json_add_bool(v, "inPlace", o->in_place);
	if (cni_result_json(&o->addresses, RESULT_VERSION, &addresses, c->err) < 0)
		return -1;
	json_add(v, "interfaceNetwork", addresses);
	*out = v;
	return 0;
}

int origin_write(struct cni_call *c, const struct origin *o)
{
	struct json *v;

	return encode(c, o, &v) < 0 ? -1 : attfile_write(c, &place, v);
}

/* Absent strings are empty; what would be no name of an interface is none. */
static void complete(struct origin *o)
{
	const char **strings[] = { &o->kind,     &o->bus, &o->parent,  &o->alias,
				   &o->perm_mac, &o->mac, &o->network, &o->netns };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (!*strings[i])
			*strings[i] = "";
	o->flags &= ORIGIN_FLAGS;
}

int origin_decode(const struct json *v, struct origin *o, struct err *err)
{
	struct content content = { 0 };
	const char *fault;

	if (json_decode(v, fields, "", &content, err) < 0)
		return -1;
	fault = str_ifname_fault(content.origin.name);
	if (fault)
		return err_set(err, ERR_DECODE, "name: %s", fault);
	complete(&content.origin);
	*o = content.origin;
	if (!content.addresses)
		return 0;
	return cni_result_parse(content.addresses, RESULT_VERSION, true, "interfaceNetwork",
				&o->addresses, err);
}

/* One that cannot be understood is told of, and as good as none. */
int origin_read(struct cni_call *c, const struct origin **o)
{
	struct origin *decoded = arena_new(c->arena, struct origin);
	const struct json *v;

	*o = NULL;
	if (attfile_read(c, &place, &v) < 0)
		return -1;
	if (!v)
		return 0;
	if (origin_decode(v, decoded, c->err) == 0) {
		*o = decoded;
		return 0;
	}
	fprintf(stderr, "host-device: record of %s/%s: %s\n", c->req->container_id, c->req->ifname,
		c->err->msg);
	err_clear(c->err);
	return 0;
}

int origin_remove(struct cni_call *c)
{
	return attfile_remove(c, &place);
}

/* A runtime gives DEL the result since 0.4.0; it has none of an ADD that failed, or is deleted. */
static bool is_in_result(struct cni_call *c, const struct link_device *d)
{
	const struct cni_conf *net = &c->req->net;
	struct cni_result prev = { 0 };
	uint8_t mac[MAC_LEN];

	if (!cni_version_at_least(net->version, "0.4.0"))
		return true;
	if (!net->prev_result)
		return false;
	if (cni_result_parse(net->prev_result, net->version, true, "prevResult", &prev, c->err) <
	    0) {
		err_clear(c->err);
		return false;
	}
	for (size_t i = 0; i < prev.n_interfaces; i++) {
		const struct cni_interface *f = &prev.interfaces[i];

		if (f->sandbox && *f->sandbox && !strcmp(f->name, c->req->ifname) && f->mac &&
		    mac_parse(mac, f->mac) && !memcmp(mac, d->link.mac, MAC_LEN))
			return true;
	}
	return false;
}

int origin_by_alias(struct cni_call *c, struct origin *o, bool *exists)
{
	struct link_device d;

	*exists = false;
	if (!c->sandbox)
		return 0;
	if (nl_device_find(c->sandbox, c->req->ifname, 0, c->arena, &d) < 0)
		return -1;
	*exists = d.link.index && !str_ifname_fault(d.alias) && is_in_result(c, &d);
	if (!*exists)
		return 0;
	*o = origin_of(c, &d);
	o->name = o->alias;
	o->alias = "";
	o->flags &= ~(uint32_t)IFF_UP;
	return 0;
}

/* ---- of another attachment ------------------------------------------------------------------- */

/* Which device it is, and where, stays as it is. */
static void take_attributes(struct origin *o, const struct origin *from)
{
	o->name = from->name;
	o->alias = from->alias;
	o->mac = from->mac;
	o->mtu = from->mtu;
	o->flags = from->flags;
	o->altnames = from->altnames;
	o->n_altnames = from->n_altnames;
}

/* The next record of a device that ADD has moved, NULL at the end; one that is nonsense is none. */
static const char *next_moved(struct cni_call *c, DIR *dir, struct origin *o)
{
	const struct dirent *e;

	while ((e = readdir(dir))) {
		const char *file = arena_printf(c->arena, "%s/%s", place.dir, e->d_name);
		const struct json *v;

		if (attfile_load(file, c->arena, &v, c->err) < 0 || origin_decode(v, o, c->err) < 0)
			err_clear(c->err);
		else if (!o->in_place)
			return file;
	}
	return NULL;
}

/* By somebody: it is in use, or its namespace is there yet, at a path of its own. */
static bool was_brought_home(struct cni_call *c, const char *file, const struct origin *o,
			     const struct link_device *d)
{
	bool own = !strcmp(file, attfile_path(c, &place)) || strcmp(o->netns, c->req->netns) != 0;

	return origin_is_in_use(o, d) || (own && is_as_before(o, d) && access(o->netns, F_OK) == 0);
}

int origin_inherit(struct cni_call *c, const struct link_device *d, struct origin *o,
		   const char **path)
{
	auto_dir DIR *dir = opendir(place.dir);
	struct origin other;
	const char *file;

	*path = NULL;
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(c->err, "open %s", place.dir);
	while ((file = next_moved(c, dir, &other)) && !origin_is(&other, d, true))
		;
	if (!file)
		return 0;
	*path = strcmp(file, attfile_path(c, &place)) != 0 ? file : NULL;
	if (!was_brought_home(c, file, &other, d))
		take_attributes(o, &other);
	return 0;
}

/* Of this container: a device may have gone on to another one, and the file not. */
int origin_refuse_other(struct cni_call *c, const struct link_device *d)
{
	const char *mine =
		arena_printf(c->arena, "%s/%s%s", place.dir, c->req->container_id, place.separator);
	auto_dir DIR *dir = opendir(place.dir);
	struct origin other;
	const char *file;

	if (!dir)
		return errno == ENOENT ? 0 : err_sys(c->err, "open %s", place.dir);
	while ((file = next_moved(c, dir, &other)))
		if (!strncmp(file, mine, strlen(mine)) &&
		    strcmp(file, attfile_path(c, &place)) != 0 && origin_is(&other, d, false))
			return err_set(
				c->err, ERR_IN_USE,
				"device %s is the container's already: another attachment has "
				"made it %s",
				other.name, d->link.name);
	return 0;
}

int origin_gc(struct cni_call *c, attfile_mine mine)
{
	return attfile_gc(c, &place, mine);
}
