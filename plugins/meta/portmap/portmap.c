/* SPDX-License-Identifier: Apache-2.0 */
/* portmap - ports of the host that lead to the container: behind an interface plugin in a chain. */
#include <string.h>

#include "backend.h"
#include "host.h"
#include "siblings.h"
#include "skel/record.h"
#include "skel/registry.h"

static int portmap_validate(struct cni_call *c)
{
	struct portmap *conf = c->conf;

	if (c->req->record)
		portmap_turn_conf(conf, c->req->backend ? c->req->backend : c->req->record->extra);
	if (portmap_resolve(conf, c->arena, c->err) < 0 ||
	    portmap_check_ports(conf, c->arena, c->err) < 0)
		return -1;
	if (c->req->command == CNI_ADD && !c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, portmap goes behind another plugin in a chain");
	return 0;
}

/* The configuration, with the mappings that it and prevResult come to. */
static const struct portmap *wanted(struct cni_call *c)
{
	struct portmap *conf = c->conf;

	conf->list = portmap_list(conf, c->req->prev, c->req->ifname, c->arena);
	return conf;
}

/* Without mappings, or an address that they could lead to, nothing is opened or asked. */
static int portmap_add(struct cni_call *c)
{
	const struct portmap *conf = wanted(c);
	struct record *before;

	c->result = *c->req->prev;
	if (!conf->list.n)
		return 0;
	registry_add_first(c);
	if (record_read(c, &before) < 0 || record_write(c, NULL) < 0 ||
	    portmap_rules_make(c, conf) < 0 || portmap_allow_loopback(c, conf) < 0 ||
	    portmap_conntrack_flush(c, &conf->list) < 0)
		return -1;
	return portmap_rules_retire(c, before, conf);
}

static int portmap_check(struct cni_call *c)
{
	const struct portmap *conf = wanted(c);

	return conf->list.n ? portmap_rules_check(c, conf) : 0;
}

/* The new rules are there before the old ones go. */
static int turn(struct cni_call *c, const struct portmap *conf)
{
	struct portmap old;

	if (portmap_from_record(c, c->req->record, &old) < 0 || portmap_rules_make(c, conf) < 0 ||
	    portmap_allow_loopback(c, conf) < 0 || portmap_rules_leave(c, conf, &old) < 0)
		return -1;
	return record_write(c, c->req->backend);
}

static int portmap_repair(struct cni_call *c)
{
	const struct portmap *conf = wanted(c);

	if (c->req->backend)
		return turn(c, conf);
	if (portmap_rules_check(c, conf) < 0) {
		if (c->err->code != ERR_CHECK)
			return -1;
		err_clear(c->err);
		if (portmap_rules_make(c, conf) < 0)
			return -1;
	}
	return portmap_allow_loopback(c, conf);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* Conditions that cannot be resolved are none: nothing can have been made under them. */
static void resolve_lenient(struct cni_call *c)
{
	struct portmap *conf = c->conf;

	if (portmap_resolve(conf, c->arena, c->err) == 0)
		return;
	err_clear(c->err);
	conf->cond[0] = conf->cond[1] = (struct condition){ 0 };
}

/*
 * What the runtime says instead of a record: to tell the reference's rules for one interface from
 * another's.
 */
static void guess(struct cni_call *c)
{
	struct portmap *conf = c->conf;
	struct cni_result prev = { 0 };
	struct err ignored = { 0 };

	resolve_lenient(c);
	if (c->req->net.prev_result &&
	    cni_result_parse(c->req->net.prev_result, c->req->net.version, true, "prevResult",
			     &prev, &ignored) == 0)
		conf->list = portmap_list(conf, &prev, c->req->ifname, c->arena);
}

static int portmap_del(struct cni_call *c)
{
	const struct portmap *conf = c->conf;
	struct cni_steps steps = { 0 };
	struct record *r;

	if (record_read(c, &r) < 0)
		return -1;
	if (!r && !record_exists(c) && !conf->n_ports)
		return 0; /* as after an ADD without ports */
	if (!r || portmap_from_record(c, r, c->conf) < 0)
		guess(c);
	err_clear(c->err);
	if (cni_nft(c) < 0)
		return -1;
	cni_step(c, &steps, portmap_rules_del(c, conf));
	cni_step(c, &steps, portmap_rules_del_compat(c, c->req->container_id, conf));
	cni_step(c, &steps, portmap_close_loopback(c, conf));
	cni_step(c, &steps, portmap_conntrack_flush(c, &conf->list));
	if (cni_steps_end(c, &steps) < 0)
		return -1;
	return record_remove(c);
}

/* ---- GC, STATUS ------------------------------------------------------------------------------ */

/* A table of conditions, and the reference's rules, are found by the records alone. */
static int gc_one(struct cni_call *c, const struct record *r)
{
	struct portmap conf;

	if (portmap_from_record(c, r, &conf) < 0)
		err_clear(c->err);
	if (conf.cond[0].n + conf.cond[1].n && portmap_rules_gc(c, &conf) < 0)
		return -1;
	if (conf.list.n && portmap_rules_del_compat(c, r->container_id, &conf) < 0)
		return -1;
	return portmap_close_loopback(c, &conf);
}

static int portmap_gc(struct cni_call *c)
{
	const struct portmap *conf = c->conf;
	struct cni_steps steps = { 0 };

	if (cni_nft(c) < 0)
		return -1;
	cni_step(c, &steps, portmap_rules_gc(c, &portmap_defaults));
	resolve_lenient(c);
	if (conf->cond[0].n + conf->cond[1].n)
		cni_step(c, &steps, portmap_rules_gc(c, conf));
	cni_step(c, &steps, record_each_stale(c, gc_one));
	cni_step(c, &steps, record_gc(c));
	return cni_steps_end(c, &steps);
}

static int portmap_status(struct cni_call *c)
{
	if (portmap_rules_usable(c, c->conf) == 0)
		return 0;
	c->err->code = ERR_UNAVAILABLE;
	return err_wrap(c->err, "host ports cannot be mapped");
}

/* "8080/tcp -> 80", with the address of the host in front if it is of one. */
static void portmap_describe(const void *arg, struct json *out)
{
	const struct portmap *p = arg;
	struct json *list = p->n_ports ? json_add_list(out, "ports") : NULL;

	for (size_t i = 0; i < p->n_ports; i++) {
		const struct portmap_port *port = &p->ports[i];
		char ip[IP_STRLEN];

		json_add_str(list, NULL,
			     arena_printf(json_arena(), "%s%s%u/%s -> %u",
					  port->host_ip.family ? ip_str(&port->host_ip, ip) : "",
					  port->host_ip.family ? " " : "", port->host_port,
					  port->protocol ? port->protocol : "tcp",
					  port->container_port));
	}
}

const struct cni_plugin portmap_plugin = {
	.describe = portmap_describe,
	.name = "portmap",
	.fields = portmap_fields,
	.defaults = &portmap_defaults,
	.conf_size = sizeof(struct portmap),
	.registers_rules = true,
	.no_netns = true,
	.validate = portmap_validate,
	.add = portmap_add,
	.del = portmap_del,
	.check = portmap_check,
	.gc = portmap_gc,
	.status = portmap_status,
	.repair = portmap_repair,
};
