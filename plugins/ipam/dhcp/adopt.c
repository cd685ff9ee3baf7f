/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt.h"

#include <string.h>
#include <time.h>

#include "libcni/cache.h"
#include "options.h"
#include "resume.h"

#define MULTUS_DIR      "/var/lib/cni/multus"
#define LEASE_NOT_KNOWN ((int64_t)3600 * 1000) /* milliseconds: what the reference takes for one */

/* The plugin's object in a list, or the configuration itself; NULL: none is ours. */
static const struct json *find_plugin(const struct json *conf)
{
	const struct json *plugins = json_get(conf, "plugins");
	const char *type = json_string(json_get(json_get(conf, "ipam"), "type"));

	if (type && !strcmp(type, "dhcp"))
		return conf;
	json_for_each(p, plugins) {
		const struct json *found = json_is_object(p) ? find_plugin(p) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

static const char *args_of(const struct libcni_attachment *a)
{
	const char *text = "";

	for (size_t i = 0; i < a->n_args; i++)
		text = arena_printf(json_arena(), "%s%s%s=%s", text, i ? ";" : "", a->args[i].key,
				    a->args[i].value);
	return text;
}

/* The container's interface in the result; its place, -1: it is not there. */
static int find_interface(const struct cni_result *r, const char *ifname)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		if (r->interfaces[i].sandbox && *r->interfaces[i].sandbox &&
		    !strcmp(r->interfaces[i].name, ifname))
			return (int)i;
	return -1;
}

static const struct cni_ipconfig *find_address(const struct cni_result *r, int interface)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.family == AF_INET && r->ips[i].has_interface &&
		    (int)r->ips[i].interface == interface)
			return &r->ips[i];
	return NULL;
}

/* What there is to be taken away when the lease has ended. */
static struct dhcp_answer given_by(const struct cni_result *r, const struct cni_ipconfig *ip)
{
	struct dhcp_answer a = { 0 };
	struct cni_result *to = &a.result;

	*arena_append(json_arena(), to->ips, to->n_ips) =
		(struct cni_ipconfig){ .address = ip->address, .gateway = ip->gateway };
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.family == AF_INET)
			*arena_append(json_arena(), to->routes, to->n_routes) = r->routes[i];
	return a;
}

static int make_ask(const struct libcni_cached *c, const struct json *plugin, const char *socket,
		    struct ask *a, struct err *err)
{
	struct dhcp_conf conf = dhcp_defaults;
	const char *key = arena_printf(json_arena(), "%s/%s/%s", c->attachment.container_id,
				       c->network, c->attachment.ifname);
	const char *type = json_string(json_get(plugin, "type"));
	const uint8_t *options;
	size_t len;

	if (json_decode(plugin, dhcp_fields, "", &conf, err) < 0 ||
	    dhcp_options_validate(&conf, err) < 0 ||
	    dhcp_options_make(&conf, key, args_of(&c->attachment), &options, &len, err) < 0)
		return -1;
	if (strcmp(conf.socket_path, socket) != 0)
		return err_config(err, "another daemon's");
	*a = (struct ask){
		.network = c->network,
		.container_id = c->attachment.container_id,
		.ifname = c->attachment.ifname,
		.options = ask_hex(options, len),
		.priority = conf.priority,
		.probe = conf.probe,
		.resend_max = conf.resend_max,
		.resend_timeout = conf.resend_timeout,
		.broadcast = conf.has_broadcast ? conf.broadcast : type && !strcmp(type, "ipvlan"),
	};
	return 0;
}

static int adopt(struct attend *d, const struct libcni_cached *c, const char *socket,
		 struct err *err)
{
	const struct json *conf, *plugin;
	const struct cni_ipconfig *ip;
	struct dhcp_answer given;
	struct cni_result r;
	struct ask a;
	int interface;

	if (!c->result || json_parse(c->config, c->config_len, &conf, err) < 0 ||
	    cni_result_parse(c->result, "", false, "result", &r, err) < 0)
		return -1;
	plugin = find_plugin(conf);
	interface = find_interface(&r, c->attachment.ifname);
	ip = find_address(&r, interface);
	if (!plugin || interface < 0 || !ip)
		return 0;
	if (make_ask(c, plugin, socket, &a, err) < 0)
		return -1;
	a.netns = r.interfaces[interface].sandbox;
	given = given_by(&r, ip);
	return resume_other(d, &a, &given, r.interfaces[interface].mac, LEASE_NOT_KNOWN, err);
}

/* Seconds since the epoch; of a file that is older the container is gone. */
static int64_t boot_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec - lease_now() / 1000;
}

static bool is_to_adopt(struct attend *d, const struct libcni_cached *c)
{
	const struct libcni_attachment *a = &c->attachment;

	return c->time + 1 >= boot_time() &&
	       !lease_find(&d->leases, c->network, a->container_id, a->ifname);
}

void adopt_cached(struct attend *d, const char *socket)
{
	static const char *const dirs[] = { LIBCNI_CACHE_DIR, MULTUS_DIR };
	struct libcni_cache_list all;
	struct err err = { 0 };

	for (size_t k = 0; k < ARRAY_SIZE(dirs); k++) {
		if (libcni_cache_list(dirs[k], &all, &err) < 0)
			continue;
		for (size_t i = 0; i < all.n; i++)
			if (is_to_adopt(d, &all.entries[i]) &&
			    adopt(d, &all.entries[i], socket, &err) < 0)
				err_clear(&err);
	}
}
