/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall - has the host forward what a container sends, and the answers to it, where forwarding
 * is not the rule; and keeps bridges apart from each other.
 */
#include "forward.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "detect.h"
#include "iptables_rules.h"
#include "nftables.h"
#include "skel/instance.h"
#include "skel/record.h"
#include "skel/registry.h"

static const struct json_field firewall_fields[] = {
	F_STR("backend", struct fw_conf, backend),
	F_STR("iptablesAdminChainName", struct fw_conf, admin),
	F_STR("firewalldZone", struct fw_conf, zone),
	F_STR("ingressPolicy", struct fw_conf, policy),
	F_END,
};

static const struct fw_conf defaults = {
	.backend = "",
	.admin = "CNI-ADMIN",
	.zone = "trusted",
	.policy = "",
};

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool is_among(const char *const *list, const char *value)
{
	while (*list && strcmp(*list, value) != 0)
		list++;
	return *list;
}

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* What iptables takes for a chain, as far as nft(8) does, and not one that has another meaning. */
static int validate_admin(struct cni_call *c, const char *name)
{
	static const char *const taken[] = {
		"INPUT",  "FORWARD",        "OUTPUT",         "ACCEPT",         "DROP", "QUEUE",
		"RETURN", FW_CHAIN_FORWARD, FW_CHAIN_STAGE_1, FW_CHAIN_STAGE_2, NULL
	};

	if (!*name || strlen(name) > INSTANCE_CHAIN_LEN)
		return err_config(c->err,
				  "iptablesAdminChainName: \"%.80s\" has not 1 to %d characters",
				  name, INSTANCE_CHAIN_LEN);
	if (*name == '-' || name[strspn(name, NAME_CHARS)])
		return err_config(c->err, "iptablesAdminChainName: \"%s\" is no name of a chain",
				  name);
	if (is_among(taken, name) || fw_nftables_is_chain(name))
		return err_config(c->err, "iptablesAdminChainName: \"%s\" is taken", name);
	return 0;
}

/* The policy is about the bridge, which is the first interface: not one inside of the container. */
static int validate_bridge(struct cni_call *c)
{
	const struct cni_interface *first = c->req->prev->interfaces;

	if (!c->req->prev->n_interfaces)
		return err_config(c->err,
				  "prevResult.interfaces: missing, ingressPolicy needs the bridge");
	if (str_ifname_fault(first->name))
		return err_config(c->err, "prevResult.interfaces[0].name: %s",
				  str_ifname_fault(first->name));
	if (first->sandbox && *first->sandbox)
		return err_config(
			c->err,
			"prevResult.interfaces[0]: %s is the container's, ingressPolicy needs the bridge",
			first->name);
	return 0;
}

