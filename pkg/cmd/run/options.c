/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmd/run/caps.h"
#include "cni/conf.h"
#include "net/mac.h"

#define ADDRESSES_MAX 1000 /* with all mappings they fit into a configuration (JSON_MAX_TEXT) */

/* What a value is added to. */
struct taking {
	struct run_options *o;
	struct arena *arena;
};

/* False: it is no such value. */
typedef bool (*take_fn)(struct taking *t, const char *value);

/* ---- the network ----------------------------------------------------------------------------- */

static bool take_net(struct taking *t, const char *value)
{
	struct run_options *o = t->o;
	bool none = !strcmp(value, "none"), host = !strcmp(value, "host");

	if (!none && !host) {
		*arena_append(t->arena, o->nets, o->n_nets) = value;
		return *value && o->net <= RUN_NET_NAMED && (o->net = RUN_NET_NAMED, true);
	}
	o->net = none ? RUN_NET_NONE : RUN_NET_HOST;
	return !o->n_nets;
}

static bool take_publish(struct taking *t, const char *value)
{
	return run_value_publish(arena_append(t->arena, t->o->publishes, t->o->n_publishes), value,
				 t->arena);
}

static bool take_ip(struct taking *t, const char *value)
{
	struct ip ip;

	*arena_append(t->arena, t->o->ips, t->o->n_ips) = value;
	return ip_parse(&ip, value) || cidr_parse(&ip, value);
}

static bool take_mac(struct taking *t, const char *value)
{
	uint8_t mac[MAC_LEN];

	t->o->mac = value;
	return mac_parse(mac, value);
}

static bool take_dns(struct taking *t, const char *value)
{
	struct ip ip;

	*arena_append(t->arena, t->o->dns, t->o->n_dns) = value;
	return ip_parse(&ip, value);
}

static bool take_hostname(struct taking *t, const char *value)
{
	t->o->hostname = value;
	return run_value_is_hostname(value);
}

static bool take_netns(struct taking *t, const char *value)
{
	uint32_t fd;
	bool is_fd = run_value_number(&fd, value, INT_MAX);

	t->o->netns = is_fd ? NULL : value;
	t->o->netns_fd = is_fd ? (int)fd : -1;
	return *value;
}

/* Commas between them; nothing at all lets nothing out. */
static bool take_egress(struct taking *t, const char *value)
{
	char *rest = arena_strdup(t->arena, value), *part;

	t->o->has_egress = true;
	while (*value && (part = strsep(&rest, ",")))
		if (!run_value_egress(arena_append(t->arena, t->o->egress, t->o->n_egress), part,
				      t->arena))
			return false;
	return true;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool take_uid_map(struct taking *t, const char *value)
{
	t->o->user = true;
	return run_value_id_map(arena_append(t->arena, t->o->uid_maps, t->o->n_uid_maps), value);
}

static bool take_gid_map(struct taking *t, const char *value)
{
	t->o->user = true;
	return run_value_id_map(arena_append(t->arena, t->o->gid_maps, t->o->n_gid_maps), value);
}

static bool take_rootfs(struct taking *t, const char *value)
{
	t->o->rootfs = value;
	return *value;
}

static bool take_bind(struct taking *t, const char *value)
{
	return run_value_bind(arena_append(t->arena, t->o->mounts, t->o->n_mounts), value,
			      t->arena);
}

static bool take_tmpfs(struct taking *t, const char *value)
{
	*arena_append(t->arena, t->o->mounts, t->o->n_mounts) =
		(struct run_mount){ .target = value };
	return run_value_is_target(value);
}

static bool take_cap(struct taking *t, const char *value)
{
	return run_caps_add(&t->o->caps, value);
}

static bool take_fd(struct taking *t, const char *value)
{
	uint32_t fd;

	if (!run_value_number(&fd, value, INT_MAX) || fd < 3)
		return false;
	*arena_append(t->arena, t->o->fds, t->o->n_fds) = (int)fd;
	return true;
}

static bool take_keep(struct taking *t, const char *value)
{
	(void)value;
	return t->o->keep = true;
}

static bool take_user(struct taking *t, const char *value)
{
	(void)value;
	return t->o->user = true;
}

static bool take_read_only(struct taking *t, const char *value)
{
	(void)value;
	return t->o->read_only = true;
}

static bool take_tty(struct taking *t, const char *value)
{
	(void)value;
	t->o->tty = RUN_TTY_YES;
	return true;
}

static bool take_no_tty(struct taking *t, const char *value)
{
	(void)value;
	t->o->tty = RUN_TTY_NO;
	return true;
}

/* In the order of the page. */
static const struct option {
	const char *name;
	take_fn take;
	const char *expected; /* NULL: it takes no value */
} options[] = {
	{ "--net", take_net, "names or files of networks, or \"none\" or \"host\" alone" },
	{ "--publish", take_publish, "[IP:]HOST:CONTAINER[/tcp|udp|sctp]" },
	{ "--ip", take_ip, "an address, with a prefix length or without" },
	{ "--mac", take_mac, "a MAC address" },
	{ "--dns", take_dns, "an address" },
	{ "--hostname", take_hostname, "letters, digits, '-' and '.', at most 64" },
	{ "--netns", take_netns, "a path or a descriptor" },
	{ "--keep", take_keep, NULL },
	{ "--egress", take_egress, "addresses, prefixes, ADDRESS:PORT or [ADDRESS]:PORT" },
	{ "--user", take_user, NULL },
	{ "--uid-map", take_uid_map, "INSIDE:OUTSIDE:COUNT" },
	{ "--gid-map", take_gid_map, "INSIDE:OUTSIDE:COUNT" },
	{ "--rootfs", take_rootfs, "a directory" },
	{ "--read-only", take_read_only, NULL },
	{ "--bind", take_bind, "SRC:DST[:ro|:rw], DST from the root and not the root" },
	{ "--tmpfs", take_tmpfs, "a directory from the root and not the root, without ':'" },
	{ "--cap-add", take_cap, "a capability's name, or \"all\"" },
	{ "--fd", take_fd, "a descriptor from 3 on" },
	{ "--tty", take_tty, NULL },
	{ "--no-tty", take_no_tty, NULL },
};

/* ---- the command line ------------------------------------------------------------------------ */

/* The option of "--name" and "--name=value". */
static const struct option *find(const char *arg)
{
	size_t n = strcspn(arg, "=");

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strncmp(options[i].name, arg, n) && !options[i].name[n])
			return &options[i];
	return NULL;
}

