/* SPDX-License-Identifier: Apache-2.0 */
/* ovs - attach the container to an Open vSwitch bridge, by a veth pair or an SR-IOV device. */
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "iface/announce.h"
#include "iface/configure.h"
#include "iface/mac.h"
#include "iface/verify.h"
#include "iface/veth.h"
#include "ovs/nodeconf.h"
#include "skel/delegate.h"

/* Before there is a port, or a device elsewhere, that DEL would have to look for. */
static int write_cache(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;
	const struct sriov *d = &conf->vf.device;
	const struct ovs_cache file = {
		.device_id = conf->device_id,
		.ifname = d->netdev ? d->netdev : "",
		.userspace = d->userspace,
	};

	return ovs_cache_write(c, &conf->ovs, &file);
}

static int attach_veth(struct cni_call *c, struct link *host, struct link *inside)
{
	const struct ovs_conf *conf = c->conf;
	const struct veth_req veth = { .mtu = conf->mtu, .peer_mac = conf->mac };

	if (host_lock(c) < 0 || veth_add(c, veth, true, host, inside) < 0)
		return -1;
	host_unlock(c);
	return write_cache(c);
}

static int attach_vf(struct cni_call *c, struct link *host, struct link *inside)
{
	struct ovs_conf *conf = c->conf;

	conf->vf.mtu = conf->mtu;
	conf->vf.mac = conf->mac;
	if (write_cache(c) < 0 || vf_move_in(c, &conf->vf, inside) < 0)
		return -1;
	*host = conf->vf.representor;
	return 0;
}

/* A device that userspace drives has no interface, and gets no addresses. */
static int ask_ipam(struct cni_call *c, const struct ipam *ipam, struct link *inside)
{
	const struct ovs_conf *conf = c->conf;

	if (!inside->index)
		return 0;
	if (cni_ipam_add(c, ipam) < 0)
		return -1;
	if (ipam->plugin && ipam->plugin->exclusive && !conf->mac && !*conf->device_id)
		mac_set_from_ip(c, inside);
	return 0;
}

static struct configure_options options_of(struct ovs_conf *conf)
{
	return (struct configure_options){
		.arp_notify = true,
		.ndisc_notify = true,
		.slaac = conf->slaac,
		.sysctls = &conf->sysctls,
	};
}

static int configure(struct cni_call *c, const struct link *inside, uint32_t index)
{
	struct ovs_conf *conf = c->conf;
	const struct configure_options options = options_of(conf);

	if (!inside->index)
		return 0;
	if (c->result.n_ips)
		return configure_iface(c, inside, index, &options);
	return configure_up(c, inside, &conf->sysctls, true);
}

/* For the link of an interface with addresses: ovs-cni looks five times, every 600 ms. */
static int plug(struct cni_call *c, const struct link *host, bool wait)
{
	struct ovs_conf *conf = c->conf;
	const uint32_t timeout_ms =
		(conf->retries ? conf->retries : 5) * (conf->interval ? conf->interval : 600);

	conf->ovs.port.name = arena_strdup(c->arena, host->name); /* for the undo as well */
	return ovs_plug(c, &conf->ovs, wait ? timeout_ms : 0);
}

/* An IPAM plugin that asks the network needs the port. */
static int plug_for_ipam(struct cni_call *c, const struct link *host, const struct link *inside)
{
	const struct configure_options options = options_of(c->conf);

	return configure_for_ipam(c, inside, &options) < 0 ? -1 : plug(c, host, true);
}

/*
 * The port comes last, when the container's end is up and has its addresses: the switch then
 * reports the link together with the port, and never sees a container whose ADD fails before.
 */
static int ovs_add(struct cni_call *c)
{
	const struct ovs_conf *conf = c->conf;
	struct link host, inside;
	struct ipam ipam;
	uint32_t index;
	bool is_plugged;

	if (cni_ipam_find(c, &ipam) < 0 || ovs_find_bridge(c) < 0 ||
	    (*conf->device_id ? attach_vf : attach_veth)(c, &host, &inside) < 0)
		return -1;
	is_plugged = inside.index && cni_ipam_asks_network(c);
	if ((is_plugged && plug_for_ipam(c, &host, &inside) < 0) || ask_ipam(c, &ipam, &inside) < 0)
		return -1;
	cni_add_interface(c, &host, NULL);
	index = cni_add_interface(c, &inside, c->req->netns);
	if (configure(c, &inside, index) < 0 ||
	    (!is_plugged && plug(c, &host, c->result.n_ips) < 0))
		return -1;
	if (inside.index)
		announce(c, &inside, is_plugged ? ANNOUNCE_GARP : ANNOUNCE_KERNEL);
	configure_dns(c);
	return 0;
}

