/* SPDX-License-Identifier: Apache-2.0 */
/* macvlan - an interface with a MAC address of its own on one of the host's. */
#include <linux/if_link.h>
#include <string.h>

#include "iface/mac.h"
#include "iface/subif.h"

struct macvlan_conf {
	struct subif subif;
	const char *mode, *mac, *runtime_mac;
};

_Static_assert(!offsetof(struct macvlan_conf, subif), "as the verbs of subif.h expect");

static const struct json_field macvlan_fields[] = {
	SUBIF_MASTER_FIELDS(struct macvlan_conf),
	F_STR("mode", struct macvlan_conf, mode),
	F_STR("mac", struct macvlan_conf, mac),
	F_UINT("bcqueuelen", struct macvlan_conf, subif.req.bc_queue_len),
	F_HERE("runtimeConfig", F_TABLE(F_STR("mac", struct macvlan_conf, runtime_mac))),
	F_END
};

static const struct macvlan_conf macvlan_defaults = {
	.subif = { .req.kind = "macvlan", .master = "" },
	.mode = "bridge",
};

static const char *const macvlan_args[] = { "MAC", NULL };

static const struct {
	const char *name;
	uint32_t mode;
} modes[] = {
	{ "bridge", MACVLAN_MODE_BRIDGE },
	{ "private", MACVLAN_MODE_PRIVATE },
	{ "vepa", MACVLAN_MODE_VEPA },
	{ "passthru", MACVLAN_MODE_PASSTHRU },
};

static int choose_mode(struct cni_call *c, struct macvlan_conf *conf)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(conf->mode, modes[i].name)) {
			conf->subif.req.mode = modes[i].mode;
			return 0;
		}
	return err_config(c->err, "mode: \"%.40s\" is not bridge, private, vepa or passthru",
			  conf->mode);
}

static int macvlan_validate(struct cni_call *c)
{
	struct macvlan_conf *conf = c->conf;
	const struct mac_source sources[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "CNI_ARGS MAC", cni_arg(c, "MAC") },
		{ "mac", conf->mac },
	};

	if (subif_validate(c) < 0 || choose_mode(c, conf) < 0)
		return -1;
	return mac_choose(c, sources, ARRAY_SIZE(sources), &conf->subif.req.mac);
}

static int macvlan_check(struct cni_call *c)
{
	struct macvlan_conf *conf = c->conf;
	struct link inside;

	if (subif_check(c, &inside) < 0)
		return -1;
	if (inside.mode != conf->subif.req.mode)
		return err_set(c->err, ERR_CHECK, "the mode of %s is not %s any more", inside.name,
			       conf->mode);
	return 0;
}

const struct cni_plugin macvlan_plugin = {
	.name = "macvlan",
	.registers = true,
	.fields = macvlan_fields,
	.defaults = &macvlan_defaults,
	.conf_size = sizeof(struct macvlan_conf),
	.args = macvlan_args,
	.validate = macvlan_validate,
	.add = subif_add,
	.del = subif_del,
	.check = macvlan_check,
	.gc = subif_gc,
	.status = subif_status,
	.repair = subif_repair,
};
