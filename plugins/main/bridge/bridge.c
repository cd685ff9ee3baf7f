/* SPDX-License-Identifier: Apache-2.0 */
/* bridge - attach the container to a Linux bridge by a veth pair. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ensure.h"
#include "skel/delegate.h"
#include "iface/iface.h"
#include "netfilter/rules.h"
#include "iface/vlan_list.h"
#include "iface/verify.h"

struct bridge_conf {
	struct bridge_options bridge;
	bool is_gateway, is_default_gateway;
	struct netfilter_conf netfilter;
	struct bridge_port port;
	bool enable_dad, disable_container_interface;
	struct vlan_range *trunk;
	size_t n_trunk;
	bool has_trunk;
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

static const struct json_field runtime_fields[] = {
	F_STR("mac", struct bridge_conf, runtime_mac),
	F_END,
};

static const struct json_field cni_args_fields[] = {
	F_STR("mac", struct bridge_conf, args_mac),
	F_END,
};

static const struct json_field args_fields[] = {
	F_HERE("cni", cni_args_fields),
	F_END,
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
	F_HERE("runtimeConfig", runtime_fields),
	F_HERE("args", args_fields),
	F_END
};

static const struct bridge_conf bridge_defaults = { .bridge.name = "cni0" };

static const char *const bridge_args[] = { "MAC", NULL };

/* runtimeConfig.mac, then args.cni.mac, then CNI_ARGS MAC. */
static int choose_mac(struct cni_call *c, struct bridge_conf *conf)
{
	const char *arg = cni_arg(c, "MAC");
	const struct iface_mac_source ways[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "args.cni.mac", conf->args_mac },
		{ "CNI_ARGS MAC", arg },
	};

	return iface_choose_mac(c, ways, ARRAY_SIZE(ways), &conf->mac);
}

static int check_combinations(struct cni_call *c, const struct bridge_conf *conf)
{
	uint16_t vlan = conf->port.vlans.vid;
	char name[IFNAMSIZ];

	if (conf->port.hairpin && conf->bridge.promisc)
		return err_set(c->err, ERR_CONFIG,
			       "hairpinMode and promiscMode exclude each other");
	if (vlan && conf->is_gateway && !bridge_vlan_ifname(conf->bridge.name, vlan, name))
		return err_set(c->err, ERR_CONFIG,
			       "bridge: \"%s.%u\" is too long for an interface name",
			       conf->bridge.name, vlan);
	if (conf->disable_container_interface && *c->conf.ipam.type)
		return err_set(c->err, ERR_CONFIG,
			       "disableContainerInterface and ipam exclude each other");
	return 0;
}

static int bridge_validate(struct cni_call *c)
{
	struct bridge_conf *conf = c->own;
	struct bridge_port_vlans *vlans = &conf->port.vlans;
	const char *fault = str_ifname_fault(conf->bridge.name);

	if (fault)
		return err_set(c->err, ERR_CONFIG, "bridge: %s", fault);
	conf->is_gateway |= conf->is_default_gateway;
	if (netfilter_validate(c, &conf->netfilter) < 0)
		return -1;
	if (check_combinations(c, conf) < 0)
		return -1;
	if (vlan_list_collect(c, "vlanTrunk", conf->trunk, conf->n_trunk, &vlans->trunk) < 0)
		return -1;
	if (c->command != CNI_STATUS && choose_mac(c, conf) < 0)
		return -1;
	vlans->has_trunk = !vlan_set_is_empty(&vlans->trunk);
	conf->bridge.vlan_filtering = vlans->vid || conf->has_trunk;
	return 0;
}

/*
 * What the container's kernel says when its link comes up (multicast listener reports, router solicitation)
 * it says with RTNL held, and the bridge floods it to all ports: kept back where the gateway is ours, so that
 * it has no router to look for, and no address to probe. It reports again within a second or two.
 */
static bool starts_dormant(const struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;

	return conf->is_gateway && *c->conf.ipam.type && !conf->enable_dad;
}

/* The veth pair, its host end a port of the bridge, with the port's flags and VLANs. */
static int attach(struct cni_call *c, const struct link *br, struct link *host, struct link *inside)
{
	const struct bridge_conf *conf = c->own;
	struct veth_options veth = {
		.master = br->index,
		.held = starts_dormant(c),
		.mtu = conf->bridge.mtu,
		.mac = conf->mac,
	};

	if (veth_add(c, &veth, host, inside) < 0)
		return -1;
	if (conf->port.hairpin || conf->port.isolated) {
		nl_port_flags(c->host, host->index, conf->port.hairpin, conf->port.isolated);
		if (nl_commit(c->host) < 0)
			return err_wrap(c->err, "%s", host->name);
	}
	return bridge_port_set_vlans(c, br, host, &conf->port.vlans);
}

