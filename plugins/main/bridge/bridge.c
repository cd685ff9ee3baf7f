/* SPDX-License-Identifier: Apache-2.0 */
/* bridge - attach the container to a Linux bridge by a veth pair. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "gateway.h"
#include "iface/announce.h"
#include "iface/configure.h"
#include "iface/mac.h"
#include "iface/verify.h"
#include "iface/veth.h"
#include "iface/vlan_list.h"
#include "netfilter/rules.h"
#include "nl/link_wait.h"
#include "skel/delegate.h"

#define UP_TIMEOUT_MS 3000

struct bridge_conf {
	struct bridge_options bridge;
	bool is_gateway, is_default_gateway;
	struct netfilter_conf netfilter;
	struct bridge_port port;
	bool enable_dad, disable_container_interface, slaac;
	struct vlan_range *trunk;
	size_t n_trunk;
	bool has_trunk;
	struct sysctl_list sysctls;
	const char *runtime_mac, *args_mac;
	const uint8_t *mac; /* the container's, by whichever way it was asked for */
};

static const struct json_field trunk_fields[] = {
	F_UINT("minID", struct vlan_range, min, .min = 1, .max = VLAN_MAX,
	       HAS(struct vlan_range, min)),
	F_UINT("maxID", struct vlan_range, max, .min = 1, .max = VLAN_MAX,
	       HAS(struct vlan_range, max)),
	F_UINT("id", struct vlan_range, id, .min = 1, .max = VLAN_MAX, HAS(struct vlan_range, id)),
	F_END
};

static const struct json_field bridge_fields[] = {
	F_STR("bridge", struct bridge_conf, bridge.name, .max = IFNAMSIZ - 1, .empty = true),
	F_BOOL("isGateway", struct bridge_conf, is_gateway),
	F_BOOL("isDefaultGateway", struct bridge_conf, is_default_gateway),
	F_BOOL("forceAddress", struct bridge_conf, bridge.force_address),
	F_BOOL("ipMasq", struct bridge_conf, netfilter.masq),
	F_STR("ipMasqBackend", struct bridge_conf, netfilter.masq_backend),
	F_UINT("mtu", struct bridge_conf, bridge.mtu, .max = 65535),
	F_BOOL("hairpinMode", struct bridge_conf, port.hairpin),
	F_BOOL("promiscMode", struct bridge_conf, bridge.promisc),
	F_UINT("vlan", struct bridge_conf, port.vlans.vid, .max = VLAN_MAX),
	F_LIST("vlanTrunk", struct bridge_conf, trunk, trunk_fields,
	       HAS(struct bridge_conf, trunk)),
	F_BOOL("preserveDefaultVlan", struct bridge_conf, port.vlans.preserve_default),
	F_BOOL("macspoofchk", struct bridge_conf, netfilter.spoof),
	F_BOOL("enabledad", struct bridge_conf, enable_dad),
	F_BOOL("disableContainerInterface", struct bridge_conf, disable_container_interface),
	F_BOOL("portIsolation", struct bridge_conf, port.isolated),
	F_BOOL("slaac", struct bridge_conf, slaac),
	F_MAP("sysctl", struct bridge_conf, sysctls.keys),
	F_HERE("runtimeConfig", F_TABLE(F_STR("mac", struct bridge_conf, runtime_mac))),
	F_HERE("args", F_TABLE(F_HERE("cni", F_TABLE(F_STR("mac", struct bridge_conf, args_mac))))),
	F_END
};

static const struct bridge_conf bridge_defaults = { .bridge.name = "cni0" };

static const char *const bridge_args[] = { "MAC", NULL };

/* runtimeConfig.mac, then args.cni.mac, then CNI_ARGS MAC. */
static int choose_mac(struct cni_call *c, struct bridge_conf *conf)
{
	const char *arg = cni_arg(c, "MAC");
	const struct mac_source sources[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "args.cni.mac", conf->args_mac },
		{ "CNI_ARGS MAC", arg },
	};

	return mac_choose(c, sources, ARRAY_SIZE(sources), &conf->mac);
}

static int check_combinations(struct cni_call *c, const struct bridge_conf *conf)
{
	uint16_t vlan = conf->port.vlans.vid;
	char name[IFNAMSIZ];

	if (conf->port.hairpin && conf->bridge.promisc)
		return err_config(c->err, "hairpinMode and promiscMode exclude each other");
	if (vlan && conf->is_gateway && !bridge_vlan_ifname(conf->bridge.name, vlan, name))
		return err_config(c->err, "bridge: \"%s.%u\" is too long for an interface name",
				  conf->bridge.name, vlan);
	if (conf->disable_container_interface && *c->req->net.ipam.type)
		return err_config(c->err, "disableContainerInterface and ipam exclude each other");
	return 0;
}

