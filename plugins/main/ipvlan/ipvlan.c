/* SPDX-License-Identifier: Apache-2.0 */
/* ipvlan - an interface with the MAC address of one of the host's, told from it by IP address. */
#include <linux/if_link.h>
#include <string.h>

#include "iface/subif.h"

struct ipvlan_conf {
	struct subif subif;
	const char *mode, *flag;
};

_Static_assert(!offsetof(struct ipvlan_conf, subif), "as the verbs of subif.h expect");

static const struct json_field ipvlan_fields[] = {
	SUBIF_MASTER_FIELDS(struct ipvlan_conf),
	F_STR("mode", struct ipvlan_conf, mode),
	F_STR("flag", struct ipvlan_conf, flag),
	F_END,
};

static const struct ipvlan_conf ipvlan_defaults = {
	.subif = { .req.kind = "ipvlan",
		   .master = "",
		   .any_mtu = true,
		   .prev_master = true,
		   .prev_ips = true },
	.mode = "l2",
	.flag = "bridge",
};

static const char *const modes[] = {
	[IPVLAN_MODE_L2] = "l2",
	[IPVLAN_MODE_L3] = "l3",
	[IPVLAN_MODE_L3S] = "l3s",
};

static const char *const flags[] = {
	"bridge",
	[IPVLAN_F_PRIVATE] = "private",
	[IPVLAN_F_VEPA] = "vepa",
};

static int choose(struct cni_call *c, struct ipvlan_conf *conf)
{
	struct link_req *req = &conf->subif.req;

	while (req->mode < ARRAY_SIZE(modes) && strcmp(conf->mode, modes[req->mode]) != 0)
		req->mode++;
	if (req->mode == ARRAY_SIZE(modes))
		return err_config(c->err, "mode: \"%.40s\" is not l2, l3 or l3s", conf->mode);
	while (req->mode_flags < ARRAY_SIZE(flags) &&
	       strcmp(conf->flag, flags[req->mode_flags]) != 0)
		req->mode_flags++;
	if (req->mode_flags == ARRAY_SIZE(flags))
		return err_config(c->err, "flag: \"%.40s\" is not bridge, private or vepa",
				  conf->flag);
	return 0;
}

static int ipvlan_validate(struct cni_call *c)
{
	struct ipvlan_conf *conf = c->conf;

	if (!*c->req->net.ipam.type && !c->req->prev && c->req->command == CNI_ADD)
		return err_config(c->err,
				  "ipam.type: missing, ipvlan needs an IPAM plugin unless chained");
	return choose(c, conf) < 0 ? -1 : subif_validate(c);
}

static int ipvlan_check(struct cni_call *c)
{
	struct ipvlan_conf *conf = c->conf;
	const struct link_req *req = &conf->subif.req;
	struct link inside;

	if (subif_check(c, &inside) < 0)
		return -1;
	if (inside.mode != req->mode)
		return err_set(c->err, ERR_CHECK, "the mode of %s is not %s any more", inside.name,
			       conf->mode);
	if (inside.mode_flags != req->mode_flags)
		return err_set(c->err, ERR_CHECK, "the flag of %s is not %s any more", inside.name,
			       conf->flag);
	return 0;
}

const struct cni_plugin ipvlan_plugin = {
	.name = "ipvlan",
	.registers = true,
	.fields = ipvlan_fields,
	.defaults = &ipvlan_defaults,
	.conf_size = sizeof(struct ipvlan_conf),
	.validate = ipvlan_validate,
	.add = subif_add,
	.del = subif_del,
	.check = ipvlan_check,
	.gc = subif_gc,
	.status = subif_status,
	.repair = subif_repair,
};
