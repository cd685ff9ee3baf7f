/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovs-mirror-producer, ovs-mirror-consumer - behind ovs in a chain: mirrors of the bridge copy what
 * the attachment's port receives and sends, or the copies that they make go to it.
 */
#include <stdio.h>
#include <string.h>

#include "ovs/cache.h"
#include "ovs/mirror.h"
#include "ovs/nodeconf.h"

struct mirror_entry {
	const char *name;
	bool ingress, egress;
};

struct mirror_conf {
	const char *configuration_path;
	struct mirror_entry *mirrors;
	size_t n_mirrors;

	unsigned int roles; /* what a port can be by this plugin */
	struct ovs_attachment ovs;
	struct ovs_mirrors set; /* the attachment's port, and what is asked for */
	const char **names; /* of the host's interfaces, as the plugins before have reported them */
	size_t n_names;
	bool has_cache; /* DEL: ADD has left a file */
};

static const struct json_field entry_fields[] = {
	F_STR("name", struct mirror_entry, name, .required = true),
	F_BOOL("ingress", struct mirror_entry, ingress),
	F_BOOL("egress", struct mirror_entry, egress),
	F_END,
};

static const struct json_field mirror_fields[] = {
	F_STR("bridge", struct mirror_conf, set.bridge),
	F_STR("socket_file", struct mirror_conf, ovs.socket),
	F_STR("configuration_path", struct mirror_conf, configuration_path),
	F_LIST("mirrors", struct mirror_conf, mirrors, entry_fields, .max = OVS_MAX_MIRRORS),
	F_END,
};

/* ---- what is asked for ----------------------------------------------------------------------- */

/* One that is named twice is one. */
static int add_entry(struct cni_call *c, const struct mirror_entry *e, size_t i)
{
	struct mirror_conf *conf = c->conf;
	struct ovs_mirror *m = conf->set.mirror;
	unsigned int roles = (e->ingress ? OVS_MIRROR_SRC : 0) | (e->egress ? OVS_MIRROR_DST : 0);

	if (!*e->name)
		return err_config(c->err, "mirrors[%zu].name: empty", i);
	if (conf->roles == OVS_MIRROR_OUT)
		roles = OVS_MIRROR_OUT;
	if (!roles)
		return err_config(c->err, "mirrors[%zu]: neither ingress nor egress", i);
	while (m < conf->set.mirror + conf->set.n && strcmp(m->name, e->name) != 0)
		m++;
	if (m == conf->set.mirror + conf->set.n)
		conf->set.n++;
	m->name = e->name;
	m->want |= roles;
	return 0;
}

static int mirror_validate(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	if (!conf->set.bridge)
		return err_config(c->err, "bridge: missing");
	if (!conf->n_mirrors)
		return err_config(c->err, "mirrors: missing");
	conf->set.mirror = arena_array(c->arena, struct ovs_mirror, conf->n_mirrors);
	for (size_t i = 0; i < conf->n_mirrors; i++)
		if (add_entry(c, &conf->mirrors[i], i) < 0)
			return -1;
	if (c->req->command == CNI_ADD && !c->req->prev)
		return err_config(c->err, "prevResult: missing, %s goes behind ovs in a chain",
				  c->plugin->name);
	return 0;
}

/* ---- the attachment's port ------------------------------------------------------------------- */

/* A container's interface has a name that may be another one's on the host. */
static void take_names(struct cni_call *c, const struct json *result)
{
	struct mirror_conf *conf = c->conf;

	json_for_each(f, json_get(result, "interfaces")) {
		const char *name = json_string(json_get(f, "name")),
			   *sandbox = json_string(json_get(f, "sandbox"));

		if (name && *name && (!sandbox || !*sandbox))
			*arena_append(c->arena, conf->names, conf->n_names) = name;
	}
}

static void take_port(struct mirror_conf *conf, const struct json *row)
{
	conf->set.port = ovsdb_str(json_get(row, "name"));
	conf->set.port_uuid = conf->set.port ? ovsdb_uuid(json_get(row, "_uuid")) : NULL;
}