static int firewall_validate(struct cni_call *c)
{
	static const char *const backends[] = { "", "nftables", "iptables", "firewalld", NULL };
	static const char *const policies[] = { "", "open", "same-bridge", "isolated", NULL };
	const struct fw_conf *conf = c->conf;

	if (!is_among(backends, conf->backend))
		return err_config(c->err,
				  "backend: \"%.80s\" is none of nftables, iptables, firewalld",
				  conf->backend);
	if (!is_among(policies, conf->policy))
		return err_config(c->err,
				  "ingressPolicy: \"%.80s\" is none of open, same-bridge, isolated",
				  conf->policy);
	if (validate_admin(c, conf->admin) < 0)
		return -1;
	if (c->req->command == CNI_STATUS)
		return 0;
	if (!c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, firewall goes behind an interface's plugin in a chain");
	return fw_has_policy(conf) && c->req->prev->n_ips ? validate_bridge(c) : 0;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

/* Beside firewalld, the others have the policy only. */
static struct fw_forward *forward_by(struct cni_call *c, unsigned int set, size_t i)
{
	struct fw_forward *f = fw_forward_of(c, c->req->prev);

	f->backend = fw_backends[i];
	f->policy_only = set & FW_FIREWALLD && !(1u << i & FW_FIREWALLD);
	return f;
}

static void undo(struct cni_call *c, void *arg)
{
	struct fw_forward *f = arg;

	if (f->backend->undo(f) < 0)
		fprintf(stderr, "rollback: firewall, %s: %s\n", f->backend->name, c->err->msg);
}

/* The lock, so that what is shared is made once, and not removed before an undo. */
static int add(struct cni_call *c, struct fw_forward *f)
{
	bool ready = !f->backend->prepare;

	if (f->backend->ready && f->backend->ready(f, &ready) < 0)
		return -1;
	undo_push(c, undo, f);
	if (!ready && (host_lock(c) < 0 || f->backend->prepare(f) < 0))
		return -1;
	return f->backend->add ? f->backend->add(f) : 0;
}

static int firewall_add(struct cni_call *c)
{
	unsigned int set;

	c->result = *c->req->prev;
	if (!c->req->prev->n_ips)
		return 0;
	if (fw_backends_chosen(c, c->conf, &set) < 0)
		return -1;
	registry_add_first(c);
	if (record_write(c, fw_backends_extra(c, set)) < 0)
		return -1;
	fw_for_each(i, set)
		if (add(c, forward_by(c, set, i)) < 0)
			return err_wrap(c->err, "firewall, %s", fw_backends[i]->name);
	host_unlock(c);
	return 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/*
 * What ADD saw, or what the runtime says it was; if that is nothing, comments are what is left to
 * go by.
 */
static const struct cni_result *result_of(struct cni_call *c, const struct record *r)
{
	struct cni_result *prev = arena_new(c->arena, struct cni_result);

	if (r)
		return &r->prev;
	if (!c->req->net.prev_result)
		return NULL;
	if (cni_result_parse(c->req->net.prev_result, c->req->net.version, true, "prevResult", prev,
			     c->err) < 0) {
		err_clear(c->err);
		return NULL;
	}
	return prev;
}

static int firewall_del(struct cni_call *c)
{
	const struct fw_conf *conf = c->conf;
	const struct cni_result *result;
	struct cni_steps steps = { 0 };
	struct record *r;

	if (record_read(c, &r) < 0 || cni_nft(c) < 0)
		return -1;
	result = result_of(c, r);
	fw_for_each(i, fw_backends_to_clean(c, conf->backend, r ? r->extra : NULL))
		cni_step(c, &steps, fw_release(fw_backends[i], fw_forward_of(c, result)));
	if (cni_steps_end(c, &steps) < 0)
		return -1;
	return record_remove(c);
}

/* ---- CHECK, repair, GC, STATUS --------------------------------------------------------------- */

/* The reference leaves no record, and has used one of the backends that there are. */
static int firewall_check(struct cni_call *c)
{
	struct err first = { 0 };
	struct record *r;
	unsigned int set;
	bool recorded;

	if (!c->req->prev->n_ips)
		return 0;
	if (cni_nft(c) < 0 || record_read(c, &r) < 0)
		return -1;
	set = fw_backends_recorded(c, r ? r->extra : NULL);
	recorded = set;
	if (!recorded && fw_backends_chosen(c, c->conf, &set) < 0)
		return -1;
	fw_for_each(i, set) {
		bool fine = fw_backends[i]->verify(forward_by(c, set, i)) == 0;

		if (fine && !recorded)
			return 0;
		if (!fine && !first.code)
			first = *c->err;
		err_clear(c->err);
	}
	*c->err = first;
	return first.code ? err_wrap(c->err, "firewall") : 0;
}

static int restore(struct cni_call *c, unsigned int set)
{
	fw_for_each(i, set)
		if (fw_backends[i]->restore(forward_by(c, set, i)) < 0)
			return err_wrap(c->err, "firewall");
	return 0;
}

/* The new rules are there before the old ones go. */
static int turn(struct cni_call *c)
{
	const char *extra = c->req->record->extra;
	unsigned int set, old;

	if (fw_backends_turned(c, c->conf, c->req->backend, extra, &set) < 0 || restore(c, set) < 0)
		return -1;
	old = fw_backends_to_clean(c, "nftables", extra) & ~set;
	fw_for_each(i, old)
		if (fw_backends[i]->release(fw_forward_of(c, c->req->prev)) < 0)
			return err_wrap(c->err, "firewall, %s", fw_backends[i]->name);
	if (fw_gc_policies(c, old) < 0)
		return -1;
	return record_write(c, fw_backends_extra(c, set));
}

static int firewall_repair(struct cni_call *c)
{
	if (!c->req->prev->n_ips)
		return 0;
	if (cni_nft(c) < 0)
		return -1;
	return c->req->backend ? turn(c)
			       : restore(c, fw_backends_recorded(c, c->req->record->extra));
}

static int gc(struct cni_call *c)
{
	struct instance_set comments;

	instance_set_init(&comments, c);
	fw_for_each(i, fw_backends_to_clean(c, "nftables", NULL))
		if (fw_backends[i]->gc &&
		    fw_backends[i]->gc(c, instance_match_stale, &comments) < 0)
			return -1;
	return 0;
}

static int firewall_gc(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	if (cni_nft(c) < 0)
		return -1;
	cni_step(c, &steps, gc(c));
	cni_step(c, &steps, fw_gc_untagged(c));
	if (c->req->net.has_attachments && !c->req->net.n_attachments)
		cni_step(c, &steps, fw_gc_policies(c, fw_backends_to_clean(c, "nftables", NULL)));
	cni_step(c, &steps, record_gc(c));
	return cni_steps_end(c, &steps);
}

static int firewall_status(struct cni_call *c)
{
	unsigned int set;

	return fw_backends_chosen(c, c->conf, &set) < 0 ? -1 : fw_backends_status(c, set);
}

const struct cni_plugin firewall_plugin = {
	.name = "firewall",
	.compat_version = "v1.9.1",
	.fields = firewall_fields,
	.defaults = &defaults,
	.conf_size = sizeof(struct fw_conf),
	.registers_rules = true,
	.no_netns = true,
	.validate = firewall_validate,
	.add = firewall_add,
	.del = firewall_del,
	.check = firewall_check,
	.gc = firewall_gc,
	.status = firewall_status,
	.repair = firewall_repair,
	.is_guest_chain = fw_nftables_is_guest,
};
