/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cni/version.h"
#include "keys.h"
#include "net/mac.h"
#include "sys/file.h"

#define ENDPOINTS_MAX  16
#define SECRET_MAX     4096
#define SPACE_FILE_MAX (NAME_MAX - 8) /* of a file's name; a draft has some more */
#define BLOCKS_MIN     32             /* a pool of fewer is given by single addresses */
#define BLOCK4         26
#define BLOCK6         122
#define HOST_CHARS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* clang-format off */
static const struct json_field range_fields[] = {
	F_STR("range", struct pool_text, range),
	F_STR("range_start", struct pool_text, start),
	F_STR("range_end", struct pool_text, end),
	F_STRS("exclude", struct pool_text, exclude),
	F_END
};

static const struct json_field address_fields[] = {
	F_STR("address", struct conf_address, address, .required = true),
	F_STR("gateway", struct conf_address, gateway),
	F_END
};

static const struct json_field tls_fields[] = {
	F_STR("ca", struct cluster_conf, etcd.ca),
	F_STR("cert", struct cluster_conf, etcd.cert),
	F_STR("key", struct cluster_conf, etcd.key),
	F_END
};

static const struct json_field etcd_fields[] = {
	{ JSON_("endpoints", JSON_LIST, struct cluster_conf, etcd.endpoints),
	  .count_offset = offsetof(struct cluster_conf, etcd.n_endpoints),
	  .sub = json_str_item, .sub_size = sizeof(const char *), .max = ENDPOINTS_MAX },
	F_STR("prefix", struct cluster_conf, prefix, .max = 64),
	F_HERE("tls", tls_fields),
	F_STR("user", struct cluster_conf, etcd.user),
	F_STR("password", struct cluster_conf, etcd.password),
	F_STR("passwordFile", struct cluster_conf, password_file),
	F_UINT("timeout", struct cluster_conf, etcd.timeout_ms, .min = 100, .max = 60000),
	F_END
};

static const struct json_field ipam_fields[] = {
	F_STR("range", struct cluster_conf, only.range),
	F_STR("range_start", struct cluster_conf, only.start),
	F_STR("range_end", struct cluster_conf, only.end),
	{ JSON_("exclude", JSON_LIST, struct cluster_conf, only.exclude),
	  .count_offset = offsetof(struct cluster_conf, only.n_exclude),
	  .sub = json_str_item, .sub_size = sizeof(const char *) },
	F_LIST("ipRanges", struct cluster_conf, ranges, range_fields, .max = CONF_SETS_MAX - 1),
	F_STR("gateway", struct cluster_conf, gateway),
	F_STR("network_name", struct cluster_conf, network_name, .max = 100),
	F_BOOL("enable_overlapping_ranges", struct cluster_conf, overlapping),
	F_STR("node_slice_size", struct cluster_conf, slice),
	F_LIST("addresses", struct cluster_conf, addresses, address_fields, .max = 1024),
	F_LIST("routes", struct cluster_conf, routes, cni_route_fields),
	F_OBJ("dns", struct cluster_conf, dns, cni_dns_fields),
	F_STR("dataDir", struct cluster_conf, data_dir),
	F_UINT("blockSize", struct cluster_conf, block4, HAS(struct cluster_conf, block4),
	       .min = 16, .max = 30),
	F_UINT("blockSize6", struct cluster_conf, block6, HAS(struct cluster_conf, block6),
	       .min = 112, .max = 126),
	F_UINT("blockIdle", struct cluster_conf, idle, .max = 4294967295),
	F_UINT("poolVersion", struct cluster_conf, version, .max = 4294967295),
	F_STR("sticky", struct cluster_conf, sticky),
	F_STR("claim", struct cluster_conf, claim, .max = 512),
	F_HERE("etcd", etcd_fields),
	F_END
};

static const struct json_field runtime_fields[] = {
	F_STRS("ips", struct cluster_conf, runtime_ips),
	F_STR("mac", struct cluster_conf, mac),
	F_END
};

