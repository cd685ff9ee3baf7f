/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/result.h"

#include <string.h>

#include "cni/version.h"

const struct json_field cni_dns_fields[] = {
	F_STRS("nameservers", struct cni_dns, nameservers, HAS(struct cni_dns, any)),
	F_STR("domain", struct cni_dns, domain, HAS(struct cni_dns, any)),
	F_STRS("search", struct cni_dns, search, HAS(struct cni_dns, any)),
	F_STRS("options", struct cni_dns, options, HAS(struct cni_dns, any)), F_END
};

const struct json_field cni_route_fields[] = {
	F_CIDR("dst", struct cni_route, dst, .required = true),
	F_IP("gw", struct cni_route, gw),
	F_UINT("mtu", struct cni_route, mtu),
	F_UINT("advmss", struct cni_route, advmss),
	F_UINT("priority", struct cni_route, priority),
	F_UINT("table", struct cni_route, table, HAS(struct cni_route, table)),
	F_UINT("scope", struct cni_route, scope, .max = 255, HAS(struct cni_route, scope)),
	F_END
};

static const struct json_field interface_fields[] = {
	F_STR("name", struct cni_interface, name, .required = true),
	F_STR("mac", struct cni_interface, mac),
	F_UINT("mtu", struct cni_interface, mtu),
	F_STR("sandbox", struct cni_interface, sandbox),
	F_STR("socketPath", struct cni_interface, socket_path),
	F_STR("pciID", struct cni_interface, pci_id),
	F_END
};

static const struct json_field ip_fields[] = {
	F_CIDR("address", struct cni_ipconfig, address, .required = true),
	F_IP("gateway", struct cni_ipconfig, gateway),
	F_UINT("interface", struct cni_ipconfig, interface, HAS(struct cni_ipconfig, interface)),
	F_END
};

static const struct json_field list_fields[] = {
	F_LIST("interfaces", struct cni_result, interfaces, interface_fields),
	F_LIST("ips", struct cni_result, ips, ip_fields),
	F_LIST("routes", struct cni_result, routes, cni_route_fields),
	F_OBJ("dns", struct cni_result, dns, cni_dns_fields), F_END
};

/* 0.1.0 and 0.2.0: one block per family. */
struct block {
	struct ip ip, gateway;
	struct cni_route *routes;
	size_t n_routes;
};

struct blocks {
	struct block ip[2];
	struct cni_dns dns;
};

static const struct json_field block_fields[] = {
	F_CIDR("ip", struct block, ip, .required = true), F_IP("gateway", struct block, gateway),
	F_LIST("routes", struct block, routes, cni_route_fields), F_END
};

static const struct json_field blocks_fields[] = { F_OBJ("ip4", struct blocks, ip[0], block_fields),
						   F_OBJ("ip6", struct blocks, ip[1], block_fields),
						   F_OBJ("dns", struct blocks, dns, cni_dns_fields),
						   F_END };

struct version_key {
	const char *version;
};

static const struct json_field version_fields[] = {
	F_STR("cniVersion", struct version_key, version), F_END
};

const struct json_field *const cni_result_tables[] = { list_fields, version_fields, NULL };
const struct json_field *const cni_result_tables_02[] = { blocks_fields, NULL };

static int parse_blocks(const struct json *v, const char *what, struct cni_result *out,
			struct err *err)
{
	struct blocks b = { 0 };

	if (json_decode(v, blocks_fields, what, &b, err) < 0)
		return -1;
	for (const struct block *p = b.ip; p < b.ip + ARRAY_SIZE(b.ip); p++) {
		if (!p->ip.family)
			continue;
		*arena_append(json_arena(), out->ips, out->n_ips) =
			(struct cni_ipconfig){ .address = p->ip, .gateway = p->gateway };
		for (size_t i = 0; i < p->n_routes; i++)
			*arena_append(json_arena(), out->routes, out->n_routes) = p->routes[i];
	}
	out->dns = b.dns;
	return 0;
}

/* The reference takes a previous result's address beyond the list for one of no interface. */
static int check_indices(struct cni_result *r, bool is_prev, const char *what, struct err *err)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cni_ipconfig *ip = &r->ips[i];

		if (!ip->has_interface || !r->n_interfaces || ip->interface < r->n_interfaces)
			continue;
		if (!is_prev)
			return err_set(err, ERR_DECODE,
				       "%s.ips[%zu].interface: there is no interface %u", what, i,
				       ip->interface);
		ip->has_interface = false;
	}
	return 0;
}

int cni_result_parse(const struct json *v, const char *version, bool same_family, const char *what,
		     struct cni_result *out, struct err *err)
{
	struct version_key key = { "" };
	enum cni_family family;

	*out = (struct cni_result){ 0 };
	if (json_decode(v, version_fields, what, &key, err) < 0)
		return -1;
	if (!*key.version)
		key.version = version;
	family = cni_family(key.version);
	if (family == CNI_FAMILY_NONE)
		return err_set(err, ERR_DECODE, "%s: unsupported CNI result version \"%.80s\"",
			       what, key.version);
	if (same_family && family != cni_family(version))
		return err_set(err, ERR_DECODE,
			       "%s: cniVersion \"%s\" does not go with the configuration's \"%s\"",
			       what, key.version, version);
	if (family == CNI_FAMILY_02)
		return parse_blocks(v, what, out, err);
	if (json_decode(v, list_fields, what, out, err) < 0)
		return -1;
	return check_indices(out, same_family, what, err);
}