static int bridge_validate(struct cni_call *c)
{
	struct bridge_conf *conf = c->conf;
	struct bridge_port_vlans *vlans = &conf->port.vlans;
	const char *fault = str_ifname_fault(conf->bridge.name);

	if (fault)
		return err_config(c->err, "bridge: %s", fault);
	conf->is_gateway |= conf->is_default_gateway;
	if (netfilter_validate(c, &conf->netfilter) < 0 || check_combinations(c, conf) < 0 ||
	    sysctl_list_validate(c, &conf->sysctls) < 0 ||
	    vlan_list_collect(c, "vlanTrunk", conf->trunk, conf->n_trunk, &vlans->trunk) < 0 ||
	    (c->req->command != CNI_STATUS && choose_mac(c, conf) < 0))
		return -1;
	vlans->has_trunk = !vlan_set_is_empty(&vlans->trunk);
	conf->bridge.vlan_filtering = vlans->vid || conf->has_trunk;
	return 0;
}

/*
 * The port stays IF_LINK_MODE_DORMANT until the container is configured: MLD reports and the router
 * solicitation sent at link-up would be flooded under RTNL to every port. Only where the gateway is
 * ours, so that there is no router to look for, and no address to probe. MLD reports are repeated
 * within seconds.
 */
static bool starts_dormant(const struct cni_call *c)
{
	const struct bridge_conf *conf = c->conf;

	return conf->is_gateway && *c->req->net.ipam.type && !conf->enable_dad &&
	       !cni_ipam_asks_network(c);
}

/* An attachment under way. */
struct attachment {
	struct bridge *br;
	struct link host, inside;
	uint32_t index; /* of the container's in the result */
	struct ipam ipam;
};

/* Bridge and veth pair, whose host end becomes a port with its flags and VLANs, under one lock. */
static int join(struct cni_call *c, struct attachment *a)
{
	const struct bridge_conf *conf = c->conf;
	struct veth_req veth = {
		.dormant = starts_dormant(c),
		.mtu = conf->bridge.mtu,
		.peer_mac = conf->mac,
	};

	if (bridge_ensure(c, &conf->bridge, &a->br) < 0)
		return -1;
	veth.master = a->br->link.index;
	if (veth_add(c, veth, true, &a->host, &a->inside) < 0 ||
	    bridge_port_set_flags(c, &a->host, &conf->port) < 0 ||
	    bridge_port_set_vlans(c, &a->br->link, &a->host, &conf->port.vlans) < 0)
		return -1;
	return bridge_refresh(c, a->br, &a->host);
}

static struct configure_options options_of(struct bridge_conf *conf)
{
	return (struct configure_options){
		.dad = conf->enable_dad,
		.arp_notify = true,
		.slaac = conf->slaac,
		.sysctls = &conf->sysctls,
	};
}

/* Neither another program nor the network is waited for with the lock held. */
static int ask_ipam(struct cni_call *c, const struct attachment *a)
{
	const struct configure_options options = options_of(c->conf);

	if (cni_ipam_asks_network(c) || (a->ipam.path && !a->ipam.plugin))
		host_unlock(c);
	if (configure_for_ipam(c, &a->inside, &options) < 0)
		return -1;
	if (cni_ipam_asks_network(c) &&
	    nl_link_wait_up(c->host, -1, a->host.index, UP_TIMEOUT_MS) < 0)
		return -1;
	return cni_ipam_add(c, &a->ipam);
}

/* The container's MAC address is the one that goes with its IP address. */
static bool mac_follows_ip(const struct cni_call *c, const struct attachment *a)
{
	const struct bridge_conf *conf = c->conf;

	return a->ipam.plugin && a->ipam.plugin->exclusive && !conf->mac;
}

static int configure(struct cni_call *c, const struct attachment *a)
{
	struct bridge_conf *conf = c->conf;
	const struct configure_options options = options_of(conf);

	if (!*c->req->net.ipam.type)
		return configure_up(c, &a->inside, &conf->sysctls,
				    !conf->disable_container_interface);
	if (conf->is_gateway)
		bridge_set_gateways(c, conf->is_default_gateway);
	if (configure_iface(c, &a->inside, a->index, &options) < 0)
		return -1;
	if (!conf->is_gateway)
		return 0;
	if (host_lock(c) < 0)
		return -1;
	return bridge_be_gateway(c, a->br, &conf->port.vlans);
}

/*
 * Addresses, routes, up, under the lock. With enabledad the container's are without it: the network
 * is waited for.
 */
