/* SPDX-License-Identifier: Apache-2.0 */
/* ovs - attach the container to an Open vSwitch bridge, by a veth pair or an SR-IOV device. */
#include <stdio.h>
#include <string.h>

#include "cni/delegate.h"
#include "cni/flatfile.h"
#include "cni/iface.h"
#include "cni/ovsconf.h"
#include "cni/verify.h"
#include "net/ipmac.h"

struct ovs_conf {
	const char *bridge, *socket, *configuration_path, *interface_type;
	const char *device_id, *device_info;
	uint16_t vlan, ofport_request;
	bool has_vlan;
	struct cni_ovs_trunk *trunk;
	size_t n_trunk;
	uint32_t mtu, retries, interval;
	const char *runtime_mac;
	const struct json *args_mac, *args_ovn_port; /* only strings count */
	const uint8_t *mac; /* the container's, by whichever way it was asked for */
	struct cni_ovs ovs;
};

static const struct json_field trunk_fields[] = {
	F_UINT("minID", struct cni_ovs_trunk, min, .max = OVS_VLANS - 1,
	       HAS(struct cni_ovs_trunk, min)),
	F_UINT("maxID", struct cni_ovs_trunk, max, .max = OVS_VLANS - 1,
	       HAS(struct cni_ovs_trunk, max)),
	F_UINT("id", struct cni_ovs_trunk, id, .max = OVS_VLANS - 1, HAS(struct cni_ovs_trunk, id)),
	F_END
};

static const struct json_field runtime_fields[] = {
	F_STR("mac", struct ovs_conf, runtime_mac),
	F_STR("CNIDeviceInfoFile", struct ovs_conf, device_info),
	F_END,
};

static const struct json_field cni_args_fields[] = {
	F_RAW("mac", struct ovs_conf, args_mac),
	F_RAW("ovnPort", struct ovs_conf, args_ovn_port),
	F_END,
};

static const struct json_field args_fields[] = { F_HERE("cni", cni_args_fields), F_END };

static const struct json_field ovs_fields[] = {
	F_STR("bridge", struct ovs_conf, bridge),
	F_UINT("vlan", struct ovs_conf, vlan, .max = OVS_VLANS - 1, HAS(struct ovs_conf, vlan)),
	F_LIST("trunk", struct ovs_conf, trunk, trunk_fields),
	F_UINT("mtu", struct ovs_conf, mtu, .max = 65535),
	F_STR("deviceID", struct ovs_conf, device_id),
	F_UINT("ofport_request", struct ovs_conf, ofport_request, .max = 65279),
	F_STR("interface_type", struct ovs_conf, interface_type),
	F_STR("configuration_path", struct ovs_conf, configuration_path),
	F_STR("socket_file", struct ovs_conf, socket),
	F_UINT("link_state_check_retries", struct ovs_conf, retries, .max = 1000),
	F_UINT("link_state_check_interval", struct ovs_conf, interval, .max = 60000),
	F_HERE("runtimeConfig", runtime_fields),
	F_HERE("args", args_fields),
	F_END
};

static const struct ovs_conf ovs_defaults = {
	.bridge = "",
	.socket = "",
	.configuration_path = "",
	.device_id = "",
	.device_info = "",
	.ovs.db.stream.fd = -1,
};

static const char *const ovs_args[] = { "MAC",          "OvnPort",           "K8S_POD_UID",
					"K8S_POD_NAME", "K8S_POD_NAMESPACE", NULL };

/* Keys of the node's file, where the database is. For every verb, the first thing. */
static int settle(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;
	const char *const files[] = { conf->configuration_path, CNI_OVS_FLAT_FILES, NULL };

	if (cni_flat_file(c, files) < 0)
		return -1;
	conf->ovs.socket = *conf->socket ? conf->socket : CNI_OVS_SOCKET;
	conf->ovs.port.bridge = *conf->bridge ? conf->bridge : NULL;
	return 0;
}

static int choose_mac(struct cni_call *c, struct ovs_conf *conf)
{
	const struct cni_mac_way ways[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "CNI_ARGS MAC", cni_arg(c, "MAC") },
		{ "args.cni.mac", json_string(conf->args_mac) },
	};

	return cni_choose_mac(c, ways, ARRAY_SIZE(ways), &conf->mac);
}