static const struct cni_ipconfig *first_of(const struct cni_result *r, sa_family_t family)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.family == family)
			return &r->ips[i];
	return NULL;
}

bool cni_result_has_family(const struct cni_result *r, sa_family_t family)
{
	return first_of(r, family) != NULL;
}

bool cni_dns_is_set(const struct cni_dns *d)
{
	return d->n_nameservers || d->n_search || d->n_options || (d->domain && *d->domain);
}

static void add_str(struct json *o, const char *key, const char *s)
{
	if (s && *s)
		json_add_str(o, key, s);
}

static void add_uint(struct json *o, const char *key, uint32_t n)
{
	if (n)
		json_add_int(o, key, n);
}

static void add_ip(struct json *o, const char *key, const struct ip *ip)
{
	char buf[IP_STRLEN];

	if (ip->family)
		json_add_str(o, key, ip_str(ip, buf));
}

static void add_cidr(struct json *o, const char *key, const struct ip *ip)
{
	char buf[IP_STRLEN];

	json_add_str(o, key, cidr_str(ip, buf));
}

/* Before 1.0.0 the key is always there, {} when empty. */
static void add_dns(struct json *root, const struct cni_dns *d, enum cni_family family)
{
	struct json *o;

	if (family == CNI_FAMILY_10 && !cni_dns_is_set(d))
		return;
	o = json_add_object(root, "dns");
	json_add_strs(o, "nameservers", d->nameservers, d->n_nameservers);
	add_str(o, "domain", d->domain);
	json_add_strs(o, "search", d->search, d->n_search);
	json_add_strs(o, "options", d->options, d->n_options);
}

/* Those of one family; of all, AF_UNSPEC, with the attributes that came with 0.3.0. */
static void add_routes(struct json *root, const struct cni_result *r, sa_family_t family)
{
	struct json *list = NULL, *o;

	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *route = &r->routes[i];

		if (family != AF_UNSPEC && route->dst.family != family)
			continue;
		if (!list)
			list = json_add_list(root, "routes");
		o = json_add_object(list, NULL);
		add_cidr(o, "dst", &route->dst);
		add_ip(o, "gw", &route->gw);
		if (family != AF_UNSPEC)
			continue;
		add_uint(o, "mtu", route->mtu);
		add_uint(o, "advmss", route->advmss);
		add_uint(o, "priority", route->priority);
		if (route->has_table)
			json_add_int(o, "table", route->table);
		if (route->has_scope)
			json_add_int(o, "scope", route->scope);
	}
}

static void add_interfaces(struct json *root, const struct cni_result *r, enum cni_family family)
{
	struct json *list = r->n_interfaces ? json_add_list(root, "interfaces") : NULL;
	bool newest = family == CNI_FAMILY_10;

	for (size_t i = 0; i < r->n_interfaces; i++) {
		const struct cni_interface *f = &r->interfaces[i];
		struct json *o = json_add_object(list, NULL);

		json_add_str(o, "name", f->name ? f->name : "");
		add_str(o, "mac", f->mac);
		add_uint(o, "mtu", newest ? f->mtu : 0);
		add_str(o, "sandbox", f->sandbox);
		add_str(o, "socketPath", newest ? f->socket_path : NULL);
		add_str(o, "pciID", newest ? f->pci_id : NULL);
	}
}

static void add_ips(struct json *root, const struct cni_result *r, enum cni_family family)
{
	struct json *list = r->n_ips ? json_add_list(root, "ips") : NULL;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ipconfig *p = &r->ips[i];
		struct json *o = json_add_object(list, NULL);

		if (family == CNI_FAMILY_03)
			json_add_str(o, "version", p->address.family == AF_INET6 ? "6" : "4");
		if (p->has_interface)
			json_add_int(o, "interface", p->interface);
		add_cidr(o, "address", &p->address);
		add_ip(o, "gateway", &p->gateway);
	}
}

static void add_block(struct json *root, const char *key, const struct cni_result *r,
		      sa_family_t family)
{
	const struct cni_ipconfig *ip = first_of(r, family);
	struct json *o;

	if (!ip)
		return;
	o = json_add_object(root, key);
	add_cidr(o, "ip", &ip->address);
	add_ip(o, "gateway", &ip->gateway);
	add_routes(o, r, family);
}

struct json *cni_result_object(const struct cni_result *r, const char *version)
{
	enum cni_family family = cni_family(version);
	struct json *root = json_object();

	json_add_str(root, "cniVersion", *version ? version : cni_versions[0]);
	if (family == CNI_FAMILY_02) {
		add_block(root, "ip4", r, AF_INET);
		add_block(root, "ip6", r, AF_INET6);
	} else {
		add_interfaces(root, r, family);
		add_ips(root, r, family);
		add_routes(root, r, AF_UNSPEC);
	}
	add_dns(root, &r->dns, family);
	return root;
}

int cni_result_json(const struct cni_result *r, const char *version, struct json **out,
		    struct err *err)
{
	if (cni_family(version) == CNI_FAMILY_02 && !r->n_ips)
		return err_config(err, "cannot convert: no valid IP addresses");
	*out = cni_result_object(r, version);
	return 0;
}
