/* SPDX-License-Identifier: Apache-2.0 */
/* dummy - an interface that leads nowhere, for addresses that are the container's own. */
#include "iface/mac.h"
#include "iface/subif.h"

struct dummy_conf {
	struct subif subif;
	const char *mac, *runtime_mac;
	bool l2_only;
};

_Static_assert(!offsetof(struct dummy_conf, subif), "as the verbs of subif.h expect");

static const struct json_field dummy_fields[] = {
	SUBIF_FIELDS(struct dummy_conf), F_STR("mac", struct dummy_conf, mac),
	F_BOOL("l2Only", struct dummy_conf, l2_only),
	F_HERE("runtimeConfig", F_TABLE(F_STR("mac", struct dummy_conf, runtime_mac))), F_END
};

static const struct dummy_conf dummy_defaults = {
	.subif = { .req.kind = "dummy", .master = "", .no_master = true },
};

static int dummy_validate(struct cni_call *c)
{
	struct dummy_conf *conf = c->conf;
	const struct mac_source sources[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "mac", conf->mac },
	};

	if (subif_need_ipam(c, conf->l2_only) < 0 || subif_validate(c) < 0)
		return -1;
	return mac_choose(c, sources, ARRAY_SIZE(sources), &conf->subif.req.mac);
}

static int dummy_check(struct cni_call *c)
{
	struct link inside;

	return subif_check(c, &inside);
}

const struct cni_plugin dummy_plugin = {
	.name = "dummy",
	.registers = true,
	.fields = dummy_fields,
	.defaults = &dummy_defaults,
	.conf_size = sizeof(struct dummy_conf),
	.validate = dummy_validate,
	.add = subif_add,
	.del = subif_del,
	.check = dummy_check,
	.gc = subif_gc,
	.status = subif_status,
	.repair = subif_repair,
};
