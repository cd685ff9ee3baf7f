/* SPDX-License-Identifier: Apache-2.0 */
/* static - the addresses, routes and dns that the configuration says. Remembers nothing. */
#include <string.h>

#include "cni/version.h"
#include "skel/call.h"

#define MAX_ADDRESSES 1024

struct static_address {
	const char *address, *gateway;
};

struct static_conf {
	struct static_address *addresses;
	size_t n_addresses;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
	const char **args_ips, **runtime_ips;
	size_t n_args_ips, n_runtime_ips;
	bool has_ipam;
	struct cni_ipconfig *ips; /* by validate() */
	size_t n_ips;
};

/* clang-format off */
static const struct json_field address_fields[] = {
	F_STR("address", struct static_address, address),
	F_STR("gateway", struct static_address, gateway),
	F_END
};

static const struct json_field ipam_fields[] = {
	F_LIST("addresses", struct static_conf, addresses, address_fields, .max = MAX_ADDRESSES),
	F_LIST("routes", struct static_conf, routes, cni_route_fields),
	F_OBJ("dns", struct static_conf, dns, cni_dns_fields),
	F_END
};

static const struct json_field static_fields[] = {
	F_HERE("ipam", ipam_fields, HAS(struct static_conf, ipam)),
	F_HERE("runtimeConfig", F_TABLE(
		F_STRS("ips", struct static_conf, runtime_ips, .max = MAX_ADDRESSES))),
	F_HERE("args", F_TABLE(F_HERE("cni", F_TABLE(
		F_STRS("ips", struct static_conf, args_ips, .max = MAX_ADDRESSES))))),
	F_END
};
/* clang-format on */

static const char *const static_args[] = { "IP", "GATEWAY", NULL };

/* ---- addresses: of the configuration and of CNI_ARGS, unless a list replaces them ------------ */

static int add_ip(struct cni_call *c, const char *text, const char *path)
{
	struct static_conf *conf = c->conf;
	struct ip ip;

	if (!text || !cidr_parse(&ip, text))
		return err_config(c->err, "%s: expected to be in CIDR notation, got: '%.80s'", path,
				  text ? text : "");
	arena_append(c->arena, conf->ips, conf->n_ips)->address = ip;
	return 0;
}

static int parse_gateway(struct cni_call *c, const char *text, const char *path, struct ip *out)
{
	if (!ip_parse(out, text))
		return err_config(c->err, "%s: invalid gateway address: '%.80s'", path, text);
	return 0;
}

static int add_addresses(struct cni_call *c)
{
	struct static_conf *conf = c->conf;

	for (size_t i = 0; i < conf->n_addresses; i++) {
		const struct static_address *a = &conf->addresses[i];
		const char *path = arena_printf(c->arena, "ipam.addresses[%zu]", i);

		if (add_ip(c, a->address, arena_printf(c->arena, "%s.address", path)) < 0)
			return -1;
		if (a->gateway && *a->gateway &&
		    parse_gateway(c, a->gateway, arena_printf(c->arena, "%s.gateway", path),
				  &conf->ips[i].gateway) < 0)
			return -1;
	}
	return 0;
}

/* CNI_ARGS has lists "one, two"; *rest begins as a copy of one. NULL at the end. */
static const char *next_item(char **rest)
{
	char *item = strsep(rest, ",");
	size_t len;

	if (!item)
		return NULL;
	item += strspn(item, " ");
	for (len = strlen(item); len && item[len - 1] == ' ';)
		item[--len] = '\0';
	return item;
}

static char *list_arg(const struct cni_call *c, const char *key)
{
	const char *list = cni_arg(c, key);

	return list ? arena_strdup(c->arena, list) : NULL;
}

/* For the addresses of CNI_ARGS alone; the last gateway that fits counts. */
static void set_gateway(struct static_conf *conf, size_t first, const struct ip *gateway)
{
	for (size_t i = first; i < conf->n_ips; i++)
		if (cidr_contains(&conf->ips[i].address, gateway))
			conf->ips[i].gateway = *gateway;
}

static int add_cni_args(struct cni_call *c)
{
	char *ips = list_arg(c, "IP"), *gateways = list_arg(c, "GATEWAY");
	struct static_conf *conf = c->conf;
	size_t first = conf->n_ips;
	struct ip gateway;
	const char *item;

	while ((item = next_item(&ips)))
		if (add_ip(c, item, "CNI_ARGS IP") < 0)
			return -1;
	while ((item = next_item(&gateways))) {
		if (parse_gateway(c, item, "CNI_ARGS GATEWAY", &gateway) < 0)
			return -1;
		set_gateway(conf, first, &gateway);
	}
	return 0;
}

static int replace_by(struct cni_call *c, const char **ips, size_t n, const char *path)
{
	struct static_conf *conf = c->conf;

	if (n)
		conf->n_ips = 0;
	for (size_t i = 0; i < n; i++)
		if (add_ip(c, ips[i], arena_printf(c->arena, "%s[%zu]", path, i)) < 0)
			return -1;
	return 0;
}

static int static_validate(struct cni_call *c)
{
	const struct static_conf *conf = c->conf;
	size_t n[2] = { 0 };

	if (!conf->has_ipam)
		return err_config(c->err, "IPAM config missing 'ipam' key");
	if (add_addresses(c) < 0 || (c->req->command != CNI_STATUS && add_cni_args(c) < 0) ||
	    replace_by(c, conf->args_ips, conf->n_args_ips, "args.cni.ips") < 0 ||
	    replace_by(c, conf->runtime_ips, conf->n_runtime_ips, "runtimeConfig.ips") < 0)
		return -1;
	for (size_t i = 0; i < conf->n_ips; i++)
		n[conf->ips[i].address.family == AF_INET6]++;
	return cni_version_allows_addresses(c->req->net.version, n, c->err);
}

/* ---- the commands; DEL, GC and STATUS have nothing to do ------------------------------------- */

static int static_add(struct cni_call *c)
{
	const struct static_conf *conf = c->conf;
	struct cni_result *r = &c->result;

	r->ips = conf->ips;
	r->n_ips = conf->n_ips;
	r->routes = conf->routes;
	r->n_routes = conf->n_routes;
	r->dns = conf->dns;
	return 0;
}

static const struct cni_ipconfig *find(const struct cni_result *r, const struct ip *address)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (cidr_equal(&r->ips[i].address, address))
			return &r->ips[i];
	return NULL;
}

static int static_check(struct cni_call *c)
{
	const struct static_conf *conf = c->conf;
	char ip[IP_STRLEN];

	for (size_t i = 0; i < conf->n_ips; i++) {
		const struct cni_ipconfig *want = &conf->ips[i];
		const struct cni_ipconfig *have = find(c->req->prev, &want->address);

		if (!have)
			return err_set(c->err, ERR_CHECK,
				       "static: address %s of interface %s is not in prevResult",
				       cidr_str(&want->address, ip), c->req->ifname);
		if (want->gateway.family != AF_UNSPEC && !ip_equal(&want->gateway, &have->gateway))
			return err_set(c->err, ERR_CHECK,
				       "static: Failed to match addr %s on interface %s: its "
				       "gateway in prevResult differs",
				       cidr_str(&want->address, ip), c->req->ifname);
	}
	return 0;
}

const struct cni_plugin static_plugin = {
	.name = "static",
	.fields = static_fields,
	.conf_size = sizeof(struct static_conf),
	.args = static_args,
	.ipam = true,
	.validate = static_validate,
	.add = static_add,
	.check = static_check,
};