static bool is_anothers(struct cni_call *c, const struct json *port)
{
	const char *id = ovsdb_map(json_get(port, "external_ids"), "contId");

	return id && *id && !ovs_is_this(c, port);
}

/*
 * By what ovs has written on it, else the first of the names that is a port and no other
 * attachment's. set.port_uuid is NULL if there is none.
 */
static int find_port(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	const struct ovsdb_pair ids[] = { { "owner", OVS_OWNER },
					  { "contId", c->req->container_id },
					  { "contIface", c->req->ifname } };
	const struct json *rows;

	if (ovs_ports_with(&conf->ovs.db, ids, ARRAY_SIZE(ids), &rows) < 0)
		return -1;
	take_port(conf, rows);
	for (size_t i = 0; i < conf->n_names && !conf->set.port_uuid; i++) {
		struct ovs_state state;

		if (ovs_port_get(&conf->ovs.db, conf->names[i], &state) < 0)
			return -1;
		if (!is_anothers(c, state.port))
			take_port(conf, state.port);
	}
	return 0;
}

/* ADD, CHECK: by prevResult too; an error with this code if there is none. */
static int need_port(struct cni_call *c, int code)
{
	struct mirror_conf *conf = c->conf;

	take_names(c, c->req->net.prev_result);
	if (ovs_open(c, &conf->ovs) < 0 || find_port(c) < 0)
		return -1;
	if (!conf->set.port_uuid)
		return err_set(c->err, code,
			       "prevResult.interfaces: none of them is a port of an OVS bridge");
	return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* prevResult, under ovs-cni's key, and what we would like to know besides. */
static int write_cache(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	struct json *file = json_object(), *prev;

	if (cni_result_json(c->req->prev, "1.0.0", &prev, c->err) < 0)
		return -1;
	json_add(file, "PrevResult", prev);
	json_add_str(file, "Network", c->req->net.name);
	json_add_str(file, "Socket", conf->ovs.socket);
	return ovs_cache_store(c, &conf->ovs, file);
}

static void read_cache(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	const struct json *file = ovs_cache_load(c, &conf->ovs);
	const char *socket = json_string(json_get(file, "Socket"));

	conf->has_cache = file != NULL;
	if (socket && *socket)
		conf->ovs.socket = socket;
	take_names(c, json_get(file, "PrevResult"));
	take_names(c, c->req->net.prev_result);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static void undo_join(struct cni_call *c, void *arg)
{
	struct mirror_conf *conf = arg;

	if (!ovs_undo(c, &conf->ovs, ovs_mirrors_undo_join, &conf->set))
		fprintf(stderr, "rollback: port %s may remain in mirrors of %s: %s\n",
			conf->set.port, conf->set.bridge, c->err->msg);
}

/* Not before the switch copies packets is the container told that it does. */
static int join(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	int rc;

	undo_push(c, undo_join, conf);
	if (ovs_mirrors_join(&conf->ovs.db, &conf->set) < 0)
		return -1;
	rc = ovs_switch_sync(&conf->ovs.db, OVS_TIMEOUT_MS);
	if (rc > 0)
		return err_set(c->err, ERR_RETRY,
			       "mirrors of %s: ovs-vswitchd does not act; is it running?",
			       conf->set.bridge);
	return rc;
}

static int mirror_add(struct cni_call *c)
{
	if (need_port(c, ERR_CONFIG) < 0 || write_cache(c) < 0 || join(c) < 0)
		return -1;
	c->result = *c->req->prev;
	return 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

static int leave(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	struct ovsdb *db = &conf->ovs.db;

	if (ovs_open(c, &conf->ovs) < 0 || find_port(c) < 0 ||
	    (conf->set.port_uuid && ovs_mirrors_leave(db, conf->set.port_uuid, conf->roles) < 0))
		return -1;
	return ovs_mirrors_gc(db, OVS_OWNER);
}

/* Without a cache file of the attachment, a database that does not answer holds nothing of it. */
static int mirror_del(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	read_cache(c);
	if (leave(c) < 0) {
		if (conf->has_cache)
			return err_wrap(c->err, "the port of %s/%s may remain in mirrors",
					c->req->container_id, c->req->ifname);
		err_clear(c->err);
	}
	return ovs_cache_remove(c, &conf->ovs);
}

/* ---- CHECK, GC, STATUS ----------------------------------------------------------------------- */

static int mirror_check(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	if (need_port(c, ERR_CHECK) < 0 || ovs_mirrors_get(&conf->ovs.db, &conf->set) < 0)
		return -1;
	for (size_t i = 0; i < conf->set.n; i++) {
		const struct ovs_mirror *m = &conf->set.mirror[i];

		if (!m->exists)
			return err_set(c->err, ERR_CHECK, "mirror %s of bridge %s is gone", m->name,
				       conf->set.bridge);
		if (m->want & ~m->has)
			return err_set(c->err, ERR_CHECK, "mirror %s of bridge %s has lost port %s",
				       m->name, conf->set.bridge, conf->set.port);
	}
	return 0;
}

static bool is_garbage(struct cni_call *c, const struct json *port)
{
	const struct json *ids = json_get(port, "external_ids");
	const char *id = ovsdb_map(ids, "contId"), *ifname = ovsdb_map(ids, "contIface");

	return id && ifname && !cni_gc_is_valid(&c->req->net, id, ifname);
}

/* Ports that are there still; those that have been removed are out of their mirrors. */
static int leave_invalid(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	const struct ovsdb_pair ids[] = { { "owner", OVS_OWNER },
					  { "contNetwork", c->req->net.name } };
	const struct json *ports;

	if (ovs_ports_with(&conf->ovs.db, ids, ARRAY_SIZE(ids), &ports) < 0)
		return -1;
	for (; ports; ports = json_next(ports)) {
		const char *uuid = ovsdb_uuid(json_get(ports, "_uuid"));

		if (uuid && is_garbage(c, ports) &&
		    ovs_mirrors_leave(&conf->ovs.db, uuid, conf->roles) < 0)
			return -1;
	}
	return 0;
}

static int mirror_gc(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	if (ovs_nodeconf(c, conf->configuration_path) < 0 || ovs_open(c, &conf->ovs) < 0)
		return -1;
	if (c->req->net.has_attachments && leave_invalid(c) < 0)
		return -1;
	if (ovs_mirrors_gc(&conf->ovs.db, OVS_OWNER) < 0)
		return -1;
	return ovs_cache_gc(c, &conf->ovs);
}

static int mirror_status(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	conf->ovs.port.bridge = conf->set.bridge;
	return ovs_server_status(c, &conf->ovs);
}

#define MIRROR_CONF(mirror_roles, file_suffix)                                                \
	{                                                                                     \
		.configuration_path = "", .roles = (mirror_roles), .set.owner = OVS_OWNER,    \
		.ovs = { .socket = OVS_SOCKET, .suffix = (file_suffix), .db.stream.fd = -1 }, \
	}

static const struct mirror_conf producer = MIRROR_CONF(OVS_MIRROR_SRC | OVS_MIRROR_DST, "_prod");
static const struct mirror_conf consumer = MIRROR_CONF(OVS_MIRROR_OUT, "_cons");

#define PLUGIN(plugin_name, conf)                                                             \
	{                                                                                     \
		.name = (plugin_name), .fields = mirror_fields, .defaults = (conf),           \
		.conf_size = sizeof(struct mirror_conf), .validate = mirror_validate,         \
		.add = mirror_add, .del = mirror_del, .check = mirror_check, .gc = mirror_gc, \
		.status = mirror_status,                                                      \
	}

const struct cni_plugin ovs_mirror_producer_plugin = PLUGIN("ovs-mirror-producer", &producer);
const struct cni_plugin ovs_mirror_consumer_plugin = PLUGIN("ovs-mirror-consumer", &consumer);