const struct json_field conf_fields[] = {
	F_HERE("ipam", ipam_fields, HAS(struct cluster_conf, ipam)),
	F_HERE("runtimeConfig", runtime_fields),
	F_HERE("args", F_TABLE(F_HERE("cni", F_TABLE(
		F_STRS("ips", struct cluster_conf, args_ips))))),
	F_END
};
/* clang-format on */

const struct cluster_conf conf_defaults = {
	.overlapping = true,
	.network_name = "",
	.data_dir = "/var/lib/cni/cluster",
	.block4 = BLOCK4,
	.block6 = BLOCK6,
	.idle = 600,
	.sticky = "",
	.claim = "",
	.prefix = "/cnic",
	.etcd.timeout_ms = 5000,
	.space = "",
	.claim_key = "",
};

/* What kubelet and Multus pass; of these only the pod's name and MAC are looked at, and IP. */
const char *const conf_args[] = {
	"IP",           "GATEWAY",
	"MAC",          "K8S_POD_NAMESPACE",
	"K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID",
	"K8S_POD_UID",  NULL,
};

/* ---- ranges ---------------------------------------------------------------------------------- */

static int parse_gateway(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;

	if (conf->gateway && !ip_parse(&conf->gateway_ip, conf->gateway))
		return err_config(c->err, "ipam.gateway: invalid IP address: %.80s", conf->gateway);
	return 0;
}

static int add_pool(struct cni_call *c, const struct pool_text *text, const char *path)
{
	struct cluster_conf *conf = c->conf;
	struct pool *p = &conf->pools[conf->n_pools];

	if (pool_parse(text, &conf->gateway_ip, path, c->arena, p, c->err) < 0)
		return -1;
	for (size_t i = 0; i < conf->n_pools; i++)
		if (ip_cmp(&p->start, &conf->pools[i].end) <= 0 &&
		    ip_cmp(&conf->pools[i].start, &p->end) <= 0)
			return err_config(c->err, "%s: overlaps with another range of the network",
					  path);
	conf->n_pools++;
	return 0;
}

static int parse_pools(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;

	conf->pools = arena_array(c->arena, struct pool, conf->n_ranges + 1);
	if (conf->only.range && add_pool(c, &conf->only, "ipam") < 0)
		return -1;
	for (size_t i = 0; i < conf->n_ranges; i++)
		if (add_pool(c, &conf->ranges[i], arena_printf(c->arena, "ipam.ipRanges[%zu]", i)) <
		    0)
			return -1;
	if (!conf->n_pools)
		return err_config(c->err, "ipam.range: missing, and no ipRanges");
	return 0;
}