/* ---- DEL: every step is tried ---------------------------------------------------------------- */

/* Without a cache file of the attachment, a database that does not answer holds nothing of it. */
static int unplug(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;

	if (ovs_open(c, &conf->ovs) == 0 && ovs_unplug(c, &conf->ovs) == 0)
		return 0;
	if (conf->has_cache)
		return err_wrap(c->err, "the port of %s/%s may remain in OVS", c->req->container_id,
				c->req->ifname);
	err_clear(c->err);
	return 0;
}

static int detach(struct cni_call *c)
{
	const struct ovs_conf *conf = c->conf;

	if (conf->cache.userspace)
		return 0;
	if (*conf->cache.device_id)
		return vf_move_out(c, conf->cache.device_id, conf->cache.ifname);
	return veth_del(c) < 0 ? -1 : ovs_del_host_ends(c, &conf->ovs);
}

static int ovs_del(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;
	struct cni_steps steps = { 0 };

	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	conf->has_cache = ovs_cache_read(c, &conf->ovs, &conf->cache);
	if (conf->has_cache)
		conf->ovs.socket = *conf->cache.socket ? conf->cache.socket : OVS_SOCKET;
	else
		conf->cache.device_id = conf->device_id;
	cni_step(c, &steps, cni_ipam_del_before(c));
	cni_step(c, &steps, unplug(c));
	cni_step(c, &steps, detach(c));
	cni_step(c, &steps, cni_ipam_del_after(c));
	if (cni_steps_end(c, &steps) < 0)
		return -1;
	if (ovs_gc_lost(c, &conf->ovs) < 0) /* others' */
		err_clear(c->err);
	return ovs_cache_remove(c, &conf->ovs);
}

/* ---- CHECK, GC, STATUS ----------------------------------------------------------------------- */

static int check_ends(struct cni_call *c, struct link *host)
{
	struct ovs_conf *conf = c->conf;
	const char *kind = *conf->device_id ? NULL : "veth";
	struct link inside;
	uint32_t index;

	*host = conf->vf.representor;
	if (conf->vf.device.userspace)
		return 0;
	if (verify_inside(c, kind, true, &inside, &index) < 0 ||
	    (kind && verify_peer(c, &inside, host) < 0) ||
	    verify_ips_and_routes(c, &inside, index) < 0)
		return -1;
	return sysctl_list_check(c, &conf->sysctls);
}

static int ovs_check(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;
	struct link host;

	if (cni_ipam_forward(c) < 0 || ovs_find_bridge(c) < 0 || check_ends(c, &host) < 0)
		return -1;
	conf->ovs.port.name = host.name;
	return ovs_check_port(c, &conf->ovs);
}

static int gc_ports(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;

	if (ovs_open(c, &conf->ovs) < 0 || ovs_gc_ports(c, &conf->ovs) < 0)
		return -1;
	return ovs_cache_gc(c, &conf->ovs);
}

static int ovs_gc(struct cni_call *c)
{
	const struct ovs_conf *conf = c->conf;
	struct cni_steps steps = { 0 };

	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	cni_step(c, &steps, gc_ports(c));
	cni_step(c, &steps, cni_ipam_forward(c));
	return cni_steps_end(c, &steps);
}

static int ovs_status(struct cni_call *c)
{
	struct ovs_conf *conf = c->conf;

	return ovs_server_status(c, &conf->ovs) < 0 ? -1 : cni_ipam_forward(c);
}

/* On a node without the server's socket there is no switch, and nothing of it. */
static int ovs_verify(struct cni_call *c, const struct cni_inventory *to)
{
	struct ovs_conf *conf = arena_new(c->arena, struct ovs_conf);
	int rc;

	*conf = ovs_defaults;
	c->conf = conf;
	if (ovs_nodeconf(c, conf->configuration_path) < 0)
		return -1;
	if (!strncmp(conf->ovs.socket, "unix:", 5) && access(conf->ovs.socket + 5, F_OK) < 0)
		return 0;
	if (cni_host(c) < 0 || ovs_open(c, &conf->ovs) < 0)
		return -1;
	rc = ovs_inventory(c, &conf->ovs, to);
	ovsdb_close(&conf->ovs.db);
	return rc;
}

static void ovs_describe(const void *arg, struct json *out)
{
	const struct ovs_conf *conf = arg;

	if (conf->ovs.port.bridge)
		json_add_str(out, "ovsBridge", conf->ovs.port.bridge);
}

const struct cni_plugin ovs_plugin = {
	.describe = ovs_describe,
	.inventory = ovs_verify,
	.name = "ovs",
	.registers = true,
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
