/* SPDX-License-Identifier: Apache-2.0 */
/* portmap - ports of the host that lead to the container: behind an interface plugin in a chain. */
#include <string.h>

#include "base/str.h"
#include "cni/portmaphost.h"
#include "cni/portmapipt.h"
#include "cni/portmaprules.h"
#include "cni/record.h"

static int portmap_validate(struct cni_call *c)
{
	struct portmap *conf = c->own;

	if (portmap_settle(conf, c->arena, c->err) < 0)
		return -1;
	if (portmap_check_ports(conf, c->arena, c->err) < 0)
		return -1;
	if (c->command == CNI_ADD && !c->prev)
		return err_set(
			c->err, ERR_CONFIG,
			"prevResult: missing, portmap goes behind another plugin in a chain");
	return 0;
}

static struct portmap_list wanted(struct cni_call *c)
{
	return portmap_list(c->own, c->prev, c->ifname, c->arena);
}

/* Without mappings, or an address that they could lead to, nothing is opened or asked. */
static int portmap_add(struct cni_call *c)
{
	const struct portmap *conf = c->own;
	struct portmap_list list = wanted(c);

	c->result = *c->prev;
	if (!list.n)
		return 0;
	if (cni_record_write(c) < 0)
		return -1;
	if (portmap_rules_add(c, conf, &list) < 0)
		return -1;
	if (portmap_allow_loopback(c, conf, &list) < 0)
		return -1;
	return portmap_forget_old(c, &list);
}

static int portmap_check(struct cni_call *c)
{
	struct portmap_list list = wanted(c);

	return list.n ? portmap_rules_check(c, c->own, &list) : 0;
}

static int portmap_repair(struct cni_call *c)
{
	struct portmap_list list = wanted(c);

	if (portmap_rules_repair(c, c->own, &list) < 0)
		return -1;
	return portmap_allow_loopback(c, c->own, &list);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* Under the configuration and with the result that the ADD had; a settled *conf, in any case. */
static int recall(struct cni_call *c, const struct cni_record *r, struct portmap *conf)
{
	*conf = portmap_defaults;
	if (json_decode_lenient(r->conf, portmap_fields, "", conf, c->err) < 0 ||
	    portmap_settle(conf, c->arena, c->err) < 0) {
		*conf = portmap_defaults;
		return -1;
	}
	conf->list = portmap_list(conf, &r->prev, r->ifname, c->arena);
	return 0;
}

/* Conditions that nobody can settle are none: nothing can have been made under them. */
static void settle_anyhow(struct cni_call *c)
{
	struct portmap *conf = c->own;

	if (portmap_settle(conf, c->arena, c->err) == 0)
		return;
	err_clear(c->err);
	conf->cond[0] = conf->cond[1] = (struct nft_cond){ 0 };
}

static int release(struct cni_call *c)
{
	const struct portmap *conf = c->own;

	return conf->list.n ? portmap_rules_release(c, conf, &conf->list)
			    : portmap_rules_sweep(c, conf);
}

static int remove_others(struct cni_call *c)
{
	const struct portmap *conf = c->own;

	return portmap_rules_remove_others(c, c->container_id, &conf->list);
}

static int forget(struct cni_call *c)
{
	const struct portmap *conf = c->own;

	return portmap_forget_own(c, &conf->list);
}

/* Without a record whose file is there, and without ports in the configuration, there is nothing. */
static bool is_nothing(struct cni_call *c, const struct cni_record *r)
{
	const struct portmap *conf = c->own;

	return !r && *c->record_fd < 0 && !conf->n_ports;
}

static int portmap_del(struct cni_call *c)
{
	static const cni_step steps[] = { release, remove_others, forget };
	struct cni_record *r;

	if (cni_record_read(c, &r) < 0)
		return -1;
	if (is_nothing(c, r))
		return 0;
	if (!r || recall(c, r, c->own) < 0)
		settle_anyhow(c);
	err_clear(c->err);
	if (cni_nft(c) < 0)
		return -1;
	if (cni_try_all(c, steps, ARRAY_SIZE(steps)) < 0)
		return -1;
	return cni_record_remove(c);
}

/* ---- GC, STATUS ------------------------------------------------------------------------------ */

/* The reference's chains are a container's, not an interface's. */
static bool has_valid(const struct cni_call *c, const char *container_id)
{
	for (size_t i = 0; i < c->conf.n_attachments; i++)
		if (!strcmp(c->conf.attachments[i].container_id, container_id))
			return true;
	return false;
}

/* A table of conditions, and the reference's rules, are found by the records alone. */
static int collect_one(struct cni_call *c, const struct cni_record *r)
{
	struct portmap conf;

	if (recall(c, r, &conf) < 0)
		err_clear(c->err);
	if (conf.cond[0].n + conf.cond[1].n && portmap_rules_collect(c, &conf) < 0)
		return -1;
	if (!conf.list.n || has_valid(c, r->container_id))
		return 0;
	return portmap_rules_remove_others(c, r->container_id, &conf.list);
}

static int collect_recorded(struct cni_call *c)
{
	return cni_record_each_stale(c, collect_one);
}

static int collect_plain(struct cni_call *c)
{
	return portmap_rules_collect(c, &portmap_defaults);
}

static int collect_conditional(struct cni_call *c)
{
	const struct portmap *conf = c->own;

	settle_anyhow(c);
	return conf->cond[0].n + conf->cond[1].n ? portmap_rules_collect(c, conf) : 0;
}

static int portmap_gc(struct cni_call *c)
{
	static const cni_step steps[] = { collect_plain, collect_conditional, collect_recorded,
					  cni_record_collect };

	if (cni_nft(c) < 0)
		return -1;
	return cni_try_all(c, steps, ARRAY_SIZE(steps));
}

static int portmap_status(struct cni_call *c)
{
	if (portmap_rules_usable(c, c->own) == 0)
		return 0;
	c->err->code = ERR_UNAVAILABLE;
	return err_wrap(c->err, "host ports cannot be mapped");
}

const struct cni_plugin portmap_plugin = {
	.name = "portmap",
	.fields = portmap_fields,
	.defaults = &portmap_defaults,
	.conf_size = sizeof(struct portmap),
	.bare = true,
	.validate = portmap_validate,
	.add = portmap_add,
	.del = portmap_del,
	.check = portmap_check,
	.gc = portmap_gc,
	.status = portmap_status,
	.repair = portmap_repair,
};
