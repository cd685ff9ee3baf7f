/* SPDX-License-Identifier: Apache-2.0 */
#include "nftables.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "nft/chain.h"
#include "nft/elems.h"
#include "nft/expr.h"
#include "policy.h"

#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED     NF_CT_STATE_BIT(IP_CT_RELATED)

static const char FORWARD[] = "forward", ADMIN[] = "admin";

static const struct nft_set own_sets[] = {
	{ "v4", NFT_TYPE_IPV4, 4, 0, 0 },
	{ "v6", NFT_TYPE_IPV6, 16, 0, 0 },
};

bool fw_nftables_is_chain(const char *name)
{
	return !strcmp(name, FORWARD) || !strcmp(name, ADMIN) || !strcmp(name, FW_ISOLATION);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void build_family(struct nl *nl, const struct nft_table *t, sa_family_t family)
{
	const char *set = family == AF_INET ? "v4" : "v6";

	nft_rule(nl, t, FORWARD, NULL) {
		nft_ct_state(nl, ESTABLISHED | RELATED);
		nft_family(nl, nft_nfproto(family));
		nft_daddr(nl, family, NFT_R(0));
		nft_lookup(nl, set, NFT_R(0));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	nft_rule(nl, t, FORWARD, NULL) {
		nft_family(nl, nft_nfproto(family));
		nft_saddr(nl, family, NFT_R(0));
		nft_lookup(nl, set, NFT_R(0));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER };

	nft_table_add(nl, t, "cnic: forwarding for containers");
	for (size_t i = 0; i < ARRAY_SIZE(own_sets); i++)
		nft_set_add(nl, t, &own_sets[i]);
	nft_chain_add(nl, t, FORWARD, &hook);
	nft_chain_add(nl, t, ADMIN, NULL);
	nft_chain_flush(nl, t, FORWARD);
	nft_rule(nl, t, FORWARD, NULL) {
		nft_verdict(nl, NFT_JUMP, ADMIN);
	}
	fw_policy_build(nl, t, FORWARD);
	build_family(nl, t, AF_INET);
	build_family(nl, t, AF_INET6);
}

static const char *const address_sets[] = { "v4", "v6", NULL };

const char fw_nftables_table[] = "cnic_firewall";

static const struct nft_table_def table = {
	.table = { NFPROTO_INET, fw_nftables_table },
	.build = build,
	.sets = address_sets,
};

/* ---- elements -------------------------------------------------------------------------------- */

static struct nft_elems elems_of(const struct fw_forward *f, struct arena *arena)
{
	struct nft_elems c = { .table = &table, .comment = f->comment };

	c.elems = arena_array(arena, struct nft_elem, f->n_ips + 1);
	for (size_t i = 0; !f->policy_only && i < f->n_ips; i++)
		(void)nft_elems_put(&c, f->ips[i]->family == AF_INET ? "v4" : "v6", f->ips[i],
				    "forwarding of", arena);
	return c;
}

/* ---- what is shared -------------------------------------------------------------------------- */

struct shared {
	bool admin;
	struct fw_bridge_state bridge;
};

/* The jump alone: with it, the admin chain and the chain it stands in are there. */
static int scan(struct nl *nl, const struct fw_forward *f, struct shared *s, struct arena *arena,
		bool *complete)
{
	size_t jumps;

	if (nft_count_jumps(nl, &table.table, ADMIN, f->admin, arena, &jumps) < 0 ||
	    fw_policy_get(nl, &table.table, f, &s->bridge, arena) < 0)
		return -1;
	s->admin = jumps;
	*complete = s->admin && fw_policy_is_set(f, &s->bridge);
	return 0;
}

static int ready(struct nl *nl, struct fw_forward *f, struct arena *arena, bool *is_ready)
{
	struct shared s;

	return scan(nl, f, &s, arena, is_ready);
}

static int make(struct nl *nl, const struct fw_forward *f, const struct shared *s, uint32_t at,
		struct arena *arena)
{
	nft_begin_at(nl, 4, arena, at);
	build(nl, &table.table);
	nft_chain_add(nl, &table.table, f->admin, NULL);
	if (!s->admin) {
		nft_rule(nl, &table.table, ADMIN, NULL) {
			nft_verdict(nl, NFT_JUMP, f->admin);
		}
	}
	if (f->bridge)
		fw_policy_put(nl, &table.table, f, &s->bridge);
	return nft_commit(nl);
}

/* `all`: the rules too, be the rest there or not. */
static int complete(struct nl *nl, struct fw_forward *f, bool all, struct arena *arena)
{
	struct shared s;
	uint32_t at;
	bool is_ready;

	for (int tries = 0;;) {
		if (nft_generation(nl, &at) < 0 || scan(nl, f, &s, arena, &is_ready) < 0)
			return -1;
		if (!f->before.known)
			f->before = s.bridge;
		if ((is_ready && !all) || make(nl, f, &s, at, arena) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ERESTART))
			return -1;
	}
}

static int prepare(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	return complete(nl, f, false, arena);
}

/* ---- the attachment's ------------------------------------------------------------------------ */

static int add(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	f->elems = elems_of(f, arena);
	return nft_elems_add(nl, &f->elems, arena);
}

static int undo(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	if (f->elems.before && nft_elems_undo(nl, &f->elems, arena) < 0)
		return -1;
	return fw_policy_undo(nl, &table.table, f, arena);
}

static bool has_comment(const char *comment, void *data)
{
	return !strcmp(comment, data);
}

/* Nothing to go by but the comment: all elements are listed. */
static int release(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct nft_elems c = elems_of(f, arena);

	if (!f->n_ips)
		return nft_elems_gc(nl, &table, has_comment, arena_strdup(arena, f->comment),
				    arena);
	return nft_elems_del(nl, &c, arena);
}

static int verify(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct nft_elems c = elems_of(f, arena);
	struct shared s;
	bool is_ready;

	if (nft_elems_check(nl, &c, arena) < 0 || scan(nl, f, &s, arena, &is_ready) < 0)
		return -1;
	if (!s.admin)
		return err_set(nl->err, ERR_CHECK,
			       "nf_tables: the jump to chain %s in table %s is gone", f->admin,
			       table.table.name);
	if (!is_ready)
		return err_set(nl->err, ERR_CHECK,
			       "nf_tables: the ingress policy of bridge %s is %s table %s",
			       f->bridge, s.bridge.different ? "another in" : "gone from",
			       table.table.name);
	return 0;
}

static int restore(struct nl *nl, struct fw_forward *f, struct arena *arena)
{
	struct nft_elems c = elems_of(f, arena);

	if (verify(nl, f, arena) == 0)
		return 0;
	if (nl->err->code != ERR_CHECK)
		return -1;
	err_clear(nl->err);
	if (complete(nl, f, true, arena) < 0)
		return -1;
	return nft_elems_add(nl, &c, arena);
}

/* ---- collecting ------------------------------------------------------------------------------ */

static int gc(struct nl *nl, nft_stale stale, void *data, struct arena *arena)
{
	return nft_elems_gc(nl, &table, stale, data, arena);
}

static int policy_reassign(struct nl *nl, const char *network, fw_successor successor, void *data,
			   struct arena *arena)
{
	return fw_policy_reassign(nl, &table.table, network, successor, data, arena);
}

const struct fw_backend fw_nftables = {
	.name = "nftables",
	.ready = ready,
	.prepare = prepare,
	.add = add,
	.undo = undo,
	.release = release,
	.verify = verify,
	.restore = restore,
	.gc = gc,
	.policy_reassign = policy_reassign,
};
