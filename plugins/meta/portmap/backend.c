/* SPDX-License-Identifier: Apache-2.0 */
#include "backend.h"

#include <stdio.h>
#include <string.h>

#include "host.h"
#include "iptables.h"
#include "netfilter/iptables.h"
#include "nft_compat.h"
#include "siblings.h"
#include "skel/instance.h"

/* ---- our table ------------------------------------------------------------------------------- */

static void undo_own(struct cni_call *c, void *arg)
{
	if (nft_elems_undo(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/* A repair lists the rules, too, and leaves what it has put back. */
static int add_own(struct cni_call *c, const struct portmap *conf)
{
	struct nft_elems *elems = arena_new(c->arena, struct nft_elems);

	*elems = portmap_elems_of(c, conf);
	if (c->req->record)
		return nft_elems_restore(c->nft, elems, c->arena);
	if (nft_elems_add(c->nft, elems, c->arena) < 0)
		return -1;
	undo_push(c, undo_own, elems);
	return 0;
}

/* As the configuration would have it without a backend. */
static int check_own(struct cni_call *c, const struct portmap *conf)
{
	struct portmap own = *conf;
	struct nft_elems elems;

	own.backend = NULL;
	if (portmap_resolve(&own, c->arena, c->err) < 0 || own.chosen != PORTMAP_OWN)
		return err_set(c->err, ERR_CHECK, "not in our table");
	elems = portmap_elems_of(c, &own);
	return nft_elems_check(c->nft, &elems, c->arena);
}

/* The comment has the call's container id. */
static int del_own(struct cni_call *c, const char *container_id, const struct portmap *conf)
{
	struct nft_elems elems = portmap_elems_of(c, conf);

	(void)container_id;
	return nft_elems_del(c->nft, &elems, c->arena);
}

/* ---- the reference's table ------------------------------------------------------------------- */

/*
 * Our table without mappings keeps others out of the loopback addresses: the reference's has no
 * place for that. Not after a repair, which leaves nothing of ours.
 */
static int add_compat(struct cni_call *c, const struct portmap *conf)
{
	struct nft_elems none = portmap_elems_of(c, &portmap_defaults);
	const struct cni_request *req = c->req;

	if (!req->backend && !(req->record && *req->record->extra) &&
	    nft_elems_restore(c->nft, &none, c->arena) < 0)
		return -1;
	return portmap_compat_add(c, conf);
}

/* ---- all three ------------------------------------------------------------------------------- */

static const struct backend {
	/* Puts back what is gone in a repair; else pushes its undo. */
	int (*add)(struct cni_call *c, const struct portmap *conf);
	/* ERR_CHECK if it is not all there. */
	int (*check)(struct cni_call *c, const struct portmap *conf);
	int (*del)(struct cni_call *c, const char *container_id, const struct portmap *conf);
} backends[] = {
	[PORTMAP_OWN] = { add_own, check_own, del_own },
	[PORTMAP_NFTABLES] = { add_compat, portmap_compat_check, portmap_compat_del },
	[PORTMAP_IPTABLES] = { portmap_iptables_add, portmap_iptables_check, portmap_iptables_del },
};

/* Has our table failed because there is no nf_tables, and will iptables do? */
static bool may_fall_back(const struct cni_call *c, const struct portmap *conf)
{
	return conf->may_fall_back && !c->req->backend && nft_is_missing(c->err);
}

int portmap_rules_make(struct cni_call *c, const struct portmap *conf)
{
	if (cni_nft(c) < 0)
		return -1;
	if (backends[conf->chosen].add(c, conf) == 0)
		return 0;
	if (!may_fall_back(c, conf))
		return -1;
	fprintf(stderr, "portmap: backend iptables, since %s\n", c->err->msg);
	err_clear(c->err);
	return portmap_iptables_add(c, conf);
}

/* A node changes over: any of the three will do. What the chosen one says is said. */
int portmap_rules_check(struct cni_call *c, const struct portmap *conf)
{
	struct err first = { 0 };

	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		err_clear(c->err);
		if (backends[i].check(c, conf) == 0)
			return 0;
		if (c->err->code != ERR_CHECK && !nft_is_missing(c->err))
			return -1;
		if (i == conf->chosen)
			first = *c->err;
	}
	*c->err = first;
	return -1;
}

int portmap_rules_leave(struct cni_call *c, const struct portmap *conf, const struct portmap *old)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (i != conf->chosen && backends[i].del(c, c->req->container_id, old) < 0)
			return -1;
	return conf->chosen != old->chosen ? portmap_close_loopback(c, old) : 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

int portmap_rules_retire(struct cni_call *c, const struct record *r, const struct portmap *conf)
{
	struct nft_elems before, elems;
	struct portmap old;

	if (!r)
		return 0;
	if (portmap_from_record(c, r, &old) < 0) {
		err_clear(c->err);
		return 0;
	}
	before = portmap_elems_of(c, &old);
	elems = portmap_elems_of(c, conf);
	return nft_elems_retire(c->nft, &before, &elems, c->arena);
}

static int gc(struct cni_call *c, const struct portmap *conf, nft_stale stale, void *data)
{
	const struct nft_elems elems = portmap_elems_of(c, conf);

	return nft_elems_gc_shared(c->nft, elems.table, stale, data, elems.succession, c->arena);
}

int portmap_rules_del(struct cni_call *c, const struct portmap *conf)
{
	struct instance o;

	if (conf->is_recorded && conf->list.n)
		return del_own(c, c->req->container_id, conf);
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
	if (portmap_compat_del(c, container_id, conf) < 0)
		return -1;
	return portmap_iptables_del(c, container_id, conf);
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

int portmap_rules_usable(struct cni_call *c, const struct portmap *conf)
{
	uint32_t generation;

	if (conf->chosen != PORTMAP_IPTABLES) {
		if (cni_nft(c) == 0 && nft_generation(c->nft, &generation) == 0)
			return 0;
		if (!may_fall_back(c, conf))
			return -1;
		err_clear(c->err);
	}
	return iptables_is_usable(c, AF_INET);
}