/* OVN finds the port by its iface-id, on its integration bridge unless another one is named. */
static void choose_ovn_port(struct cni_call *c, struct ovs_conf *conf)
{
	struct ovs_port *p = &conf->ovs.port;
	const char *ovn = cni_arg(c, "OvnPort");

	if (!ovn || !*ovn)
		ovn = json_string(conf->args_ovn_port);
	if (!ovn || !*ovn)
		return;
	p->iface_id = ovn;
	if (!p->bridge)
		p->bridge = "br-int";
}

static int ovs_validate(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;
	struct ovs_port *p = &conf->ovs.port;

	if (settle(c) < 0)
		return -1;
	if (cni_ovs_vlans(c, conf->has_vlan ? &conf->vlan : NULL, conf->trunk, conf->n_trunk, p) <
	    0)
		return -1;
	p->ofport_request = conf->ofport_request;
	p->iface_type = conf->interface_type;
	if (c->command == CNI_STATUS)
		return 0;
	choose_ovn_port(c, conf);
	if (!p->bridge)
		return err_set(c->err, ERR_CONFIG, "bridge: missing, and nothing tells which");
	return choose_mac(c, conf);
}

static int find_bridge(struct cni_call *c, struct cni_ovs *o)
{
	bool exists;

	if (ovs_bridge_exists(&o->db, o->port.bridge, &exists) < 0)
		return -1;
	if (!exists)
		return err_set(c->err, ERR_CONFIG, "bridge: there is no OVS bridge %s",
			       o->port.bridge);
	return 0;
}

