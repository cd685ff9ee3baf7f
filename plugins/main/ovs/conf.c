/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include "iface/mac.h"
#include "ovs/nodeconf.h"

static const struct json_field trunk_fields[] = {
	F_UINT("minID", struct vlan_range, min, .max = OVS_VLANS - 1, HAS(struct vlan_range, min)),
	F_UINT("maxID", struct vlan_range, max, .max = OVS_VLANS - 1, HAS(struct vlan_range, max)),
	F_UINT("id", struct vlan_range, id, .max = OVS_VLANS - 1, HAS(struct vlan_range, id)), F_END
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

const struct json_field ovs_fields[] = {
	F_STR("bridge", struct ovs_conf, ovs.port.bridge),
	F_UINT("vlan", struct ovs_conf, ovs.port.tag, .max = OVS_VLANS - 1,
	       .has_offset = offsetof(struct ovs_conf, ovs.port.has_tag)),
	F_LIST("trunk", struct ovs_conf, trunk, trunk_fields),
	F_UINT("mtu", struct ovs_conf, mtu, .max = 65535),
	F_STR("deviceID", struct ovs_conf, device_id),
	F_UINT("ofport_request", struct ovs_conf, ovs.port.ofport_request, .max = 65279),
	F_STR("interface_type", struct ovs_conf, ovs.port.iface_type),
	F_STR("configuration_path", struct ovs_conf, configuration_path),
	F_STR("socket_file", struct ovs_conf, ovs.socket),
	F_UINT("link_state_check_retries", struct ovs_conf, retries, .max = 1000),
	F_UINT("link_state_check_interval", struct ovs_conf, interval, .max = 60000),
	F_BOOL("slaac", struct ovs_conf, slaac),
	F_MAP("sysctl", struct ovs_conf, sysctls.keys),
	F_HERE("runtimeConfig", runtime_fields),
	F_HERE("args", F_TABLE(F_HERE("cni", cni_args_fields))),
	F_END
};

const struct ovs_conf ovs_defaults = {
	.configuration_path = "",
	.device_id = "",
	.device_info = "",
	.ovs = { .socket = OVS_SOCKET, .suffix = "", .db.stream.fd = -1 },
};

const char *const ovs_args[] = { "MAC",          "OvnPort",           "K8S_POD_UID",
				 "K8S_POD_NAME", "K8S_POD_NAMESPACE", NULL };

/* ---- VLANs ----------------------------------------------------------------------------------- */

/* ovs-vswitchd.conf.db(5): native-tagged is a trunk that takes untagged frames as the tag's. */
static const char *vlan_mode(bool tag, bool trunk)
{
	if (tag && trunk)
		return "native-tagged";
	return tag ? "access" : "trunk";
}

/* A trunk port without trunks carries every VLAN. */
static int set_vlans(struct cni_call *c, const struct ovs_conf *conf, struct ovs_port *p)
{
	for (size_t i = 0; i < conf->n_trunk; i++)
		if (!conf->trunk[i].has_id && !conf->trunk[i].has_min && !conf->trunk[i].has_max)
			return err_config(c->err, "trunk[%zu]: neither id nor minID and maxID", i);
	p->vlan_mode = vlan_mode(p->has_tag, conf->n_trunk > 0);
	return vlan_list_collect(c, "trunk", conf->trunk, conf->n_trunk, &p->trunks);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int choose_mac(struct cni_call *c, struct ovs_conf *conf)
{
	const struct mac_source sources[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "CNI_ARGS MAC", cni_arg(c, "MAC") },
		{ "args.cni.mac", json_string(conf->args_mac) },
	};

	return mac_choose(c, sources, ARRAY_SIZE(sources), &conf->mac);
}

/* OVN finds the port by its iface-id, on its integration bridge unless another one is named. */
static void choose_ovn_port(struct cni_call *c, struct ovs_conf *conf)
{
	struct ovs_port *p = &conf->ovs.port;
	const char *ovn = cni_arg(c, "OvnPort");

	if (!ovn)
		ovn = json_string(conf->args_ovn_port);
	if (!ovn || !*ovn)
		return;
	p->iface_id = ovn;
	if (!p->bridge)
		p->bridge = "br-int";
}

int ovs_validate(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;
	struct ovs_port *p = &conf->ovs.port;

	if (ovs_nodeconf(c, conf->configuration_path) < 0 || set_vlans(c, conf, p) < 0 ||
	    sysctl_list_validate(c, &conf->sysctls) < 0)
		return -1;
	if (c->req->command == CNI_STATUS)
		return 0;
	choose_ovn_port(c, conf);
	if (!p->bridge && !*conf->device_id)
		return err_config(c->err, "bridge: missing, and nothing tells which");
	if (iface_device_info_check(c, conf->device_info) < 0)
		return -1;
	return choose_mac(c, conf);
}

/* ---- the bridge ------------------------------------------------------------------------------ */

static int find_bridge(struct cni_call *c, struct ovs_attachment *o, const char *uplink)
{
	const char **names;
	size_t n;

	if (o->port.bridge)
		return ovs_bridge_check(&o->db, o->port.bridge, ERR_CONFIG);
	sriov_uplinks(VF_SYSFS, uplink, c->arena, &names, &n);
	for (size_t i = 0; i < n && !o->port.bridge; i++)
		if (ovs_bridge_of(&o->db, names[i], &o->port.bridge) < 0)
			return -1;
	if (!o->port.bridge)
		return err_config(c->err, "bridge: missing, and uplink %s of the device is on none",
				  uplink);
	return 0;
}

int ovs_find_bridge(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;

	if (ovs_open(c, &conf->ovs) < 0 ||
	    (*conf->device_id && vf_find(c, conf->device_id, &conf->vf) < 0))
		return -1;
	return find_bridge(c, &conf->ovs, conf->vf.device.uplink);
}