static int parse_fixed(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;

	conf->fixed = arena_array(c->arena, struct cni_ipconfig, conf->n_addresses);
	for (size_t i = 0; i < conf->n_addresses; i++) {
		struct cni_ipconfig *to = &conf->fixed[conf->n_fixed++];
		const struct conf_address *a = &conf->addresses[i];

		if (!cidr_parse(&to->address, a->address) ||
		    (a->gateway && !ip_parse(&to->gateway, a->gateway)))
			return err_config(c->err, "ipam.addresses[%zu]: no CIDR with a gateway", i);
	}
	return 0;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* whereabouts' node_slice_size is "/26" or "26". */
static int parse_slice(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	const char *text = conf->slice;
	uint8_t length = 0;

	if (!text || conf->has_block4)
		return 0;
	text += *text == '/';
	for (; *text >= '0' && *text <= '9' && length < 100; text++)
		length = (uint8_t)(length * 10 + (*text - '0'));
	if (*text || length < 16 || length > 30)
		return err_config(c->err,
				  "ipam.node_slice_size: %.20s is no length from /16 to /30",
				  conf->slice);
	conf->block4 = length;
	conf->has_block4 = true;
	return 0;
}

uint8_t conf_block_length(const struct cluster_conf *conf, const struct pool *p)
{
	return p->subnet.family == AF_INET ? conf->block4 : conf->block6;
}

/*
 * A quarter is left to single addresses, so that what remains of a pool is not shut up in blocks
 * that others own. One node alone shuts up nothing.
 */
uint64_t conf_blocks(const struct cluster_conf *conf, const struct pool *p)
{
	bool asked = p->subnet.family == AF_INET ? conf->has_block4 : conf->has_block6;
	uint64_t n = pool_count_blocks(p, conf_block_length(conf, p));

	if (!conf_has_etcd(conf))
		return n;
	if (n < BLOCKS_MIN && !asked)
		return 0;
	return n - (n / 4 ? n / 4 : 1);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* What it has on this node is in a file of that name. */
static int check_space(struct cni_call *c, const char *space)
{
	if (strlen(keys_encode(space, c->arena)) <= SPACE_FILE_MAX)
		return 0;
	return err_config(c->err,
			  "ipam.network_name: with prefix, and escaped, longer than a file's name "
			  "may be: %.200s",
			  space);
}

/* Where an address may be given once. The directory has no prefix. */
static const char *name_space(struct cni_call *c)
{
	const struct cluster_conf *conf = c->conf;
	const char *prefix = conf_has_etcd(conf) ? conf->prefix : "";
	const char *name = keys_encode(conf->network_name, c->arena);
	char cidr[IP_STRLEN];

	if (conf->overlapping)
		name = arena_printf(c->arena, "n%s", name);
	else
		name = arena_printf(c->arena, "r%s,%s", name,
				    keys_encode(cidr_str(&conf->pools[0].subnet, cidr), c->arena));
	return keys_space(prefix, name, c->arena);
}

/* Whatever bytes the names have: the key is one of them alone, and reads back as it was written. */
static int name_pod(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	const char *space = cni_arg(c, "K8S_POD_NAMESPACE"), *pod = cni_arg(c, "K8S_POD_NAME");

	if (c->req->command == CNI_STATUS)
		return 0;
	if (!space || !pod)
		return err_config(c->err, "ipam.sticky: pod: CNI_ARGS has no K8S_POD_NAMESPACE and "
					  "K8S_POD_NAME");
	conf->claim_key =
		arena_printf(c->arena, "pod/%s/%s/%s", keys_encode(space, c->arena),
			     keys_encode(pod, c->arena), keys_encode(c->req->ifname, c->arena));
	return 0;
}

static int name_mac(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	const char *mac = conf->mac ? conf->mac : cni_arg(c, "MAC");
	uint8_t bytes[MAC_LEN];
	char text[MAC_STRLEN];

	if (c->req->command == CNI_STATUS)
		return 0;
	if (!mac)
		return err_config(c->err, "ipam.sticky: mac: there is none in runtimeConfig.mac or "
					  "CNI_ARGS");
	if (!mac_parse(bytes, mac))
		return err_config(c->err, "ipam.sticky: mac: invalid MAC address: %.80s", mac);
	conf->claim_key = arena_printf(c->arena, "mac/%s", mac_str(bytes, text));
	return 0;
}

static int name_claim(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;

	if (*conf->claim)
		conf->claim_key = arena_printf(c->arena, "claim/%s", conf->claim);
	else if (!strcmp(conf->sticky, "pod"))
		return name_pod(c);
	else if (!strcmp(conf->sticky, "mac"))
		return name_mac(c);
	else if (*conf->sticky)
		return err_config(c->err, "ipam.sticky: %.40s is neither pod nor mac",
				  conf->sticky);
	return 0;
}

/* ---- etcd ------------------------------------------------------------------------------------ */

bool conf_has_etcd(const struct cluster_conf *conf)
{
	return conf->etcd.n_endpoints > 0;
}

static bool is_line(const char *text)
{
	return !text || (*text && !strpbrk(text, "\r\n"));
}

static bool is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");
	long port = strtol(text, NULL, 10);

	return n && n <= 5 && !text[n] && port > 0 && port <= 65535;
}

/* http://HOST:PORT or https://HOST:PORT, HOST a name, an IPv4 address or [an IPv6 address]. */
static bool is_endpoint(const char *text)
{
	const char *host = strstr(text, "://");
	size_t n;

	if (strlen(text) > 1024 ||
	    (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0))
		return false;
	host += 3;
	n = strspn(host, *host == '[' ? "[" HOST_CHARS ":%" : HOST_CHARS);
	if (*host == '[' && (host[n++] != ']' || n < 3))
		return false;
	return n && (!host[n] || (host[n] == ':' && is_port(host + n + 1)));
}

static int check_endpoints(struct cni_call *c)
{
	const struct cluster_conf *conf = c->conf;

	for (size_t i = 0; i < conf->etcd.n_endpoints; i++)
		if (!is_endpoint(conf->etcd.endpoints[i]))
			return err_config(
				c->err,
				"ipam.etcd.endpoints[%zu]: %.200s is not http://HOST:PORT "
				"or https://HOST:PORT",
				i, conf->etcd.endpoints[i]);
	return 0;
}

/* One that is relative would be another file for each runtime that calls. */
static int check_path(struct cni_call *c, const char *key, const char *path)
{
	if (!path || *path == '/')
		return 0;
	return err_config(c->err, "ipam.%s: \"%.80s\" is no absolute path", key, path);
}

static int read_password(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	const char *text;
	size_t len;

	if (!conf->password_file || conf->etcd.password)
		return 0;
	if (file_read(conf->password_file, SECRET_MAX, c->arena, &text, &len, c->err) < 0)
		return err_wrap(c->err, "ipam.etcd.passwordFile");
	conf->etcd.password = arena_strndup(c->arena, text, strcspn(text, "\r\n"));
	return 0;
}

static int check_etcd(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	const struct etcd_conf *e = &conf->etcd;

	if (!conf_has_etcd(conf))
		return 0;
	if (check_endpoints(c) < 0 || check_path(c, "etcd.tls.ca", e->ca) < 0 ||
	    check_path(c, "etcd.tls.cert", e->cert) < 0 ||
	    check_path(c, "etcd.tls.key", e->key) < 0 ||
	    check_path(c, "etcd.passwordFile", conf->password_file) < 0 || read_password(c) < 0)
		return -1;
	if (!is_line(e->ca) || !is_line(e->cert) || !is_line(e->key) || !e->cert != !e->key)
		return err_config(c->err, "ipam.etcd.tls: cert and key go together, each a path");
	if (!e->user != !e->password)
		return err_config(c->err, "ipam.etcd: user and password go together");
	if (*conf->prefix != '/' || conf->prefix[strlen(conf->prefix) - 1] == '/')
		return err_config(c->err, "ipam.etcd.prefix: begins with '/', and does not end so");
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int conf_resolve(struct cni_call *c)
{
	struct cluster_conf *conf = c->conf;
	size_t n[2] = { 0 };

	if (!conf->has_ipam)
		return err_config(c->err, "IPAM config missing 'ipam' key");
	if (check_path(c, "dataDir", conf->data_dir) < 0 || parse_gateway(c) < 0 ||
	    parse_pools(c) < 0 || parse_fixed(c) < 0 || parse_slice(c) < 0 || check_etcd(c) < 0 ||
	    name_claim(c) < 0)
		return -1;
	conf->space = name_space(c);
	if (check_space(c, conf->space) < 0)
		return -1;
	for (size_t i = 0; i < conf->n_pools; i++)
		n[conf->pools[i].subnet.family == AF_INET6]++;
	for (size_t i = 0; i < conf->n_fixed; i++)
		n[conf->fixed[i].address.family == AF_INET6]++;
	return cni_version_allows_addresses(c->req->net.version, n, c->err);
}

void conf_resolve_lenient(struct cni_call *c, bool pools)
{
	struct cluster_conf *conf = c->conf;
	struct err before = *c->err;

	if (pools && (parse_gateway(c) < 0 || parse_pools(c) < 0 || parse_slice(c) < 0))
		conf->n_pools = 0;
	if (check_etcd(c) < 0)
		conf->etcd_fault = arena_strdup(c->arena, c->err->msg);
	if (conf->n_pools && !conf->etcd_fault)
		conf->space = name_space(c);
	*c->err = before;
}
