/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "net/mac.h"
#include "netfilter/spoof_compat.h"
#include "netfilter/spoof_nft.h"
#include "skel/instance.h"

/* In our table, and in the reference's. */
struct rules {
	struct nft_elems elems;
	struct spoof_compat ref;
};

static int rules_of(struct cni_call *c, const struct cni_result *r, struct rules *out)
{
	struct instance *o = arena_new(c->arena, struct instance);
	struct spoof_compat *ref = &out->ref;

	*ref = spoof_compat_of(c->req->container_id, c->req->ifname, c->arena);
	if (r->n_interfaces <= SPOOF_CONTAINER || !r->interfaces[SPOOF_CONTAINER].mac ||
	    !mac_parse(ref->mac, r->interfaces[SPOOF_CONTAINER].mac))
		return err_config(c->err, "prevResult.interfaces: not the result of bridge");
	if (str_copy_ifname(ref->port, r->interfaces[SPOOF_PORT].name, c->err) < 0)
		return err_wrap(c->err, "prevResult.interfaces[%d].name", SPOOF_PORT);
	instance_init(o, c->req->net.name, c->req->ifname, c->req->container_id);
	out->elems = spoof_nft_elems(ref->port, ref->mac, o->comment, c->arena);
	return 0;
}

static void undo(struct cni_call *c, void *arg)
{
	if (nft_elems_undo(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: macspoofchk: %s\n", c->err->msg);
}

int spoof_add(struct cni_call *c, const struct cni_result *r)
{
	struct rules *rules = arena_new(c->arena, struct rules);

	if (rules_of(c, r, rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_elems_add(c->nft, &rules->elems, c->arena) < 0)
		return err_wrap(c->err, "macspoofchk");
	undo_push(c, undo, &rules->elems);
	return 0;
}

/* A node that changes over has what the reference has made. */
int spoof_check(struct cni_call *c, const struct cni_result *r)
{
	struct rules rules;
	struct err first;
	bool has;

	if (rules_of(c, r, &rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_elems_check(c->nft, &rules.elems, c->arena) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	first = *c->err;
	err_clear(c->err);
	if (spoof_compat_has(c->nft, &rules.ref, c->arena, &has) < 0)
		return -1;
	if (has)
		return 0;
	*c->err = first;
	return err_wrap(c->err, "macspoofchk");
}

int spoof_repair(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (spoof_check(c, r) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	if (rules_of(c, r, &rules) < 0)
		return -1;
	return own ? nft_elems_restore(c->nft, &rules.elems, c->arena)
		   : spoof_compat_set(c->nft, &rules.ref, c->arena);
}

int spoof_turn(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (rules_of(c, r, &rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (own) {
		if (nft_elems_restore(c->nft, &rules.elems, c->arena) < 0)
			return -1;
		return spoof_compat_del(c->nft, &rules.ref, c->arena);
	}
	if (spoof_compat_set(c->nft, &rules.ref, c->arena) < 0)
		return -1;
	return nft_elems_del(c->nft, &rules.elems, c->arena);
}

static int del_own(struct cni_call *c, const struct cni_result *r)
{
	struct instance o;
	struct rules rules;

	if (r && rules_of(c, r, &rules) == 0)
		return nft_elems_del(c->nft, &rules.elems, c->arena);
	err_clear(c->err);
	instance_init(&o, c->req->net.name, c->req->ifname, c->req->container_id);
	return nft_elems_gc(c->nft, &spoof_nft_table, instance_match_this, &o, c->arena);
}

int spoof_del(struct cni_call *c, const struct cni_result *r)
{
	const struct spoof_compat ref =
		spoof_compat_of(c->req->container_id, c->req->ifname, c->arena);

	if (cni_nft(c) < 0)
		return -1;
	if (del_own(c, r) < 0)
		return -1;
	return spoof_compat_del(c->nft, &ref, c->arena);
}

int spoof_gc(struct cni_call *c)
{
	struct instance_set comments;

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	return nft_elems_gc(c->nft, &spoof_nft_table, instance_match_stale, &comments, c->arena);
}