static int configure(struct cni_call *c, const struct link *br, const struct link *inside)
{
	const struct bridge_conf *conf = c->own;
	struct iface_options options = { .dad = conf->enable_dad, .arp_notify = true };

	if (!*c->conf.ipam.type) {
		if (conf->disable_container_interface)
			return 0;
		nl_link_up(c->sandbox, inside->index);
		return nl_commit(c->sandbox);
	}
	if (conf->is_gateway)
		bridge_set_gateways(c, conf->is_default_gateway);
	if (iface_configure(c, inside, 2, &options) < 0)
		return -1;
	if (!conf->is_gateway)
		return 0;
	return bridge_be_gateway(c, &conf->bridge, br, &conf->port.vlans);
}

/* Bridge and port in one turn. */
static int join(struct cni_call *c, struct link *br, struct link *host, struct link *inside)
{
	const struct bridge_conf *conf = c->own;

	if (host_lock(c) < 0)
		return -1;
	if (bridge_ensure(c, &conf->bridge, br) < 0)
		return -1;
	if (attach(c, br, host, inside) < 0)
		return -1;
	return bridge_refresh(c, host, br);
}

/* The container's MAC address is the one that goes with its IP address. */
static bool mac_follows_ip(const struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;

	return c->exclusive_ips && !conf->mac;
}

/* Addresses, routes, up, in a turn; not with enabledad, which waits for the network. */
static int bring_up(struct cni_call *c, const struct link *br, const struct link *host,
		    struct link *inside)
{
	const struct bridge_conf *conf = c->own;

	if (mac_follows_ip(c))
		iface_mac_from_ip(c, inside);
	cni_add_interface(c, br, NULL); /* 0 of the result: the bridge, host end, container end */
	cni_add_interface(c, host, NULL);
	cni_add_interface(c, inside, c->netns);
	if (conf->enable_dad)
		host_unlock(c);
	else if (host_lock(c) < 0)
		return -1;
	if (configure(c, br, inside) < 0)
		return -1;
	if (conf->disable_container_interface)
		return 0;
	return bridge_port_forward(c, host, starts_dormant(c));
}

/*
 * What the link said when it came up, the port did not pass on yet. An address that is new tells nobody
 * anything. Where the MAC address is news, and where the switches of a wire need to hear of it, IPv4 takes the
 * way that everybody believes.
 */
static void announce(struct cni_call *c, const struct link *inside)
{
	const struct bridge_conf *conf = c->own;
	bool known = conf->is_gateway && mac_follows_ip(c);

	if (!c->result.n_ips || (known && c->never_used))
		return;
	iface_announce_na(c, inside);
	if (!known || !iface_announce_arp(c, inside))
		iface_announce_garp(c, inside);
}

static int bridge_add(struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;
	struct link br, host, inside;

	if (join(c, &br, &host, &inside) < 0)
		return -1;
	if (*c->conf.ipam.type && cni_ipam_add(c) < 0)
		return -1;
	if (bring_up(c, &br, &host, &inside) < 0)
		return -1;
	host_unlock(c);
	announce(c, &inside);
	iface_override_dns(c);
	return netfilter_add(c, &conf->netfilter);
}

static int bridge_del(struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;

	return cni_netfilter_veth_del(c, &conf->netfilter);
}

static int bridge_repair(struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;

	return netfilter_repair(c, &conf->netfilter);
}

static int bridge_check(struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;
	struct link br, inside;
	uint32_t index;

	if (cni_ipam_forward(c) < 0)
		return -1;
	if (bridge_verify(c, &conf->bridge, &br) < 0)
		return -1;
	if (verify_inside(c, "veth", !conf->disable_container_interface, &inside, &index) < 0)
		return -1;
	if (bridge_verify_port(c, &br, &inside, &conf->port) < 0)
		return -1;
	if (verify_ips(c, &inside, index) < 0)
		return -1;
	if (verify_routes(c) < 0)
		return -1;
	return netfilter_check(c, &conf->netfilter);
}

/* Can the next ADD use the bridge? */
static int bridge_status(struct cni_call *c)
{
	const struct bridge_conf *conf = c->own;
	struct link br;

	if (nl_link_get_allow(c->host, conf->bridge.name, &br) < 0)
		return -1;
	if (br.index && strcmp(br.kind, "bridge") != 0)
		return err_set(c->err, ERR_UNAVAILABLE, "bridge: \"%s\" exists but is not a bridge",
			       br.name);
	return cni_ipam_forward(c);
}

const struct cni_plugin bridge_plugin = {
	.name = "bridge",
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