static int bring_up(struct cni_call *c, struct attachment *a)
{
	const struct bridge_conf *conf = c->conf;
	struct link port = { .operstate = LINK_UP };

	if (conf->enable_dad)
		host_unlock(c);
	else if (host_lock(c) < 0)
		return -1;
	if (configure(c, a) < 0)
		return -1;
	if (starts_dormant(c))
		nl_port_activate(c->host, a->host.index);
	if (!conf->disable_container_interface &&
	    nl_link_get_index(c->host, a->host.index, &port) < 0)
		return -1;
	host_unlock(c);
	if (port.operstate == LINK_UP) /* as a rule */
		return 0;
	return nl_link_wait_up(c->host, -1, a->host.index, UP_TIMEOUT_MS);
}

/*
 * Announce once the port forwards. Never used since boot: no neighbour has it cached. With a MAC
 * that follows the address, an ARP request suffices; else, or behind an uplink, IPv4 is announced
 * by gratuitous ARP.
 */
static void tell_neighbours(struct cni_call *c, const struct attachment *a)
{
	const struct bridge_conf *conf = c->conf;
	bool known = conf->is_gateway && mac_follows_ip(c, a);

	if (!c->result.n_ips || (known && c->result.never_used))
		return;
	announce(c, &a->inside, known ? ANNOUNCE_ARP : ANNOUNCE_GARP);
}

static int bridge_add(struct cni_call *c)
{
	const struct bridge_conf *conf = c->conf;
	struct attachment a = { 0 };

	if (cni_ipam_find(c, &a.ipam) < 0 || host_lock(c) < 0 || join(c, &a) < 0 ||
	    ask_ipam(c, &a) < 0)
		return -1;
	if (mac_follows_ip(c, &a))
		mac_set_from_ip(c, &a.inside);
	cni_add_interface(c, &a.br->link, NULL); /* then SPOOF_PORT, SPOOF_CONTAINER */
	cni_add_interface(c, &a.host, NULL);
	a.index = cni_add_interface(c, &a.inside, c->req->netns);
	if (bring_up(c, &a) < 0)
		return -1;
	tell_neighbours(c, &a);
	configure_dns(c);
	return netfilter_add(c, &conf->netfilter);
}

static int bridge_del(struct cni_call *c)
{
	const struct bridge_conf *conf = c->conf;
	struct netfilter_del rules = { .masq = conf->netfilter.masq,
				       .spoof = conf->netfilter.spoof };
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, netfilter_del_begin(c, &rules));
	cni_step(c, &steps, cni_ipam_del_before(c));
	cni_step(c, &steps, veth_del(c));
	cni_step(c, &steps, netfilter_del(c, &rules));
	cni_step(c, &steps, cni_ipam_del_after(c));
	return cni_steps_end(c, &steps);
}

static int bridge_repair(struct cni_call *c)
{
	const struct bridge_conf *conf = c->conf;

	return netfilter_repair(c, &conf->netfilter);
}

static int bridge_check(struct cni_call *c)
{
	struct bridge_conf *conf = c->conf;
	struct link br, inside;
	uint32_t index;

	if (cni_ipam_forward(c) < 0 || bridge_verify(c, &conf->bridge, &br) < 0 ||
	    verify_inside(c, "veth", !conf->disable_container_interface, &inside, &index) < 0 ||
	    bridge_verify_port(c, &br, &inside, &conf->port) < 0 ||
	    verify_ips_and_routes(c, &inside, index) < 0 ||
	    sysctl_list_check(c, &conf->sysctls) < 0)
		return -1;
	return netfilter_check(c, &conf->netfilter);
}

/* Can the next ADD use the bridge? */
static int bridge_status(struct cni_call *c)
{
	const struct bridge_conf *conf = c->conf;
	struct link br;

	if (nl_link_get_allow(c->host, conf->bridge.name, &br) < 0)
		return -1;
	if (br.index && strcmp(br.kind, "bridge") != 0)
		return err_set(c->err, ERR_UNAVAILABLE, "bridge: \"%s\" exists but is not a bridge",
			       br.name);
	return cni_ipam_forward(c);
}

static void bridge_describe(const void *arg, struct json *out)
{
	const struct bridge_conf *conf = arg;

	json_add_str(out, "bridge", conf->bridge.name);
	if (conf->port.vlans.vid)
		json_add_int(out, "vlan", conf->port.vlans.vid);
	if (conf->netfilter.masq)
		json_add_bool(out, "masquerade", true);
}

const struct cni_plugin bridge_plugin = {
	.describe = bridge_describe,
	.name = "bridge",
	.registers = true,
	.fields = bridge_fields,
	.defaults = &bridge_defaults,
	.conf_size = sizeof(struct bridge_conf),
	.args = bridge_args,
	.validate = bridge_validate,
	.add = bridge_add,
	.del = bridge_del,
	.check = bridge_check,
	.gc = netfilter_gc,
	.status = bridge_status,
	.repair = bridge_repair,
};
