/* SPDX-License-Identifier: Apache-2.0 */
/* tap - a tap device in the container, for a virtual machine's monitor to attach to. */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "device.h"
#include "iface/configure.h"
#include "iface/inside.h"
#include "iface/mac.h"
#include "iface/verify.h"
#include "skel/delegate.h"

struct tap_conf {
	struct tap_device device;
	bool slaac;
	struct sysctl_list sysctls;
	uint32_t mtu;
	const char *mac_text, *runtime_mac, *bridge;
	const struct json *args;
	const uint8_t *mac;
	int fd; /* of the device, while it does not persist by itself */
};

static const struct json_field tap_fields[] = {
	F_BOOL("multiQueue", struct tap_conf, device.multi_queue),
	F_UINT("mtu", struct tap_conf, mtu, .max = 65535),
	F_STR("mac", struct tap_conf, mac_text),
	F_UINT("owner", struct tap_conf, device.owner,
	       .has_offset = offsetof(struct tap_conf, device.has_owner)),
	F_UINT("group", struct tap_conf, device.group,
	       .has_offset = offsetof(struct tap_conf, device.has_group)),
	F_STR("selinuxContext", struct tap_conf, device.selinux_context),
	F_STR("bridge", struct tap_conf, bridge, .max = IFNAMSIZ - 1),
	F_BOOL("slaac", struct tap_conf, slaac),
	F_MAP("sysctl", struct tap_conf, sysctls.keys),
	F_HERE("runtimeConfig", F_TABLE(F_STR("mac", struct tap_conf, runtime_mac))),
	F_MAP("args", struct tap_conf, args),
	F_END,
};

static const struct tap_conf tap_defaults = {
	.device.selinux_context = "",
	.bridge = "",
	.fd = -1,
};

static const char *const tap_args[] = { "MAC", NULL };

static int tap_validate(struct cni_call *c)
{
	struct tap_conf *conf = c->conf;
	const struct mac_source sources[] = {
		{ "runtimeConfig.mac", conf->runtime_mac },
		{ "CNI_ARGS MAC", cni_arg(c, "MAC") },
		{ "mac", conf->mac_text },
	};

	if (mac_choose(c, sources, ARRAY_SIZE(sources), &conf->mac) < 0)
		return -1;
	return sysctl_list_validate(c, &conf->sysctls);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* One that does not persist yet goes with its descriptor. */
static void undo_device(struct cni_call *c, void *arg)
{
	struct tap_conf *conf = arg;

	if (conf->fd >= 0 && tap_device_persist(conf->fd, false, c->err) < 0)
		fprintf(stderr, "rollback: %s: %s\n", c->req->ifname, c->err->msg);
	if (conf->fd < 0 && inside_del(c, "tun") < 0)
		fprintf(stderr, "rollback: %s: %s\n", c->req->ifname, c->err->msg);
	drop_fd(&conf->fd);
}

static int join_bridge(struct cni_call *c, int index)
{
	const struct tap_conf *conf = c->conf;
	struct link bridge;

	if (!*conf->bridge)
		return 0;
	if (nl_link_get_allow(c->sandbox, conf->bridge, &bridge) < 0)
		return -1;
	if (!bridge.index || strcmp(bridge.kind, "bridge") != 0)
		return err_config(c->err, "bridge: %s is no bridge in %s", conf->bridge,
				  c->req->netns);
	nl_link_master(c->sandbox, index, bridge.index);
	return 0;
}

static int create(struct cni_call *c, struct link *inside)
{
	struct tap_conf *conf = c->conf;

	conf->device.name = c->req->ifname;
	if (inside_name_is_free(c) < 0)
		return -1;
	conf->fd = tap_device_open(&conf->device, c->netns_fd, c->err);
	if (conf->fd < 0)
		return -1;
	undo_push(c, undo_device, conf);
	if (nl_link_get(c->sandbox, c->req->ifname, inside) < 0)
		return -1;
	if (conf->mac)
		nl_link_mac(c->sandbox, inside->index, conf->mac);
	if (conf->mtu)
		nl_link_mtu(c->sandbox, inside->index, conf->mtu);
	if (join_bridge(c, inside->index) < 0)
		return -1;
	if (nl_queued(c->sandbox) && nl_commit(c->sandbox) < 0)
		return err_wrap(c->err, "%s", c->req->ifname);
	return nl_link_get(c->sandbox, c->req->ifname, inside);
}

static int configure(struct cni_call *c, const struct link *inside, uint32_t index)
{
	struct tap_conf *conf = c->conf;
	const struct configure_options options = {
		.arp_notify = true,
		.slaac = conf->slaac,
		.sysctls = &conf->sysctls,
	};

	if (c->result.n_ips)
		return configure_iface(c, inside, index, &options);
	return configure_up(c, inside, &conf->sysctls, true);
}

/* It persists when all is done: of a call that is killed before nothing is left. */
static int tap_add(struct cni_call *c)
{
	struct tap_conf *conf = c->conf;
	struct link inside;
	struct ipam ipam;
	uint32_t index;

	if (cni_ipam_find(c, &ipam) < 0 || create(c, &inside) < 0)
		return -1;
	index = cni_add_interface(c, &inside, c->req->netns);
	if (cni_ipam_add(c, &ipam) < 0 || configure(c, &inside, index) < 0)
		return -1;
	configure_dns(c);
	if (tap_device_persist(conf->fd, true, c->err) < 0)
		return -1;
	drop_fd(&conf->fd);
	return 0;
}

/* ---- the other verbs ------------------------------------------------------------------------- */

static int tap_del(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, inside_del(c, "tun"));
	cni_step(c, &steps, cni_ipam_forward(c));
	return cni_steps_end(c, &steps);
}

static int tap_check(struct cni_call *c)
{
	struct tap_conf *conf = c->conf;
	struct link inside, bridge;
	uint32_t index;

	if (cni_ipam_forward(c) < 0 || verify_inside(c, "tun", true, &inside, &index) < 0 ||
	    verify_ips_and_routes(c, &inside, index) < 0)
		return -1;
	if (conf->mtu && conf->mtu != inside.mtu)
		return err_set(c->err, ERR_CHECK, "mtu of %s: wanted %u, found %u", inside.name,
			       conf->mtu, inside.mtu);
	if (*conf->bridge && nl_link_get_allow(c->sandbox, conf->bridge, &bridge) < 0)
		return -1;
	if (*conf->bridge && (!bridge.index || bridge.index != inside.master))
		return err_set(c->err, ERR_CHECK, "%s is no port of %s any more", inside.name,
			       conf->bridge);
	return sysctl_list_check(c, &conf->sysctls);
}

static int tap_status(struct cni_call *c)
{
	return tap_device_status(c->err) < 0 ? -1 : cni_ipam_forward(c);
}

const struct cni_plugin tap_plugin = {
	.name = "tap",
	.registers = true,
	.fields = tap_fields,
	.defaults = &tap_defaults,
	.conf_size = sizeof(struct tap_conf),
	.args = tap_args,
	.validate = tap_validate,
	.add = tap_add,
	.del = tap_del,
	.check = tap_check,
	.gc = cni_ipam_forward,
	.status = tap_status,
};
