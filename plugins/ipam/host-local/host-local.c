/* SPDX-License-Identifier: Apache-2.0 */
/* host-local - addresses from ranges, reserved in files of this host. */
#include <string.h>

#include "cni/version.h"
#include "inventory.h"
#include "ipam/release.h"
#include "ipam/reserve.h"
#include "resolv.h"
#include "skel/call.h"

#define MAX_SETS   64
#define MAX_RANGES 256 /* of a set */

struct host_local_conf {
	struct range_text only; /* the old way to write one set of one range */
	struct range_list *lists, *runtime_lists;
	size_t n_lists, n_runtime_lists;
	const char **args_ips, **runtime_ips;
	size_t n_args_ips, n_runtime_ips;
	struct cni_route *routes;
	size_t n_routes;
	const char *data_dir, *resolv_conf;
	bool has_ipam, release_on_reboot;
	struct range_set *sets; /* of all three ways to write them, by validate() */
	size_t n_sets;
	struct store_want *wants; /* one of each set: what an ADD wants and, later, has */
};

/* clang-format off */
static const struct json_field range_fields[] = {
	F_STR("subnet", struct range_text, subnet),
	F_STR("rangeStart", struct range_text, start),
	F_STR("rangeEnd", struct range_text, end),
	F_STR("gateway", struct range_text, gateway),
	F_END
};

static const struct json_field set_item[] = {
	F_LIST("", struct range_list, ranges, range_fields, .max = MAX_RANGES),
	F_END
};

static const struct json_field ipam_fields[] = {
	F_STR("subnet", struct host_local_conf, only.subnet, .empty = true),
	F_STR("rangeStart", struct host_local_conf, only.start),
	F_STR("rangeEnd", struct host_local_conf, only.end),
	F_STR("gateway", struct host_local_conf, only.gateway),
	F_LIST("ranges", struct host_local_conf, lists, set_item, .max = MAX_SETS),
	F_LIST("routes", struct host_local_conf, routes, cni_route_fields),
	F_STR("dataDir", struct host_local_conf, data_dir),
	F_STR("resolvConf", struct host_local_conf, resolv_conf),
	F_BOOL("releaseOnReboot", struct host_local_conf, release_on_reboot),
	F_END
};

static const struct json_field runtime_fields[] = {
	F_LIST("ipRanges", struct host_local_conf, runtime_lists, set_item, .max = MAX_SETS),
	F_STRS("ips", struct host_local_conf, runtime_ips),
	F_END
};

static const struct json_field host_local_fields[] = {
	F_HERE("ipam", ipam_fields, HAS(struct host_local_conf, ipam)),
	F_HERE("runtimeConfig", runtime_fields),
	F_HERE("args", F_TABLE(F_HERE("cni", F_TABLE(
		F_STRS("ips", struct host_local_conf, args_ips))))),
	F_END
};
/* clang-format on */

static const struct host_local_conf host_local_defaults = { .data_dir = "/var/lib/cni/networks" };

static const char *const host_local_args[] = { "IP", NULL };

static int add_sets(struct cni_call *c, const struct range_list *lists, size_t n, const char *path)
{
	struct host_local_conf *conf = c->conf;
	struct range_set *sets = conf->sets + conf->n_sets;

	conf->n_sets += n;
	return range_sets_parse(lists, n, path, c->arena, sets, c->err);
}

static int add_only_set(struct cni_call *c)
{
	struct host_local_conf *conf = c->conf;
	struct range_set *set = conf->sets + conf->n_sets;

	if (!conf->only.subnet)
		return 0;
	conf->n_sets++;
	set->n_ranges = 1;
	set->ranges = arena_new(c->arena, struct range);
	return range_parse(&conf->only, "ipam", set->ranges, c->err);
}

/* The order numbers the sets, and so the last_reserved_ip files: the runtime's come first. */
static int host_local_validate(struct cni_call *c)
{
	struct host_local_conf *conf = c->conf;
	size_t n[2] = { 0 };

	if (!conf->has_ipam)
		return err_config(c->err, "IPAM config missing 'ipam' key");
	conf->sets =
		arena_array(c->arena, struct range_set, conf->n_runtime_lists + 1 + conf->n_lists);
	if (add_sets(c, conf->runtime_lists, conf->n_runtime_lists, "runtimeConfig.ipRanges") < 0 ||
	    add_only_set(c) < 0 || add_sets(c, conf->lists, conf->n_lists, "ipam.ranges") < 0 ||
	    range_sets_check(conf->sets, conf->n_sets, c->err) < 0)
		return -1;
	for (size_t i = 0; i < conf->n_sets; i++)
		n[conf->sets[i].ranges[0].subnet.family == AF_INET6]++;
	return cni_version_allows_addresses(c->req->net.version, n, c->err);
}

static int open_store(struct cni_call *c, struct store *s, enum store_use use)
{
	struct host_local_conf *conf = c->conf;

	return store_open(s, use, conf->data_dir, c->req->net.name, c->arena, c->err);
}

static struct holder holder_of(const struct cni_call *c)
{
	return (struct holder){ c->req->container_id, c->req->ifname };
}

/* *unmatched grows by those that are in no set. */
static int ask(struct cni_call *c, const char *const *ips, size_t n, const char *path,
	       const char **unmatched)
{
	const struct host_local_conf *conf = c->conf;
	char buf[IP_STRLEN];
	struct ip ip;

	for (size_t i = 0; i < n; i++) {
		if (!ip_parse(&ip, ips[i]) && !cidr_parse(&ip, ips[i]))
			return err_config(c->err, "%s[%zu]: invalid IP address: \"%.80s\"", path, i,
					  ips[i]);
		if (!store_request(conf->wants, conf->n_sets, &ip))
			*unmatched = arena_printf(c->arena, "%s %s", *unmatched, ip_str(&ip, buf));
	}
	return 0;
}

