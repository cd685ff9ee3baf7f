/* SPDX-License-Identifier: Apache-2.0 */
/* vlan - an interface for one VLAN of one of the host's. */
#include <linux/if_ether.h>
#include <strings.h>

#include "iface/subif.h"

#define VLAN_MAX 4094

struct vlan_conf {
	struct subif subif;
	const char *protocol;
	bool l2_only;
	uint16_t args_vlan, runtime_vlan;
	bool has_args_vlan, has_runtime_vlan;
};

_Static_assert(!offsetof(struct vlan_conf, subif), "as the verbs of subif.h expect");

static const struct json_field vlan_fields[] = {
	SUBIF_MASTER_FIELDS(struct vlan_conf),
	F_UINT("vlanId", struct vlan_conf, subif.req.vlan_id, .max = VLAN_MAX),
	F_STR("protocol", struct vlan_conf, protocol),
	F_BOOL("l2Only", struct vlan_conf, l2_only),
	F_HERE("runtimeConfig",
	       F_TABLE(F_UINT("vlan", struct vlan_conf, runtime_vlan, .max = VLAN_MAX,
			      HAS(struct vlan_conf, runtime_vlan)))),
	F_HERE("args", F_TABLE(F_HERE("cni", F_TABLE(F_UINT("vlan", struct vlan_conf, args_vlan,
							    .max = VLAN_MAX,
							    HAS(struct vlan_conf, args_vlan)))))),
	F_END
};

static const struct vlan_conf vlan_defaults = {
	.subif = { .req.kind = "vlan", .master = "", .prev_master = true },
	.protocol = "802.1Q",
};

static int choose_tag(struct cni_call *c, struct vlan_conf *conf)
{
	struct link_req *req = &conf->subif.req;

	if (conf->has_args_vlan)
		req->vlan_id = conf->args_vlan;
	if (conf->has_runtime_vlan)
		req->vlan_id = conf->runtime_vlan;
	if (!strcasecmp(conf->protocol, "802.1Q"))
		req->vlan_protocol = ETH_P_8021Q;
	else if (!strcasecmp(conf->protocol, "802.1ad"))
		req->vlan_protocol = ETH_P_8021AD;
	else
		return err_config(c->err, "protocol: \"%.40s\" is neither 802.1Q nor 802.1ad",
				  conf->protocol);
	return 0;
}

static int vlan_validate(struct cni_call *c)
{
	struct vlan_conf *conf = c->conf;

	if (!*conf->subif.master && !c->req->prev && c->req->command == CNI_ADD)
		return err_config(c->err, "master: missing");
	if (subif_need_ipam(c, conf->l2_only) < 0 || subif_validate(c) < 0)
		return -1;
	return choose_tag(c, conf);
}

static int vlan_check(struct cni_call *c)
{
	struct vlan_conf *conf = c->conf;
	const struct link_req *req = &conf->subif.req;
	struct link inside;

	if (subif_check(c, &inside) < 0)
		return -1;
	if (inside.vlan_id != req->vlan_id || inside.vlan_protocol != req->vlan_protocol)
		return err_set(c->err, ERR_CHECK, "the VLAN of %s is %u, not %u of %s any more",
			       inside.name, inside.vlan_id, req->vlan_id, conf->protocol);
	if (req->mtu && inside.mtu != req->mtu)
		return err_set(c->err, ERR_CHECK, "the mtu of %s is %u, not %u any more",
			       inside.name, inside.mtu, req->mtu);
	return 0;
}

const struct cni_plugin vlan_plugin = {
	.name = "vlan",
	.registers = true,
	.fields = vlan_fields,
	.defaults = &vlan_defaults,
	.conf_size = sizeof(struct vlan_conf),
	.validate = vlan_validate,
	.add = subif_add,
	.del = subif_del,
	.check = vlan_check,
	.gc = subif_gc,
	.status = subif_status,
	.repair = subif_repair,
};
