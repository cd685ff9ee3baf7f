/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall - has the host forward what a container sends, and the answers to it, where forwarding
 * is not the rule; and keeps bridges apart from each other.
 */
#include "forward.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "iptables_rules.h"
#include "nftables.h"
#include "skel/instance.h"

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
		return err_set(c->err, ERR_CONFIG,
			       "iptablesAdminChainName: \"%.80s\" has not 1 to %d characters", name,
			       INSTANCE_CHAIN_LEN);
	if (*name == '-' || name[strspn(name, NAME_CHARS)])
		return err_set(c->err, ERR_CONFIG,
			       "iptablesAdminChainName: \"%s\" is no name of a chain", name);
	if (is_among(taken, name) || fw_nftables_is_chain(name))
		return err_set(c->err, ERR_CONFIG, "iptablesAdminChainName: \"%s\" is taken", name);
	return 0;
}

/* The policy is about the bridge, which is the first interface: not one inside of the container. */
static int validate_bridge(struct cni_call *c)
{
	const struct cni_interface *first =
		c->req->prev->n_interfaces ? c->req->prev->interfaces : NULL;

	if (!first)
		return err_set(c->err, ERR_CONFIG,
			       "prevResult.interfaces: missing, ingressPolicy needs the bridge");
	if (str_ifname_fault(first->name))
		return err_set(c->err, ERR_CONFIG, "prevResult.interfaces[0].name: %s",
			       str_ifname_fault(first->name));
	if (first->sandbox && *first->sandbox)
		return err_set(
			c->err, ERR_CONFIG,
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
		return err_set(c->err, ERR_CONFIG,
			       "backend: \"%.80s\" is none of nftables, iptables, firewalld",
			       conf->backend);
	if (!is_among(policies, conf->policy))
		return err_set(c->err, ERR_CONFIG,
			       "ingressPolicy: \"%.80s\" is none of open, same-bridge, isolated",
			       conf->policy);
	if (validate_admin(c, conf->admin) < 0)
		return -1;
	if (c->req->command == CNI_STATUS)
		return 0;
	if (!c->req->prev)
		return err_set(
			c->err, ERR_CONFIG,
			"prevResult: missing, firewall goes behind an interface's plugin in a chain");
	return fw_has_policy(conf) && c->req->prev->n_ips ? validate_bridge(c) : 0;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

struct step {
	const struct fw_backend *backend;
	struct fw_forward *f;
};

static void undo(struct cni_call *c, void *arg)
{
	const struct step *s = arg;

	if (s->backend->undo(c->nft, s->f, c->arena) < 0)
		fprintf(stderr, "rollback: firewall, %s: %s\n", s->backend->name, c->err->msg);
}

/*
 * What is shared is made by one at a time, and not taken from under another while we may take it
 * back.
 */
static int go(struct cni_call *c, const struct fw_backends *backends, size_t i)
{
	const struct fw_backend *backend = backends->list[i];
	struct step *s = arena_new(c->arena, struct step);
	bool ready;

	s->backend = backend;
	s->f = fw_forward_for(c, backends, i, c->req->prev);
	if (backend->ready(c->nft, s->f, c->arena, &ready) < 0)
		return -1;
	undo_push(c, undo, s);
	if (!ready && (host_lock(c) < 0 || backend->prepare(c->nft, s->f, c->arena) < 0))
		return -1;
	return backend->add(c->nft, s->f, c->arena);
}

static int choose(struct cni_call *c, struct fw_backends *backends)
{
	const struct fw_conf *conf = c->conf;
	const char *backend;

	if (fw_detect(c, conf->backend, &backend) < 0 ||
	    fw_backends_for(c, conf, backend, backends) < 0)
		return -1;
	if (!*conf->backend && c->req->command == CNI_ADD)
		fprintf(stderr, "firewall: backend %s\n", backend);
	return 0;
}

static int firewall_add(struct cni_call *c)
{
	struct fw_backends backends;

	c->result = *c->req->prev;
	if (!c->req->prev->n_ips)
		return 0;
	if (choose(c, &backends) < 0)
		return -1;
	if (record_write(c, fw_backends_extra(c, &backends)) < 0)
		return -1;
	for (size_t i = 0; i < backends.n; i++)
		if (go(c, &backends, i) < 0)
			return err_wrap(c->err, "firewall, %s", backends.list[i]->name);
	host_unlock(c);
	return 0;
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/*
 * What ADD saw, or what the runtime says it was; if that is nothing, marks are what is left to go
 * by.
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
	struct fw_backends backends;
	struct record *r;

	if (record_read(c, &r) < 0 || cni_nft(c) < 0)
		return -1;
	result = result_of(c, r);
	backends = fw_backends_to_clean(c, conf->backend, r ? r->extra : NULL);
	for (size_t i = 0; i < backends.n; i++) {
		struct fw_forward *f = fw_forward_of(c, c->conf, result);

		cni_step(c, &steps, backends.list[i]->release(c->nft, f, c->arena));
	}
	if (cni_steps_end(c, &steps) < 0)
		return -1;
	return record_remove(c);
}

/* ---- CHECK, repair, GC, STATUS --------------------------------------------------------------- */

static int verify(struct cni_call *c, const struct fw_backends *backends, size_t i)
{
	struct fw_forward *f = fw_forward_for(c, backends, i, c->req->prev);

	return backends->list[i]->verify(c->nft, f, c->arena) < 0 ? err_wrap(c->err, "firewall")
								  : 0;
}

/* The reference leaves no record, and has used one of the ways that there are. */
static int check_any(struct cni_call *c)
{
	struct err first = { 0 };
	struct fw_backends backends;

	if (choose(c, &backends) < 0)
		return -1;
	for (size_t i = 0; i < backends.n; i++) {
		err_clear(c->err);
		if (verify(c, &backends, i) == 0)
			return 0;
		if (i == 0)
			first = *c->err;
	}
	*c->err = first;
	return -1;
}

static int firewall_check(struct cni_call *c)
{
	struct record *r;
	struct fw_backends backends;

	if (!c->req->prev->n_ips)
		return 0;
	if (cni_nft(c) < 0 || record_read(c, &r) < 0)
		return -1;
	backends = fw_backends_recorded(c, r ? r->extra : NULL);
	if (!backends.n)
		return check_any(c);
	for (size_t i = 0; i < backends.n; i++)
		if (verify(c, &backends, i) < 0)
			return -1;
	return 0;
}

static int restore(struct cni_call *c, const struct fw_backends *backends)
{
	for (size_t i = 0; i < backends->n; i++) {
		struct fw_forward *f = fw_forward_for(c, backends, i, c->req->prev);

		if (backends->list[i]->restore(c->nft, f, c->arena) < 0)
			return err_wrap(c->err, "firewall");
	}
	return 0;
}

/* What the new ways do is done before the old ones cease. */
static int turn(struct cni_call *c)
{
	const struct fw_backends all = fw_backends_to_clean(c, "nftables", c->req->record->extra);
	struct fw_backends backends, old = { 0 };

	if (fw_backends_turned(c, c->conf, c->req->backend, c->req->record->extra, &backends) < 0 ||
	    restore(c, &backends) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (!fw_backends_use(&backends, all.list[i]))
			old.list[old.n++] = all.list[i];
	for (size_t i = 0; i < old.n; i++)
		if (old.list[i]->release(c->nft, fw_forward_of(c, c->conf, c->req->prev),
					 c->arena) < 0)
			return err_wrap(c->err, "firewall, %s", old.list[i]->name);
	if (fw_gc_policies(c, &old) < 0)
		return -1;
	return record_write(c, fw_backends_extra(c, &backends));
}

static int firewall_repair(struct cni_call *c)
{
	const struct fw_backends backends = fw_backends_recorded(c, c->req->record->extra);

	if (!c->req->prev->n_ips)
		return 0;
	if (cni_nft(c) < 0)
		return -1;
	return c->req->backend ? turn(c) : restore(c, &backends);
}

static int gc(struct cni_call *c)
{
	const struct fw_backends backends = fw_backends_to_clean(c, "nftables", NULL);
	struct instance_set comments;

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < backends.n; i++)
		if (!backends.list[i]->has_no_owner_tag &&
		    backends.list[i]->gc(c->nft, instance_match_stale, &comments, c->arena) < 0)
			return -1;
	return 0;
}

static int policy_reassign(struct cni_call *c)
{
	const struct fw_backends backends = fw_backends_to_clean(c, "nftables", NULL);

	if (!c->req->net.has_attachments || c->req->net.n_attachments)
		return 0;
	return fw_gc_policies(c, &backends);
}

static int firewall_gc(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, gc(c));
	cni_step(c, &steps, fw_gc_untagged(c));
	cni_step(c, &steps, policy_reassign(c));
	cni_step(c, &steps, record_gc(c));
	return cni_steps_end(c, &steps);
}

static int firewall_status(struct cni_call *c)
{
	struct fw_backends backends;

	return choose(c, &backends) < 0 ? -1 : fw_backends_status(c, &backends);
}

/* Rules of an admin chain are the administrator's. */
static bool is_guest_chain(const char *table, const char *chain)
{
	return !strcmp(table, fw_nftables_table) && !fw_nftables_is_chain(chain);
}

const struct cni_plugin firewall_plugin = {
	.name = "firewall",
	.compat_version = "v1.9.1",
	.fields = firewall_fields,
	.defaults = &defaults,
	.conf_size = sizeof(struct fw_conf),
	.no_netns = true,
	.validate = firewall_validate,
	.add = firewall_add,
	.del = firewall_del,
	.check = firewall_check,
	.gc = firewall_gc,
	.status = firewall_status,
	.repair = firewall_repair,
	.is_guest_chain = is_guest_chain,
};
