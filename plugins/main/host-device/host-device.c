/* SPDX-License-Identifier: Apache-2.0 */
/* host-device - a device of the host's is the container's interface, and comes home on DEL. */
#include <stdio.h>
#include <string.h>

#include "home.h"
#include "iface/configure.h"
#include "iface/inside.h"
#include "iface/move.h"
#include "iface/verify.h"
#include "network.h"
#include "selector.h"
#include "skel/delegate.h"
#include "sys/file.h"

struct host_device_conf {
	struct selector selector;
	bool slaac;
	struct sysctl_list sysctls;
	bool dad, use_network;
	struct origin origin;   /* ADD: what the device was */
	bool recorded_before;   /* ADD: by an earlier one, which has brought it */
	struct cni_steps stale; /* GC: what became of those */
};

static const struct json_field host_device_fields[] = {
	F_STR("device", struct host_device_conf, selector.device, .max = LINK_ALTNAME_LEN - 1),
	F_STR("hwaddr", struct host_device_conf, selector.hwaddr),
	F_STR("kernelpath", struct host_device_conf, selector.kernelpath),
	F_STR("pciBusID", struct host_device_conf, selector.pci),
	F_BOOL("DPDKMode", struct host_device_conf, selector.userspace),
	F_BOOL("enabledad", struct host_device_conf, dad),
	F_BOOL("useInterfaceNetwork", struct host_device_conf, use_network),
	F_BOOL("slaac", struct host_device_conf, slaac),
	F_MAP("sysctl", struct host_device_conf, sysctls.keys),
	F_HERE("runtimeConfig",
	       F_TABLE(F_STR("deviceID", struct host_device_conf, selector.device_id))),
	F_END,
};

static const struct host_device_conf host_device_defaults = {
	.selector = { .device = "", .hwaddr = "", .kernelpath = "", .pci = "", .device_id = "" },
};

/* A runtime gives no deviceID to STATUS. */
static int host_device_validate(struct cni_call *c)
{
	struct host_device_conf *conf = c->conf;

	if (sysctl_list_validate(c, &conf->sysctls) < 0)
		return -1;
	if (c->req->command == CNI_STATUS)
		return 0;
	return selector_resolve(&conf->selector, "/sys", c->arena, c->err);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* The record stays as long as there is something to do by it. */
static void undo_device(struct cni_call *c, void *arg)
{
	const struct host_device_conf *conf = arg;
	const struct origin *o = &conf->origin;

	if ((o->in_place ? home_restore_in_place : home_bring)(c, o) < 0 ||
	    (!conf->recorded_before && origin_remove(c) < 0))
		fprintf(stderr, "rollback: host-device: %s\n", c->err->msg);
}

/*
 * What was before an earlier ADD counts, if that has taken this device: of this attachment, or of
 * another one that has lost it.
 */
static int write_origin(struct cni_call *c, const struct link_device *d)
{
	struct host_device_conf *conf = c->conf;
	const struct origin *earlier = NULL;
	const char *superseded = NULL;

	if (conf->origin.in_place && origin_read(c, &earlier) < 0)
		return -1;
	conf->recorded_before = earlier && origin_is(earlier, d, false);
	if (!conf->origin.in_place && origin_inherit(c, d, &conf->origin, &superseded) < 0)
		return -1;
	undo_push(c, undo_device, conf);
	if (!conf->recorded_before && origin_write(c, &conf->origin) < 0)
		return -1;
	return superseded ? file_remove(superseded, c->arena, c->err) : 0;
}

/* Written before the alias and the move: from then on a DEL would look for the device. */
static int attach(struct cni_call *c, struct link_device *d)
{
	struct host_device_conf *conf = c->conf;
	struct origin *o = &conf->origin;

	if (inside_name_is_free(c) < 0 || write_origin(c, d) < 0)
		return -1;
	nl_link_alias(c->host, d->link.index, o->name);
	if (nl_commit(c->host) < 0 || move_in(c, &d->link) < 0 ||
	    nl_device_find(c->sandbox, c->req->ifname, 0, c->arena, d) < 0)
		return -1;
	if (!d->link.index)
		return err_set(c->err, ERR_INTERNAL, "%s is gone", o->name);
	if ((uint32_t)d->link.index == o->index)
		return 0;
	o->index_inside = (uint32_t)d->link.index;
	return origin_write(c, o);
}

/* It is the runtime's to take away: only its name, addresses and flags are ours. */
static int attach_in_place(struct cni_call *c, struct link_device *d)
{
	struct host_device_conf *conf = c->conf;
	bool same_name = !strcmp(d->link.name, c->req->ifname);

	conf->origin.in_place = true;
	if (origin_refuse_other(c, d) < 0 || (!same_name && inside_name_is_free(c) < 0) ||
	    write_origin(c, d) < 0)
		return -1;
	if (conf->use_network &&
	    network_remove(c, c->sandbox, d->link.index, &conf->origin.addresses) < 0)
		return -1;
	if (same_name)
		return 0;
	nl_link_rename(c->sandbox, d->link.index, c->req->ifname);
	if (nl_commit(c->sandbox) < 0)
		return -1;
	return nl_device_find(c->sandbox, NULL, d->link.index, c->arena, d);
}

static int take_device(struct cni_call *c, struct link *inside)
{
	struct host_device_conf *conf = c->conf;
	struct link_device d;
	bool in_place;

	if (host_lock(c) < 0 || selector_find(c, &conf->selector, &d, &in_place) < 0)
		return -1;
	if (d.link.flags & IFF_LOOPBACK)
		return err_config(c->err, "device: %s is a loopback interface", d.link.name);
	conf->origin = origin_of(c, &d);
	if ((conf->use_network || in_place) &&
	    network_list(c, in_place ? c->sandbox : c->host, d.link.index, conf->use_network,
			 &conf->origin.addresses) < 0)
		return -1;
	if ((in_place ? attach_in_place : attach)(c, &d) < 0)
		return -1;
	host_unlock(c);
	*inside = d.link;
	return 0;
}

/* Userspace drives it: the result has its name, and its addresses are for whoever does. */
static int describe(struct cni_call *c, const struct ipam *ipam)
{
	const struct link none = { 0 };
	uint32_t index = cni_add_interface(c, &none, c->req->netns);

	c->result.interfaces[index].name = c->req->ifname;
	c->result.interfaces[index].mac = NULL;
	if (cni_ipam_add(c, ipam) < 0)
		return -1;
	for (size_t i = 0; i < c->result.n_ips; i++) {
		c->result.ips[i].interface = index;
		c->result.ips[i].has_interface = true;
	}
	return 0;
}

static int configure(struct cni_call *c, const struct ipam *ipam, const struct link *inside)
{
	struct host_device_conf *conf = c->conf;
	uint32_t index = cni_add_interface(c, inside, c->req->netns);
	const struct configure_options options = {
		.dad = conf->dad,
		.slaac = conf->slaac,
		.in_place = conf->origin.in_place,
		.sysctls = &conf->sysctls,
	};

	if (configure_for_ipam(c, inside, &options) < 0 || cni_ipam_add(c, ipam) < 0)
		return -1;
	if (conf->use_network)
		network_merge(c, &conf->origin.addresses);
	if (c->result.n_ips)
		return configure_iface(c, inside, index, &options);
	return configure_up(c, inside, &conf->sysctls, true);
}

static int host_device_add(struct cni_call *c)
{
	const struct host_device_conf *conf = c->conf;
	struct link inside;
	struct ipam ipam;
	int rc;

	if (cni_ipam_find(c, &ipam) < 0)
		return -1;
	if (conf->selector.userspace)
		rc = describe(c, &ipam);
	else
		rc = take_device(c, &inside) < 0 ? -1 : configure(c, &ipam, &inside);
	if (!rc && ipam.path)
		configure_dns(c);
	return rc;
}

/* ---- DEL, GC --------------------------------------------------------------------------------- */

/* The record is read under the lock: an ADD before it may take device and record over. */
static int release_device(struct cni_call *c)
{
	const struct origin *recorded;
	struct origin o;
	bool exists = true;

	if (host_lock(c) < 0 || origin_read(c, &recorded) < 0)
		return -1;
	if (recorded)
		o = *recorded;
	else if (origin_by_alias(c, &o, &exists) < 0)
		return -1;
	if (exists && (o.in_place ? home_restore_in_place : home_bring)(c, &o) < 0)
		return -1;
	return origin_remove(c);
}

static int host_device_del(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, cni_ipam_forward(c));
	cni_step(c, &steps, release_device(c));
	host_unlock(c);
	return cni_steps_end(c, &steps);
}

