/* SPDX-License-Identifier: Apache-2.0 */
/* vrf - the container's interface in a VRF, which is made for it. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "device.h"
#include "iface/carry.h"
#include "nl/link_wait.h"
#include "sys/lock.h"

struct vrf_conf {
	const char *vrfname;
	uint32_t table; /* 0 = the first that is free */
	bool unreachable_default;
};

static const struct json_field vrf_fields[] = {
	F_STR("vrfname", struct vrf_conf, vrfname),
	F_UINT("table", struct vrf_conf, table),
	F_BOOL("unreachableDefault", struct vrf_conf, unreachable_default),
	F_END,
};

static int vrf_validate(struct cni_call *c)
{
	const struct vrf_conf *conf = c->conf;
	const char *fault = conf->vrfname ? str_ifname_fault(conf->vrfname) : "missing";

	if (fault)
		return err_config(c->err, "vrfname: %s", fault);
	if (c->req->command != CNI_STATUS && !c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, vrf goes behind an interface's plugin in a chain");
	return 0;
}

/* VRFs are the namespace's matter. */
static int lock_namespace(struct cni_call *c)
{
	return lock_fd(c->netns_fd, c->req->netns, c->err);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

struct add {
	struct device device;
	struct carry carry;
	bool enslaved; /* or so it may be */
};

static void undo_add(struct cni_call *c, void *arg)
{
	const struct add *a = arg;
	struct cni_steps steps = { 0 };

	if (a->device.unreachable_added)
		cni_step(c, &steps, device_remove_unreachable(c, &a->device, &a->carry.routes));
	if (a->enslaved) {
		nl_link_master(c->sandbox, a->carry.index, 0);
		cni_step(c, &steps, nl_commit(c->sandbox));
		cni_step(c, &steps, carry_put_back(c, &a->carry));
	}
	device_undo(c, &steps, &a->device);
	if (cni_steps_end(c, &steps) < 0)
		fprintf(stderr, "rollback: vrf, %s: %s\n", c->req->ifname, c->err->msg);
}

/* What an earlier ADD has enslaved stays as it is. */
static int find_interface(struct cni_call *c, const struct device *d)
{
	if (!d->link)
		return err_set(c->err, ERR_INTERNAL, "%s: no such interface", c->req->ifname);
	if (d->link->master && d->link->master != d->index)
		return err_set(c->err, ERR_IN_USE, "%s has a master: %s", c->req->ifname,
			       device_name(d, d->link->master));
	return 0;
}

/* Its routes and addresses go with it. */
static int enslave(struct cni_call *c, struct add *a)
{
	if (a->device.link->master == a->device.index)
		return 0;
	a->enslaved = true;
	if (carry_detach(c, &a->carry) < 0)
		return -1;
	nl_link_master(c->sandbox, a->carry.index, a->device.index);
	if (nl_commit(c->sandbox) < 0)
		return -1;
	return carry_restore(c, &a->carry, a->device.table);
}

static int vrf_add(struct cni_call *c)
{
	const struct vrf_conf *conf = c->conf;
	struct add *a = arena_new(c->arena, struct add);

	c->result = *c->req->prev;
	if (lock_namespace(c) < 0 || device_list(c, conf->vrfname, &a->device) < 0 ||
	    find_interface(c, &a->device) < 0 ||
	    carry_list(c, a->device.link->index, &a->carry) < 0)
		return -1;
	undo_push(c, undo_add, a);
	if (device_ensure(c, conf->table, &a->carry.routes, &a->device) < 0 || enslave(c, a) < 0)
		return -1;
	return conf->unreachable_default ? device_add_unreachable(c, &a->carry.routes, &a->device)
					 : 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* The VRF last: it says which table was meant. */
static void release(struct cni_call *c, struct cni_steps *steps, const struct device *d)
{
	const struct vrf_conf *conf = c->conf;
	int rc = 0;

	if (d->link && d->link->master == d->index) {
		nl_link_master(c->sandbox, d->link->index, 0);
		cni_step(c, steps, nl_commit_allow(c->sandbox, ENODEV));
	}
	if (device_has_others(d))
		return;
	if (conf->unreachable_default)
		rc = device_remove_unreachable(c, d, NULL);
	cni_step(c, steps, rc);
	if (rc < 0)
		return;
	cni_step(c, steps, nl_link_del_announced(c->sandbox, d->index, c->netns_fd, d->index));
}

/* Whoever holds the lock does not keep the container from its end. */
static int vrf_del(struct cni_call *c)
{
	const struct vrf_conf *conf = c->conf;
	struct cni_steps steps = { 0 };
	struct device d = { 0 };

	if (!c->sandbox || !conf->vrfname)
		return 0;
	if (lock_namespace(c) < 0)
		err_clear(c->err);
	if (device_list(c, conf->vrfname, &d) < 0)
		return -1;
	if (d.index && (!conf->table || conf->table == d.table))
		release(c, &steps, &d);
	return cni_steps_end(c, &steps);
}

/* ---- CHECK, STATUS --------------------------------------------------------------------------- */

static int differs(struct cni_call *c, const char *what, const char *wanted, const char *found)
{
	return err_set(c->err, ERR_CHECK, "%s: wanted %s, found %s", what, wanted, found);
}

static int check_device(struct cni_call *c, const struct device *d)
{
	const struct vrf_conf *conf = c->conf;

	if (!d->index)
		return differs(c, d->name, "a vrf",
			       device_find(d, d->name) ? "another kind of link" : "none");
	if (conf->table && d->table != conf->table)
		return differs(c, arena_printf(c->arena, "table of %s", d->name),
			       arena_printf(c->arena, "%u", conf->table),
			       arena_printf(c->arena, "%u", d->table));
	if (!d->link)
		return differs(c, c->req->ifname, "an interface", "none");
	if (d->link->master != d->index)
		return differs(c, arena_printf(c->arena, "master of %s", c->req->ifname), d->name,
			       device_name(d, d->link->master));
	return 0;
}

static int vrf_check(struct cni_call *c)
{
	const struct vrf_conf *conf = c->conf;
	struct device d = { 0 };

	if (device_list(c, conf->vrfname, &d) < 0 || check_device(c, &d) < 0)
		return -1;
	return conf->unreachable_default ? device_check_unreachable(c, d.table) : 0;
}

static int vrf_status(struct cni_call *c)
{
	bool has;

	if (nl_vrf_probe(c->host, &has) < 0)
		return -1;
	return has ? 0 : err_set(c->err, ERR_UNAVAILABLE, NO_VRF);
}

/* GC: all that ADD leaves is the namespace's, and goes with it. */
const struct cni_plugin vrf_plugin = {
	.name = "vrf",
	.fields = vrf_fields,
	.conf_size = sizeof(struct vrf_conf),
	.validate = vrf_validate,
	.add = vrf_add,
	.del = vrf_del,
	.check = vrf_check,
	.status = vrf_status,
};
