/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/own.h"
#include "cmd/run/default.h"
#include "cmd/run/egress.h"
#include "cmd/run/uplink.h"

#define CONF_DIR "/etc/cni/net.d"
#define BIN_DIR  "/opt/cni/bin"
#define ID_BYTES 6

static const char *env_or(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

/* ---- what does not go together --------------------------------------------------------------- */

static int check_egress(const struct run_options *o, bool joined, struct err *err)
{
	const char *cap = run_egress_undone_by(o->caps);

	if (!o->has_egress)
		return 0;
	if (o->net == RUN_NET_HOST)
		return err_config(err, "--egress: not with --net host: its rules are for a network "
				       "namespace of the command's own");
	if (joined)
		return err_config(err, "--egress: not in a namespace that is there already, whose "
				       "rules are not ours (--netns)");
	if (cap)
		return err_config(
			err, "--egress: with --cap-add %s the command could get around it", cap);
	return 0;
}

/* What asks a network for something, where there is none. */
static const char *asking(const struct run_options *o)
{
	return o->n_publishes ? "--publish" : o->n_ips ? "--ip" : o->mac ? "--mac" : NULL;
}

static int check_none(const struct run_options *o, bool joined, struct err *err)
{
	if (joined && o->net == RUN_NET_NAMED)
		return err_config(err, "--net: not in a namespace that is there already (--netns)");
	if (asking(o))
		return err_config(err, "%s: there is no network to ask for it", asking(o));
	return 0;
}

/* ---- the lists ------------------------------------------------------------------------------- */

static void make_id(struct run_networks *n)
{
	uint8_t bytes[ID_BYTES] = { 0 };
	char *id = arena_alloc(json_arena(), sizeof("run-") + (size_t)2 * ID_BYTES), *at = id;

	(void)!getrandom(bytes, sizeof(bytes), 0);
	at += snprintf(at, sizeof("run-"), "run-");
	for (size_t i = 0; i < ID_BYTES; i++)
		at += snprintf(at, 3, "%02x", bytes[i]);
	n->container_id = id;
}

static struct run_network *append(struct run_networks *n, const char *cni_path)
{
	struct run_network *net = arena_append(json_arena(), n->list, n->n);

	*net = (struct run_network){
		.cni_path = cni_path,
		.ifname = arena_printf(json_arena(), "eth%zu", n->n - 1),
	};
	return net;
}

/* The default's plugins are this executable's, whatever is on a path. */
static int load_default(struct run_networks *n, struct err *err)
{
	struct run_network *net = append(n, OWN_PATH);

	return run_default_list(n->options->n_publishes > 0, &net->list, err);
}

static int load_named(struct run_networks *n, const char *name, struct err *err)
{
	struct run_network *net = append(n, env_or("CNI_PATH", BIN_DIR));
	int rc = strchr(name, '/')
			 ? libcni_list_read(name, &net->list, err)
			 : libcni_list_find(env_or("NETCONFPATH", CONF_DIR), name, &net->list, err);

	return rc < 0 ? err_wrap(err, "--net %s", name) : 0;
}

static int load_lists(struct run_networks *n, struct err *err)
{
	const struct run_options *o = n->options;

	if (o->net == RUN_NET_DEFAULT)
		return load_default(n, err);
	for (size_t i = 0; i < o->n_nets; i++)
		if (load_named(n, o->nets[i], err) < 0)
			return -1;
	return 0;
}

/* ---- what they are asked for ----------------------------------------------------------------- */

static bool is_capable(const struct run_network *net, const char *capability)
{
	for (size_t i = 0; i < net->list.n_plugins; i++)
		if (libcni_plugin_is_capable(&net->list.plugins[i], capability))
			return true;
	return false;
}

/*
 * It is for the first network that takes it: a port, or an address, leads to one interface. -1:
 * none does.
 */
static int give(struct run_networks *n, struct json **args, const char *option,
		const char *capability, struct json **to, struct err *err)
{
	for (size_t i = 0; i < n->n; i++) {
		if (!is_capable(&n->list[i], capability))
			continue;
		if (!args[i])
			args[i] = json_object();
		*to = args[i];
		return 0;
	}
	return err_config(
		err,
		"%s: no plugin of network %s takes it: \"capabilities\": {\"%s\": true} is "
		"missing in its list",
		option, n->list[0].list.name, capability);
}

static void add_mappings(struct json *to, const struct run_options *o)
{
	struct json *list = json_add_list(to, "portMappings");

	for (size_t i = 0; i < o->n_publishes; i++) {
		const struct run_publish *p = &o->publishes[i];
		struct json *m = json_add_object(list, NULL);
		char ip[IP_STRLEN];

		json_add_int(m, "hostPort", p->host);
		json_add_int(m, "containerPort", p->container);
		json_add_str(m, "protocol", p->protocol);
		if (p->ip.family != AF_UNSPEC)
			json_add_str(m, "hostIP", ip_str(&p->ip, ip));
	}
}

/* Who takes the DNS settings of the runtime gets them; nobody has to. */
static void give_dns(struct run_networks *n, struct json **args)
{
	const struct run_options *o = n->options;
	struct err ignored = { 0 };
	struct json *to;

	if (o->n_dns && give(n, args, "--dns", "dns", &to, &ignored) == 0)
		json_add_strs(json_add_object(to, "dns"), "servers", o->dns, o->n_dns);
}

static int make_args(struct run_networks *n, struct json **args, struct err *err)
{
	const struct run_options *o = n->options;
	struct json *to;

	if (o->n_publishes) {
		if (give(n, args, "--publish", "portMappings", &to, err) < 0)
			return -1;
		add_mappings(to, o);
	}
	if (o->n_ips) {
		if (give(n, args, "--ip", "ips", &to, err) < 0)
			return -1;
		json_add_strs(to, "ips", o->ips, o->n_ips);
	}
	if (o->mac) {
		if (give(n, args, "--mac", "mac", &to, err) < 0)
			return -1;
		json_add_str(to, "mac", o->mac);
	}
	give_dns(n, args);
	return 0;
}

static int ask_for(struct run_networks *n, struct err *err)
{
	struct json **args = arena_array(json_arena(), struct json *, n->n);

	if (make_args(n, args, err) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (args[i])
			n->list[i].capability_args = json_text_own(json_print(args[i]));
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int load_uplink(struct run_networks *n, struct err *err)
{
	if (!run_uplink_is_needed()) {
		n->kind = RUN_UPLINK_CNI;
		return load_lists(n, err) < 0 ? -1 : ask_for(n, err);
	}
	n->kind = RUN_UPLINK_PASTA;
	return run_uplink_check(n->options, err);
}

int run_networks_load(struct run_networks *n, const struct run_options *o, bool joined,
		      struct err *err)
{
	bool none = joined || o->net == RUN_NET_NONE || o->net == RUN_NET_HOST;

	*n = (struct run_networks){ .options = o, .joined = joined };
	if (o->keep && !joined)
		n->keep = o->netns;
	make_id(n);
	if (check_egress(o, joined, err) < 0)
		return -1;
	return none ? check_none(o, joined, err) : load_uplink(n, err);
}
