/* SPDX-License-Identifier: Apache-2.0 */
#include "backend.h"

#include <stdio.h>
#include <string.h>

#include "netfilter/iptables.h"
#include "host.h"
#include "iptables.h"
#include "siblings.h"
#include "nft_compat.h"

static struct nft_claim claim_of(struct cni_call *c, const struct portmap *conf,
				 const struct portmap_list *list)
{
	const struct cni_record who = portmap_who(c);

	return portmap_claim_of(c, &who, conf, list);
}

/* ---- making ---------------------------------------------------------------------------------- */

static void undo_claim(struct cni_call *c, const void *arg)
{
	if (nft_unclaim(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

static int add_nftables(struct cni_call *c, const struct portmap *conf,
			const struct portmap_list *list)
{
	struct nft_claim *claim = arena_new(c->arena, struct nft_claim);

	*claim = claim_of(c, conf, list);
	if (nft_claim(c->nft, claim, c->arena) < 0)
		return -1;
	cni_undo_push(c, undo_claim, claim);
	return 0;
}

static int set_own(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	if (add_nftables(c, conf, list) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return portmap_ipt_add(c, conf, list);
}

static struct nft_refdnat reference_of(struct cni_call *c, const struct portmap *conf,
				       const struct portmap_list *list)
{
	return (struct nft_refdnat){
		.container_id = c->container_id,
		.mappings = list->mapping,
		.n = list->n,
		.masq = portmap_masq(conf),
		.cond = conf->cond,
	};
}

static void undo_reference(struct cni_call *c, const void *arg)
{
	if (nft_refdnat_remove(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

/* Our table without mappings keeps others out of the loopback addresses: the reference's has no place for that. */
static int keep_loopback(struct cni_call *c)
{
	static const struct portmap_list nothing;
	struct nft_claim claim = claim_of(c, &portmap_defaults, &nothing);

	return nft_restore(c->nft, &claim, c->arena);
}

/* By a repair, so that nothing of ours is left. */
static bool is_turned(const struct cni_call *c)
{
	return c->backend || (c->record_note && *c->record_note);
}

static int set_reference(struct cni_call *c, const struct portmap *conf,
			 const struct portmap_list *list)
{
	struct nft_refdnat *r = arena_new(c->arena, struct nft_refdnat);
	bool has;

	*r = reference_of(c, conf, list);
	if ((!is_turned(c) && keep_loopback(c) < 0) ||
	    nft_refdnat_has(c->nft, r, c->arena, &has) < 0)
		return -1;
	if (!has)
		cni_undo_push(c, undo_reference, r);
	return nft_refdnat_set(c->nft, r, c->arena);
}

int portmap_rules_add(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list)
{
	if (cni_nft(c) < 0)
		return -1;
	switch (conf->way) {
	case PORTMAP_OWN:
		return set_own(c, conf, list);
	case PORTMAP_NFTABLES:
		return set_reference(c, conf, list);
	default:
		return portmap_ipt_add(c, conf, list);
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

static int has_others(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list, bool *has)
{
	struct nft_refdnat r = reference_of(c, conf, list);

	if (nft_refdnat_has(c->nft, &r, c->arena, has) < 0)
		return -1;
	return *has ? 0 : portmap_ipt_has(c, conf, list, has);
}

/* As the configuration would have it without a backend; false: not in our table. */
static bool has_own(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	struct portmap own = *conf;
	struct nft_claim claim;

	own.backend = NULL;
	own.way = PORTMAP_OWN;
	if (portmap_settle(&own, c->arena, c->err) < 0 || own.way != PORTMAP_OWN)
		return false;
	claim = claim_of(c, &own, list);
	return nft_verify(c->nft, &claim, c->arena) == 0;
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
	if (conf->way != PORTMAP_OWN)
		(void)err_set(c->err, ERR_CHECK, "%s: rules of the host ports are gone",
			      conf->way == PORTMAP_IPTABLES ? "iptables" : "nf_tables");
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
	struct nft_claim claim = claim_of(c, conf, list);

	if (cni_nft(c) < 0)
		return -1;
	if (conf->way == PORTMAP_NFTABLES)
		return set_reference(c, conf, list);
	if (conf->way == PORTMAP_IPTABLES)
		return portmap_ipt_add(c, conf, list);
	if (nft_restore(c->nft, &claim, c->arena) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return portmap_ipt_add(c, conf, list);
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

int portmap_rules_release(struct cni_call *c, const struct portmap *conf,
			  const struct portmap_list *list)
{
	struct nft_claim claim = claim_of(c, conf, list);

	return nft_release(c->nft, &claim, c->arena);
}

int portmap_rules_retire(struct cni_call *c, const struct portmap *old, const struct portmap *conf,
			 const struct portmap_list *list)
{
	struct nft_claim before = claim_of(c, old, &old->list), claim = claim_of(c, conf, list);

	return nft_retire(c->nft, &before, &claim, c->arena);
}

static int sweep(struct cni_call *c, const struct portmap *conf, nft_stale stale, void *data)
{
	static const struct portmap_list nothing;
	struct nft_claim claim = claim_of(c, conf, &nothing);

	return nft_sweep_shared(c->nft, claim.own, stale, data, claim.succession, c->arena);
}

int portmap_rules_sweep(struct cni_call *c, const struct portmap *conf)
{
	struct cni_owner o;

	cni_owner_init(&o, c->conf.name, c->ifname, c->container_id);
	return sweep(c, conf, cni_is_owner, &o);
}

int portmap_rules_collect(struct cni_call *c, const struct portmap *conf)
{
	struct cni_owners owners;

	cni_owners_init(&owners, c);
	return sweep(c, conf, cni_may_go, &owners);
}

int portmap_rules_remove_others(struct cni_call *c, const char *container_id,
				const struct portmap *conf)
{
	struct nft_refdnat r = reference_of(c, &portmap_defaults, &conf->list);

	r.container_id = container_id;
	if (nft_refdnat_remove(c->nft, &r, c->arena) < 0)
		return -1;
	return portmap_ipt_remove(c, container_id, conf);
}

int portmap_rules_leave(struct cni_call *c, const struct portmap *conf, const struct portmap *old)
{
	struct nft_refdnat r = reference_of(c, old, &old->list);

	if (conf->way != PORTMAP_OWN && portmap_rules_release(c, old, &old->list) < 0)
		return -1;
	if (conf->way != PORTMAP_NFTABLES && nft_refdnat_remove(c->nft, &r, c->arena) < 0)
		return -1;
	if (conf->way != PORTMAP_IPTABLES && portmap_ipt_remove(c, c->container_id, old) < 0)
		return -1;
	return conf->way != old->way ? portmap_close_loopback(c, old) : 0;
}

/* ---------------------------------------------------------------------------------------------- */

int portmap_rules_usable(struct cni_call *c, const struct portmap *conf)
{
	if (conf->way == PORTMAP_IPTABLES)
		return cni_iptables_usable(c, AF_INET);
	if (cni_nft(c) == 0 && nft_usable(c->nft) == 0)
		return 0;
	if (!conf->may_fall_back || !nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return cni_iptables_usable(c, AF_INET);
}
