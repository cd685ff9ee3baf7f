/* SPDX-License-Identifier: Apache-2.0 */
#include "backend.h"

#include <stdio.h>
#include <string.h>

#include "host.h"
#include "iptables.h"
#include "netfilter/iptables.h"
#include "nft/list.h"
#include "nft_compat.h"
#include "siblings.h"

static struct nft_elems elems_of(struct cni_call *c, const struct portmap *conf,
				 const struct portmap_list *list)
{
	const struct record who = portmap_who(c);

	return portmap_claim_of(c, &who, conf, list);
}

/* ---- making ---------------------------------------------------------------------------------- */

static void undo_elems(struct cni_call *c, void *arg)
{
	if (nft_elems_undo(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

static int add_nftables(struct cni_call *c, const struct portmap *conf,
			const struct portmap_list *list)
{
	struct nft_elems *elems = arena_new(c->arena, struct nft_elems);

	*elems = elems_of(c, conf, list);
	if (nft_elems_add(c->nft, elems, c->arena) < 0)
		return -1;
	undo_push(c, undo_elems, elems);
	return 0;
}

static int set_own(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	if (add_nftables(c, conf, list) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return portmap_iptables_add(c, conf, list);
}

static struct portmap_compat reference_of(struct cni_call *c, const struct portmap *conf,
					  const struct portmap_list *list)
{
	return (struct portmap_compat){
		.container_id = c->req->container_id,
		.mappings = list->mapping,
		.n = list->n,
		.masq = portmap_masq(conf),
		.cond = conf->cond,
	};
}

static void undo_reference(struct cni_call *c, void *arg)
{
	if (portmap_compat_del(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/*
 * Our table without mappings keeps others out of the loopback addresses: the reference's has no
 * place for that.
 */
static int keep_loopback(struct cni_call *c)
{
	static const struct portmap_list nothing;
	struct nft_elems elems = elems_of(c, &portmap_defaults, &nothing);

	return nft_elems_restore(c->nft, &elems, c->arena);
}

/* By a repair, so that nothing of ours is left. */
static bool is_turned(const struct cni_call *c)
{
	const struct cni_request *req = c->req;

	return req->backend || (req->record && *req->record->extra);
}

static int set_reference(struct cni_call *c, const struct portmap *conf,
			 const struct portmap_list *list)
{
	struct portmap_compat *r = arena_new(c->arena, struct portmap_compat);
	bool has;

	*r = reference_of(c, conf, list);
	if ((!is_turned(c) && keep_loopback(c) < 0) ||
	    portmap_compat_has(c->nft, r, c->arena, &has) < 0)
		return -1;
	if (!has)
		undo_push(c, undo_reference, r);
	return portmap_compat_set(c->nft, r, c->arena);
}

int portmap_rules_add(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list)
{
	if (cni_nft(c) < 0)
		return -1;
	switch (conf->chosen) {
	case PORTMAP_OWN:
		return set_own(c, conf, list);
	case PORTMAP_NFTABLES:
		return set_reference(c, conf, list);
	default:
		return portmap_iptables_add(c, conf, list);
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

static int has_others(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list, bool *has)
{
	struct portmap_compat r = reference_of(c, conf, list);

	if (portmap_compat_has(c->nft, &r, c->arena, has) < 0)
		return -1;
	return *has ? 0 : portmap_iptables_has(c, conf, list, has);
}

/* As the configuration would have it without a backend; false: not in our table. */
static bool has_own(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	struct portmap own = *conf;
	struct nft_elems elems;

	own.backend = NULL;
	own.chosen = PORTMAP_OWN;
	if (portmap_resolve(&own, c->arena, c->err) < 0 || own.chosen != PORTMAP_OWN)
		return false;
	elems = elems_of(c, &own, list);
	return nft_elems_check(c->nft, &elems, c->arena) == 0;
}

/* A node changes over: any of the three will do. */
int portmap_rules_check(struct cni_call *c, const struct portmap *conf,
			const struct portmap_list *list)
{
	struct err first;
	bool has = false;

	if (cni_nft(c) < 0)
		return -1;
	if (has_own(c, conf, list))
		return 0;
	if (conf->chosen != PORTMAP_OWN)
		(void)err_set(c->err, ERR_CHECK, "%s: rules of the host ports are gone",
			      conf->chosen == PORTMAP_IPTABLES ? "iptables" : "nf_tables");
	first = *c->err;
	if (first.code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	if (has_others(c, conf, list, &has) < 0)
		return -1;
	if (!has)
		*c->err = first;
	return has ? 0 : -1;
}

int portmap_rules_make(struct cni_call *c, const struct portmap *conf,
		       const struct portmap_list *list)
{
	struct nft_elems elems = elems_of(c, conf, list);

	if (cni_nft(c) < 0)
		return -1;
	if (conf->chosen == PORTMAP_NFTABLES)
		return set_reference(c, conf, list);
	if (conf->chosen == PORTMAP_IPTABLES)
		return portmap_iptables_add(c, conf, list);
	if (nft_elems_restore(c->nft, &elems, c->arena) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return portmap_iptables_add(c, conf, list);
}

int portmap_rules_repair(struct cni_call *c, const struct portmap *conf,
			 const struct portmap_list *list)
{
	if (portmap_rules_check(c, conf, list) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	return portmap_rules_make(c, conf, list);
}

/* ---- removing -------------------------------------------------------------------------------- */

int portmap_rules_del(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list)
{
	struct nft_elems elems = elems_of(c, conf, list);

	return nft_elems_del(c->nft, &elems, c->arena);
}

int portmap_rules_retire(struct cni_call *c, const struct portmap *old, const struct portmap *conf,
			 const struct portmap_list *list)
{
	struct nft_elems before = elems_of(c, old, &old->list), elems = elems_of(c, conf, list);

	return nft_elems_retire(c->nft, &before, &elems, c->arena);
}

static int gc(struct cni_call *c, const struct portmap *conf, nft_stale stale, void *data)
{
	static const struct portmap_list nothing;
	struct nft_elems elems = elems_of(c, conf, &nothing);

	return nft_elems_gc_shared(c->nft, elems.table, stale, data, elems.succession, c->arena);
}

int portmap_rules_del_all(struct cni_call *c, const struct portmap *conf)
{
	struct instance o;

	instance_init(&o, c->req->net.name, c->req->ifname, c->req->container_id);
	return gc(c, conf, instance_match_this, &o);
}

int portmap_rules_gc(struct cni_call *c, const struct portmap *conf)
{
	struct instance_set comments;

	instance_set_init(&comments, c);
	return gc(c, conf, instance_match_stale, &comments);
}

int portmap_rules_del_compat(struct cni_call *c, const char *container_id,
			     const struct portmap *conf)
{
	struct portmap_compat r = reference_of(c, &portmap_defaults, &conf->list);

	r.container_id = container_id;
	if (portmap_compat_del(c->nft, &r, c->arena) < 0)
		return -1;
	return portmap_iptables_del(c, container_id, conf);
}

int portmap_rules_leave(struct cni_call *c, const struct portmap *conf, const struct portmap *old)
{
	struct portmap_compat r = reference_of(c, old, &old->list);

	if (conf->chosen != PORTMAP_OWN && portmap_rules_del(c, old, &old->list) < 0)
		return -1;
	if (conf->chosen != PORTMAP_NFTABLES && portmap_compat_del(c->nft, &r, c->arena) < 0)
		return -1;
	if (conf->chosen != PORTMAP_IPTABLES &&
	    portmap_iptables_del(c, c->req->container_id, old) < 0)
		return -1;
	return conf->chosen != old->chosen ? portmap_close_loopback(c, old) : 0;
}

/* ---------------------------------------------------------------------------------------------- */

int portmap_rules_usable(struct cni_call *c, const struct portmap *conf)
{
	if (conf->chosen == PORTMAP_IPTABLES)
		return iptables_is_usable(c, AF_INET);
	if (cni_nft(c) == 0 && nft_usable(c->nft) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return iptables_is_usable(c, AF_INET);
}