static void undo_remember(struct cni_call *c, const void *arg)
{
	const struct ovs_conf *conf = arg;

	if (!conf->ovs.may_remain && cni_ovs_forget(c) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

/* Before there is a port that DEL would have to look for. */
static int remember(struct cni_call *c)
{
	const struct ovs_conf *conf = c->own;
	const struct cni_ovs_memo memo = { .device_id = "", .ifname = "" };

	cni_undo_push(c, undo_remember, conf);
	return cni_ovs_remember(c, &conf->ovs, &memo);
}

static int make_veth(struct cni_call *c, struct link *host, struct link *inside)
{
	const struct ovs_conf *conf = c->own;
	struct cni_veth veth = { .mtu = conf->mtu, .mac = conf->mac };

	if (cni_turn_begin(c) < 0)
		return -1;
	if (cni_veth_add(c, &veth, host, inside) < 0)
		return -1;
	cni_turn_end(c);
	return 0;
}

/* A MAC that nobody asked for goes with the first address, set while nobody has seen another. */
static void adopt_mac(struct cni_call *c, struct link *inside)
{
	const struct ovs_conf *conf = c->own;

	if (conf->mac || !c->result.n_ips)
		return;
	mac_of_ip(inside->mac, &c->result.ips[0].address);
	nl_link_mac(c->sandbox, inside->index, inside->mac);
}

static int configure(struct cni_call *c, struct link *inside)
{
	static const struct cni_iface_options options = { .arp_notify = true,
							  .ndisc_notify = true };

	if (!*c->conf.ipam.type) {
		nl_link_up(c->sandbox, inside->index);
		return nl_commit(c->sandbox);
	}
	adopt_mac(c, inside);
	return cni_iface_configure(c, inside, 1, &options);
}

/* ovs-cni's default: five looks, 600 ms between them; only for an interface that gets addresses. */
static uint32_t link_timeout(struct cni_call *c)
{
	const struct ovs_conf *conf = c->own;

	if (!*c->conf.ipam.type)
		return 0;
	return (conf->retries ? conf->retries : 5) * (conf->interval ? conf->interval : 600);
}

/*
 * The port comes last, when the container's end is up and has its addresses: the switch then reports the
 * link together with the port, and nothing is heard of a container that is not going to be.
 */
static int ovs_add(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;
	struct link host, inside;

	if (cni_ovs_open(c, &conf->ovs) < 0 || find_bridge(c, &conf->ovs) < 0)
		return -1;
	if (make_veth(c, &host, &inside) < 0)
		return -1;
	if (remember(c) < 0)
		return -1;
	if (*c->conf.ipam.type && cni_ipam_add(c) < 0)
		return -1;
	if (configure(c, &inside) < 0)
		return -1;
	cni_add_interface(c, &host, NULL);
	cni_add_interface(c, &inside, c->netns);
	conf->ovs.port.name = host.name;
	if (cni_ovs_plug(c, &conf->ovs, link_timeout(c)) < 0)
		return -1;
	cni_iface_announce(c, &inside);
	cni_dns_override(c);
	return 0;
}

/* ---- DEL: every step is tried ---------------------------------------------------------------- */

/* Without a note of the attachment, a database that does not answer holds nothing of it. */
static int unplug(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;
	struct cni_ovs_memo memo;
	bool noted = cni_ovs_recall(c, &memo);

	if (noted)
		conf->ovs.socket = *memo.socket ? memo.socket : CNI_OVS_SOCKET;
	if (cni_ovs_open(c, &conf->ovs) == 0 && cni_ovs_unplug(c, &conf->ovs) == 0)
		return 0;
	if (noted)
		return err_wrap(c->err, "the port of %s/%s may remain in OVS", c->container_id,
				c->ifname);
	err_clear(c->err);
	return 0;
}

static int remove_ends(struct cni_call *c)
{
	const struct ovs_conf *conf = c->own;

	return cni_ovs_remove_ends(c, &conf->ovs);
}

static int ovs_del(struct cni_call *c)
{
	static const cni_step steps[] = { unplug, cni_veth_del, remove_ends, cni_ipam_forward };
	struct ovs_conf *conf = c->own;

	if (settle(c) < 0 || cni_try_all(c, steps, ARRAY_SIZE(steps)) < 0)
		return -1;
	cni_ovs_sweep(c, &conf->ovs);
	return cni_ovs_forget(c);
}

/* ---- CHECK, GC, STATUS ----------------------------------------------------------------------- */

static int verify_port(struct cni_call *c, const struct link *inside)
{
	struct ovs_conf *conf = c->own;
	struct link host;

	if (nl_link_get_index_allow(c->host, inside->peer, &host) < 0)
		return -1;
	if (!host.index || strcmp(host.kind, "veth") != 0 || !(host.flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "the host's end of %s is gone or down",
			       c->ifname);
	conf->ovs.port.name = host.name;
	if (cni_ovs_open(c, &conf->ovs) < 0)
		return -1;
	return cni_ovs_verify(c, &conf->ovs);
}

static int ovs_check(struct cni_call *c)
{
	struct link inside;
	uint32_t index;

	if (cni_ipam_forward(c) < 0)
		return -1;
	if (cni_verify_inside(c, "veth", true, &inside, &index) < 0)
		return -1;
	if (verify_port(c, &inside) < 0)
		return -1;
	if (cni_verify_ips(c, &inside, index) < 0)
		return -1;
	return cni_verify_routes(c);
}

static int collect(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;

	if (cni_ovs_open(c, &conf->ovs) < 0 || cni_ovs_collect(c, &conf->ovs) < 0)
		return -1;
	return c->conf.has_attachments ? cni_ovs_collect_memos(c) : 0;
}

static int ovs_gc(struct cni_call *c)
{
	static const cni_step steps[] = { collect, cni_ipam_forward };

	return settle(c) < 0 ? -1 : cni_try_all(c, steps, ARRAY_SIZE(steps));
}

static int ovs_status(struct cni_call *c)
{
	struct ovs_conf *conf = c->own;

	return cni_ovs_status(c, &conf->ovs) < 0 ? -1 : cni_ipam_forward(c);
}

const struct cni_plugin ovs_plugin = {
	.name = "ovs",
	.fields = ovs_fields,
	.defaults = &ovs_defaults,
	.conf_size = sizeof(struct ovs_conf),
	.args = ovs_args,
	.validate = ovs_validate,
	.add = ovs_add,
	.del = ovs_del,
	.check = ovs_check,
	.gc = ovs_gc,
	.status = ovs_status,
};