/* One option; *i is moved to its last argument. */
static int take_option(struct taking *t, int *i, char **argv, struct err *err)
{
	const char *arg = argv[*i], *eq = strchr(arg, '=');
	const struct option *opt = find(arg);
	const char *value = eq ? eq + 1 : NULL;

	if (!opt)
		return err_config(err, "%s: no such option", arg);
	if (!opt->expected && value)
		return err_config(err, "%s: takes no value", opt->name);
	if (opt->expected && !value) {
		value = argv[*i + 1];
		*i += value ? 1 : 0;
	}
	if (opt->expected && !value)
		return err_config(err, "%s: expected %s", opt->name, opt->expected);
	if (!opt->take(t, value))
		return err_config(err, "%s %s: expected %s", opt->name, value, opt->expected);
	return 0;
}

/* More would be refused by whom they are for, in other words. */
static int check_counts(const struct run_options *o, struct err *err)
{
	const struct {
		const char *name;
		size_t n, max;
	} lists[] = {
		{ "--publish", o->n_publishes, CNI_PORT_MAPPINGS_MAX },
		{ "--ip", o->n_ips, ADDRESSES_MAX },
		{ "--dns", o->n_dns, ADDRESSES_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i].n > lists[i].max)
			return err_config(err, "%s: %zu of them, and %zu may be", lists[i].name,
					  lists[i].n, lists[i].max);
	return 0;
}

/* What one option says and another one takes back. */
static int check(const struct run_options *o, struct err *err)
{
	bool is_alone = o->net == RUN_NET_NONE || o->net == RUN_NET_HOST;
	const char *net = o->net == RUN_NET_HOST ? "host" : "none";
	const char *needs = o->n_publishes  ? "--publish"
			    : o->n_ips      ? "--ip"
			    : o->mac        ? "--mac"
			    : o->has_egress ? "--egress"
					    : NULL;

	if (is_alone && needs)
		return err_config(err, "%s: needs a network, and --net %s is none", needs, net);
	if (o->net == RUN_NET_HOST && (o->netns || o->netns_fd >= 0))
		return err_config(err, "--netns: --net host is another namespace");
	if (o->keep && !o->netns)
		return err_config(err, "--keep: needs --netns PATH, where the namespace is left");
	if (!o->argv[0])
		return err_config(err, "no command is given");
	return check_counts(o, err);
}

int run_options_parse(struct run_options *o, int argc, char **argv, struct arena *arena,
		      struct err *err)
{
	struct taking t = { o, arena };
	int i = 1;

	*o = (struct run_options){ .netns_fd = -1 };
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (take_option(&t, &i, argv, err) < 0)
			return -1;
	}
	o->argv = argv + i;
	return check(o, err);
}
