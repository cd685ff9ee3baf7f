/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/spoof.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "net/mac.h"
#include "netfilter/spoof_compat.h"
#include "nft/expr.h"
#include "nft/table.h"
#include "skel/instance.h"

/* ---- our table ------------------------------------------------------------------------------- */

/* Of uapi/netfilter_bridge.h and uapi/if_ether.h, which no two C libraries get on with. */
enum { NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED = -300 };
enum { SOURCE_AT = 6 }; /* of ethhdr's h_source */

/* A name fills four registers of 4 bytes; the address behind it begins at the fifth. */
#define AFTER_NAME IFNAMSIZ

static const struct nft_set ports = { "ports", NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0 };
static const struct nft_set allowed = { "allowed", NFT_TYPE_2(NFT_TYPE_IFNAME, NFT_TYPE_ETHER),
					AFTER_NAME + 8, 0, 0 };

static void build(struct nl *nl, const struct nft_table *t)
{
	static const char chain[] = "prerouting";
	static const struct nft_hook hook = { "filter", NF_BR_PRE_ROUTING,
					      NF_BR_PRI_NAT_DST_BRIDGED };

	nft_table_add(nl, t, "cnic: frames with a foreign source address");
	nft_set_add(nl, t, &ports);
	nft_set_add(nl, t, &allowed);
	nft_chain_renew(nl, t, chain, &hook);
	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_payload(nl, NFT_PAYLOAD_LL_HEADER, SOURCE_AT, MAC_LEN, NFT_R(AFTER_NAME / 4));
		nft_lookup(nl, allowed.name, NFT_R(0));
		nft_verdict(nl, NFT_RETURN, NULL);
	}
	nft_rule(nl, t, chain, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(nl, ports.name, NFT_R(0));
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static const char *const sets[] = { "allowed", "ports", NULL };

static const struct nft_table_def table = {
	.table = { NFPROTO_BRIDGE, "cnic_macspoof" },
	.build = build,
	.sets = sets,
};

static struct nft_elems elems_of(const char *port, const uint8_t mac[MAC_LEN], const char *comment,
				 struct arena *arena)
{
	struct nft_elem *e = arena_array(arena, struct nft_elem, 2);
	size_t len = strlen(port);

	e[0] = (struct nft_elem){ .set = allowed.name, .key_len = (uint8_t)allowed.key_len };
	e[1] = (struct nft_elem){ .set = ports.name, .key_len = (uint8_t)ports.key_len };
	e[0].label = e[1].label = arena_printf(arena, "MAC address check of port %s", port);
	memcpy(e[0].key, port, len);
	memcpy(e[0].key + AFTER_NAME, mac, MAC_LEN);
	memcpy(e[1].key, port, len);
	return (struct nft_elems){ &table, comment, e, .n_elems = 2 };
}

/* ---- an attachment --------------------------------------------------------------------------- */

/* In our table, and in the reference's. */
struct rules {
	struct nft_elems elems;
	struct spoof_compat compat;
};

static int rules_of(struct cni_call *c, const struct cni_result *r, struct rules *out)
{
	struct instance *o = arena_new(c->arena, struct instance);
	struct spoof_compat *compat = &out->compat;

	*compat = spoof_compat_of(c->req->container_id, c->req->ifname, c->arena);
	if (r->n_interfaces <= SPOOF_CONTAINER || !r->interfaces[SPOOF_CONTAINER].mac ||
	    !mac_parse(compat->mac, r->interfaces[SPOOF_CONTAINER].mac))
		return err_config(c->err, "prevResult.interfaces: not the result of bridge");
	if (str_copy_ifname(compat->port, r->interfaces[SPOOF_PORT].name, c->err) < 0)
		return err_wrap(c->err, "prevResult.interfaces[%d].name", SPOOF_PORT);
	instance_init(o, c->req->net.name, c->req->ifname, c->req->container_id);
	out->elems = elems_of(compat->port, compat->mac, o->comment, c->arena);
	return cni_nft(c);
}

static void undo(struct cni_call *c, void *arg)
{
	if (nft_elems_undo(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: macspoofchk: %s\n", c->err->msg);
}

int spoof_add(struct cni_call *c, const struct cni_result *r)
{
	struct rules *rules = arena_new(c->arena, struct rules);

	if (rules_of(c, r, rules) < 0)
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

	if (rules_of(c, r, &rules) < 0)
		return -1;
	if (nft_elems_check(c->nft, &rules.elems, c->arena) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	first = *c->err;
	err_clear(c->err);
	if (spoof_compat_has(c->nft, &rules.compat, c->arena, &has) < 0)
		return -1;
	if (has)
		return 0;
	*c->err = first;
	return err_wrap(c->err, "macspoofchk");
}

static int set(struct cni_call *c, struct rules *rules, bool own)
{
	return own ? nft_elems_restore(c->nft, &rules->elems, c->arena)
		   : spoof_compat_set(c->nft, &rules->compat, c->arena);
}

int spoof_repair(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (spoof_check(c, r) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	return rules_of(c, r, &rules) < 0 ? -1 : set(c, &rules, own);
}

int spoof_turn(struct cni_call *c, const struct cni_result *r, bool own)
{
	struct rules rules;

	if (rules_of(c, r, &rules) < 0 || set(c, &rules, own) < 0)
		return -1;
	return own ? spoof_compat_del(c->nft, &rules.compat, c->arena)
		   : nft_elems_del(c->nft, &rules.elems, c->arena);
}

static int del_own(struct cni_call *c, const struct cni_result *r)
{
	struct instance o;
	struct rules rules;

	if (r && rules_of(c, r, &rules) == 0)
		return nft_elems_del(c->nft, &rules.elems, c->arena);
	err_clear(c->err);
	instance_init(&o, c->req->net.name, c->req->ifname, c->req->container_id);
	return nft_elems_gc(c->nft, &table, instance_match_this, &o, c->arena);
}

int spoof_del(struct cni_call *c, const struct cni_result *r)
{
	const struct spoof_compat compat =
		spoof_compat_of(c->req->container_id, c->req->ifname, c->arena);

	if (cni_nft(c) < 0 || del_own(c, r) < 0)
		return -1;
	return spoof_compat_del(c->nft, &compat, c->arena);
}

int spoof_gc(struct cni_call *c)
{
	struct instance_set comments;

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	return nft_elems_gc(c->nft, &table, instance_match_stale, &comments, c->arena);
}