static bool bring_stale_home(struct cni_call *c, const struct attfile_place *place,
			     const struct json *v)
{
	struct host_device_conf *conf = c->conf;
	struct origin o;
	int rc;

	(void)place;
	if (origin_decode(v, &o, c->err) < 0) {
		err_clear(c->err);
		return false;
	}
	if (strcmp(o.network, c->req->net.name) != 0)
		return false;
	rc = o.in_place ? 0 : home_bring(c, &o);
	cni_step(c, &conf->stale, rc);
	cni_step(c, &conf->stale, host_lock(c)); /* for the next record */
	return rc == 0;
}

static int host_device_gc(struct cni_call *c)
{
	struct host_device_conf *conf = c->conf;

	cni_step(c, &conf->stale, host_lock(c) < 0 ? -1 : origin_gc(c, bring_stale_home));
	host_unlock(c);
	cni_step(c, &conf->stale, cni_ipam_forward(c));
	return cni_steps_end(c, &conf->stale);
}

static int host_device_check(struct cni_call *c)
{
	struct host_device_conf *conf = c->conf;
	struct link inside;
	uint32_t index;

	if (cni_ipam_forward(c) < 0)
		return -1;
	if (conf->selector.userspace)
		return 0;
	if (verify_inside(c, NULL, true, &inside, &index) < 0 ||
	    verify_ips_and_routes(c, &inside, index) < 0)
		return -1;
	return sysctl_list_check(c, &conf->sysctls);
}

const struct cni_plugin host_device_plugin = {
	.name = "host-device",
	.registers = true,
	.fields = host_device_fields,
	.defaults = &host_device_defaults,
	.conf_size = sizeof(struct host_device_conf),
	.validate = host_device_validate,
	.add = host_device_add,
	.del = host_device_del,
	.check = host_device_check,
	.gc = host_device_gc,
	.status = cni_ipam_forward,
};
