/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "skel/instance.h"
#include "net/mac.h"
#include "netfilter/spoof_compat.h"
#include "netfilter/spoof_nft.h"

enum { PORT = 1, INSIDE = 2 };

/* In our table, and in the reference's. */
struct rules {
	struct nft_claim claim;
	struct nft_refspoof ref;
};

static int rules_of(struct cni_call *c, const struct cni_result *r, struct rules *out)
{
	struct cni_owner *o = arena_new(c->arena, struct cni_owner);
	struct nft_refspoof *ref = &out->ref;

	*ref = nft_refspoof_of(c->container_id, c->ifname, c->arena);
	if (r->n_interfaces <= INSIDE || !r->interfaces[INSIDE].mac ||
	    !mac_parse(ref->mac, r->interfaces[INSIDE].mac))
		return err_set(c->err, ERR_CONFIG,
			       "prevResult.interfaces: not the result of bridge");
	if (copy_ifname(ref->port, r->interfaces[PORT].name, c->err) < 0)
		return err_wrap(c->err, "prevResult.interfaces[%d].name", PORT);
	cni_owner_init(o, c->conf.name, c->ifname, c->container_id);
	out->claim = nft_spoof_claim(ref->port, ref->mac, o->comment, c->arena);
	return 0;
}

static void undo(struct cni_call *c, const void *arg)
{
	if (nft_unclaim(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: macspoofchk: %s\n", c->err->msg);
}

int cni_spoof_add(struct cni_call *c, const struct cni_result *r)
{
	struct rules *rules = arena_new(c->arena, struct rules);

	if (rules_of(c, r, rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_claim(c->nft, &rules->claim, c->arena) < 0)
		return err_wrap(c->err, "macspoofchk");
	cni_undo_push(c, undo, &rules->claim);
	return 0;
}

/* A node that changes over has what the reference has made. */
int cni_spoof_check(struct cni_call *c, const struct cni_result *r)
{
	struct rules rules;
	struct err first;
	bool has;

	if (rules_of(c, r, &rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_verify(c->nft, &rules.claim, c->arena) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	first = *c->err;
	err_clear(c->err);
	if (nft_refspoof_has(c->nft, &rules.ref, &has) < 0)
		return -1;
	if (has)
		return 0;
	*c->err = first;
	return err_wrap(c->err, "macspoofchk");
}

int cni_spoof_repair(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (cni_spoof_check(c, r) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	if (rules_of(c, r, &rules) < 0)
		return -1;
	return own ? nft_restore(c->nft, &rules.claim, c->arena)
		   : nft_refspoof_set(c->nft, &rules.ref, c->arena);
}

int cni_spoof_turn(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (rules_of(c, r, &rules) < 0 || cni_nft(c) < 0)
		return -1;
	if (own) {
		if (nft_restore(c->nft, &rules.claim, c->arena) < 0)
			return -1;
		return nft_refspoof_remove(c->nft, &rules.ref, c->arena);
	}
	if (nft_refspoof_set(c->nft, &rules.ref, c->arena) < 0)
		return -1;
	return nft_release(c->nft, &rules.claim, c->arena);
}

static int del_own(struct cni_call *c, const struct cni_result *r)
{
	struct cni_owner o;
	struct rules rules;

	if (r && rules_of(c, r, &rules) == 0)
		return nft_release(c->nft, &rules.claim, c->arena);
	err_clear(c->err);
	cni_owner_init(&o, c->conf.name, c->ifname, c->container_id);
	return nft_sweep(c->nft, &nft_spoof, cni_is_owner, &o, c->arena);
}

int cni_spoof_del(struct cni_call *c, const struct cni_result *r)
{
	const struct nft_refspoof ref = nft_refspoof_of(c->container_id, c->ifname, c->arena);

	if (cni_nft(c) < 0)
		return -1;
	if (del_own(c, r) < 0)
		return -1;
	return nft_refspoof_remove(c->nft, &ref, c->arena);
}

int cni_spoof_gc(struct cni_call *c)
{
	struct cni_owners owners;

	cni_owners_init(&owners, c);
	if (cni_nft(c) < 0)
		return -1;
	return nft_sweep(c->nft, &nft_spoof, cni_may_go, &owners, c->arena);
}
