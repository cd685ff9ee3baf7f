/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/spoof.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cni/owner.h"
#include "net/mac.h"
#include "nft/ipt.h"
#include "nft/spoof.h"

enum { PORT = 1, INSIDE = 2 };

static int claim_of(struct cni_call *c, const struct cni_result *r, struct nft_claim *claim)
{
	struct cni_owner *o = arena_new(c->arena, struct cni_owner);
	uint8_t mac[MAC_LEN];
	char port[IFNAMSIZ];

	if (r->n_interfaces <= INSIDE || !r->interfaces[INSIDE].mac ||
	    !mac_parse(mac, r->interfaces[INSIDE].mac))
		return err_set(c->err, ERR_CONFIG,
			       "prevResult.interfaces: not the result of bridge");
	if (copy_ifname(port, r->interfaces[PORT].name, c->err) < 0)
		return err_wrap(c->err, "prevResult.interfaces[%d].name", PORT);
	cni_owner_init(o, c->conf.name, c->ifname, c->container_id);
	*claim = nft_spoof_claim(port, mac, o->comment, c->arena);
	return 0;
}

static void undo(struct cni_call *c, const void *arg)
{
	if (nft_unclaim(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: macspoofchk: %s\n", c->err->msg);
}

int cni_spoof_add(struct cni_call *c, const struct cni_result *r)
{
	struct nft_claim *claim = arena_new(c->arena, struct nft_claim);

	if (claim_of(c, r, claim) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_claim(c->nft, claim, c->arena) < 0)
		return err_wrap(c->err, "macspoofchk");
	cni_undo_push(c, undo, claim);
	return 0;
}

/* ---- the reference's ------------------------------------------------------------------------- */

static const struct nft_table ref_table = { NFPROTO_BRIDGE, "nat" };
static const char *const ref_from[] = { "PREROUTING", NULL };

static struct nft_doomed ref_chains(struct cni_call *c)
{
	const char *chain =
		arena_printf(c->arena, "cni-br-iface-%s-%s", c->container_id, c->ifname);

	return (struct nft_doomed){ .chain = chain,
				    .with = arena_printf(c->arena, "%s-mac", chain),
				    .from = ref_from };
}

/* A name that is too long is one that the reference could not make either. */
static bool ref_may_be(const struct nft_doomed *d)
{
	return strlen(d->with) < NFT_NAME_MAXLEN;
}

int cni_spoof_check(struct cni_call *c, const struct cni_result *r)
{
	struct nft_doomed d = ref_chains(c);
	struct nft_claim claim;
	struct err first;
	size_t n = 0;

	if (claim_of(c, r, &claim) < 0 || cni_nft(c) < 0)
		return -1;
	if (nft_verify(c->nft, &claim, c->arena) == 0)
		return 0;
	first = *c->err;
	if (first.code != ERR_CHECK || !ref_may_be(&d))
		return -1;
	err_clear(c->err);
	if (nft_count_jumps(c->nft, &ref_table, ref_from[0], d.chain, NULL, &n) < 0)
		return -1;
	if (n)
		return nft_count_jumps(c->nft, &ref_table, d.chain, d.with, NULL, &n);
	*c->err = first;
	return err_wrap(c->err, "macspoofchk");
}

int cni_spoof_repair(struct cni_call *c, const struct cni_result *r)
{
	struct nft_claim claim;

	if (cni_spoof_check(c, r) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	if (claim_of(c, r, &claim) < 0)
		return -1;
	return nft_restore(c->nft, &claim, c->arena);
}

static int del_own(struct cni_call *c, const struct cni_result *r)
{
	struct nft_claim claim;
	struct cni_owner o;

	if (r && claim_of(c, r, &claim) == 0)
		return nft_release(c->nft, &claim, c->arena);
	err_clear(c->err);
	cni_owner_init(&o, c->conf.name, c->ifname, c->container_id);
	return nft_sweep(c->nft, &nft_spoof, cni_is_owner, &o, c->arena);
}

int cni_spoof_del(struct cni_call *c, const struct cni_result *r)
{
	struct nft_doomed d = ref_chains(c);

	if (cni_nft(c) < 0)
		return -1;
	if (del_own(c, r) < 0)
		return -1;
	return ref_may_be(&d) ? nft_chain_remove(c->nft, &ref_table, &d, c->arena) : 0;
}

int cni_spoof_gc(struct cni_call *c)
{
	struct cni_owners owners;

	cni_owners_init(&owners, c);
	if (cni_nft(c) < 0)
		return -1;
	return nft_sweep(c->nft, &nft_spoof, cni_may_go, &owners, c->arena);
}