/* args.cni is the successor of CNI_ARGS and goes before it; what the runtime adds comes on top. */
static int plan(struct cni_call *c)
{
	struct host_local_conf *conf = c->conf;
	const char *arg = cni_arg(c, "IP"), *unmatched = "";

	conf->wants = arena_array(c->arena, struct store_want, conf->n_sets);
	for (size_t i = 0; i < conf->n_sets; i++)
		conf->wants[i].set = &conf->sets[i];
	if (ask(c, &arg, arg && !conf->n_args_ips, "CNI_ARGS IP", &unmatched) < 0 ||
	    ask(c, conf->args_ips, conf->n_args_ips, "args.cni.ips", &unmatched) < 0 ||
	    ask(c, conf->runtime_ips, conf->n_runtime_ips, "runtimeConfig.ips", &unmatched) < 0)
		return -1;
	if (*unmatched)
		return err_config(c->err, "failed to allocate all requested IPs:%.512s", unmatched);
	return 0;
}

static int read_dns(struct cni_call *c)
{
	const struct host_local_conf *conf = c->conf;

	if (conf->resolv_conf &&
	    resolv_read(conf->resolv_conf, c->arena, &c->result.dns, c->err) < 0)
		return err_wrap(c->err, "ipam.resolvConf");
	return 0;
}

static void undo_add(struct cni_call *c, void *arg)
{
	const struct host_local_conf *conf = arg;
	struct holder holder = holder_of(c);
	auto_store struct store s;

	if (!open_store(c, &s, STORE_CHANGE))
		store_unreserve(&s, &holder, conf->wants, conf->n_sets);
}

static int reserve(struct cni_call *c)
{
	const struct host_local_conf *conf = c->conf;
	struct holder holder = holder_of(c);
	auto_store struct store s;

	if (open_store(c, &s, STORE_ADD) < 0 ||
	    (conf->release_on_reboot && store_release_earlier_boots(&s) < 0))
		return -1;
	return store_reserve(&s, &holder, conf->wants, conf->n_sets);
}

static int host_local_add(struct cni_call *c)
{
	struct host_local_conf *conf = c->conf;
	struct cni_result *r = &c->result;

	if (plan(c) < 0 || read_dns(c) < 0 || reserve(c) < 0)
		return -1;
	undo_push(c, undo_add, conf);
	r->routes = conf->routes;
	r->n_routes = conf->n_routes;
	r->never_used = conf->n_sets > 0;
	for (size_t i = 0; i < conf->n_sets; i++) {
		const struct store_want *w = &conf->wants[i];

		r->never_used &= w->never_used;
		*arena_append(c->arena, r->ips, r->n_ips) =
			(struct cni_ipconfig){ .address = w->ip, .gateway = w->range->gateway };
	}
	return 0;
}

static int host_local_del(struct cni_call *c)
{
	struct holder holder = holder_of(c);
	auto_store struct store s;

	if (open_store(c, &s, STORE_CHANGE) < 0)
		return -1;
	return store_release(&s, &holder);
}

static int host_local_check(struct cni_call *c)
{
	const struct host_local_conf *conf = c->conf;
	struct holder holder = holder_of(c);
	size_t n = c->req->prev->n_ips;
	struct ip *ips = arena_array(c->arena, struct ip, n);
	auto_store struct store s;

	for (size_t i = 0; i < n; i++)
		ips[i] = c->req->prev->ips[i].address;
	if (open_store(c, &s, STORE_READ) < 0)
		return -1;
	if (store_check(&s, &holder, conf->sets, conf->n_sets, ips, n) < 0)
		return err_wrap(c->err, "host-local");
	return 0;
}

static bool is_valid(const struct holder *holder, void *arg)
{
	const struct cni_call *c = arg;
	const struct cni_conf *conf = &c->req->net;

	if (*holder->ifname)
		return cni_gc_is_valid(conf, holder->id, holder->ifname);
	for (size_t i = 0; i < conf->n_attachments; i++)
		if (!strcmp(conf->attachments[i].container_id, holder->id))
			return true;
	return false;
}

/*
 * Without a list nothing is known of this boot's containers, but all of the earlier ones are gone.
 */
static int host_local_gc(struct cni_call *c)
{
	auto_store struct store s;

	if (open_store(c, &s, STORE_CHANGE) < 0)
		return -1;
	if (!c->req->net.has_attachments)
		return store_release_earlier_boots(&s);
	return store_gc(&s, is_valid, c);
}

/* Whatever stands in the way, the answer of STATUS is that ADD would fail. */
static int host_local_status(struct cni_call *c)
{
	const struct host_local_conf *conf = c->conf;
	auto_store struct store s;

	if (!open_store(c, &s, STORE_READ) &&
	    !store_usable(conf->data_dir, c->req->net.name, c->arena, c->err) &&
	    !store_check_free(&s, conf->sets, conf->n_sets))
		return 0;
	c->err->code = ERR_UNAVAILABLE;
	return -1;
}

static int host_local_inventory(struct cni_call *c, const struct cni_inventory *to)
{
	return inventory_stores(c, host_local_defaults.data_dir, to);
}

const struct cni_plugin host_local_plugin = {
	.name = "host-local",
	.inventory = host_local_inventory,
	.fields = host_local_fields,
	.defaults = &host_local_defaults,
	.conf_size = sizeof(struct host_local_conf),
	.args = host_local_args,
	.ipam = true,
	.exclusive = true,
	.validate = host_local_validate,
	.add = host_local_add,
	.del = host_local_del,
	.check = host_local_check,
	.gc = host_local_gc,
	.status = host_local_status,
};
