/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <string.h>

#include "ovs/cache.h"

int mirror_apply_nodeconf(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;

	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	conf->ovs.socket = *conf->socket ? conf->socket : OVS_SOCKET;
	conf->ovs.port.bridge = conf->set.bridge;
	return 0;
}

/* ---- the port -------------------------------------------------------------------------------- */

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

static bool take_port(struct mirror_conf *conf, const struct json *row)
{
	conf->set.port = ovsdb_str(json_get(row, "name"));
	conf->set.port_uuid = ovsdb_uuid(json_get(row, "_uuid"));
	return conf->set.port && conf->set.port_uuid;
}

static bool is_anothers(struct cni_call *c, const struct json *port)
{
	const char *id = ovsdb_map(json_get(port, "external_ids"), "contId");

	return id && *id && !ovs_is_this(c, port);
}

static int find_by_name(struct cni_call *c, bool *found)
{
	struct mirror_conf *conf = c->conf;

	*found = false;
	for (size_t i = 0; i < conf->n_names && !*found; i++) {
		struct ovs_state state;

		if (ovs_port_get(&conf->ovs.db, conf->names[i], &state) < 0)
			return -1;
		*found = state.port && !is_anothers(c, state.port) && take_port(conf, state.port);
	}
	return 0;
}

int mirror_find_port(struct cni_call *c)
{
	struct mirror_conf *conf = c->conf;
	const struct ovsdb_pair ids[] = { { "owner", OVS_OWNER },
					  { "contId", c->req->container_id },
					  { "contIface", c->req->ifname } };
	const struct json *rows;
	bool found;

	if (ovs_ports_with(&conf->ovs.db, ids, ARRAY_SIZE(ids), &rows) < 0)
		return -1;
	found = rows && take_port(conf, rows);
	if (!found && find_by_name(c, &found) < 0)
		return -1;
	if (!found)
		conf->set.port_uuid = NULL;
	return 0;
}

int mirror_need_port(struct cni_call *c, int code)
{
	struct mirror_conf *conf = c->conf;

	take_names(c, c->req->net.prev_result);
	if (ovs_open(c, &conf->ovs) < 0 || mirror_find_port(c) < 0)
		return -1;
	if (!conf->set.port_uuid)
		return err_set(c->err, code,
			       "prevResult.interfaces: none of them is a port of an OVS bridge");
	return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

int mirror_cache_write(struct cni_call *c)
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

void mirror_cache_read(struct cni_call *c)
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
