/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/filter.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <string.h>

#include "base/str.h"

#define TRIES           100 /* somebody else has changed the rule set between a look and our transaction */

#define PRIORITY_FILTER 0
#define ESTABLISHED     NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED         NF_CT_STATE_BIT(IP_CT_RELATED)

static const char FORWARD[] = "forward", ADMIN[] = "admin", ISOLATION[] = "isolation",
		  BRIDGES[] = "bridges", POLICY[] = "policy";

static const struct nft_set own_sets[] = {
	{ "v4", NFT_TYPE_IPV4, 4, 0, 0 },
	{ "v6", NFT_TYPE_IPV6, 16, 0, 0 },
	{ BRIDGES, NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0 },
	{ POLICY, NFT_TYPE_2(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME), 2 * IFNAMSIZ, NFT_DATA_VERDICT,
	  16 },
};

bool nft_filter_is_chain(const char *name)
{
	return !strcmp(name, FORWARD) || !strcmp(name, ADMIN) || !strcmp(name, ISOLATION);
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

static void build_isolation(struct nl *nl, const struct nft_table *t)
{
	nft_rule(nl, t, FORWARD, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(nl, BRIDGES, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(0));
		nft_lookup(nl, BRIDGES, NFT_R(0));
		nft_verdict(nl, NFT_JUMP, ISOLATION);
	}
	nft_rule(nl, t, ISOLATION, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(IFNAMSIZ / 4));
		nft_vmap(nl, POLICY, NFT_R(0));
	}
	nft_rule(nl, t, ISOLATION, NULL) {
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, PRIORITY_FILTER };

	nft_table_add(nl, t, "cnic: forwarding for containers");
	for (size_t i = 0; i < ARRAY_SIZE(own_sets); i++)
		nft_set_add(nl, t, &own_sets[i]);
	nft_chain_add(nl, t, FORWARD, &hook);
	nft_chain_add(nl, t, ADMIN, NULL);
	nft_chain_add(nl, t, ISOLATION, NULL);
	nft_chain_flush(nl, t, FORWARD);
	nft_chain_flush(nl, t, ISOLATION);
	nft_rule(nl, t, FORWARD, NULL) {
		nft_verdict(nl, NFT_JUMP, ADMIN);
	}
	build_isolation(nl, t);
	build_family(nl, t, AF_INET);
	build_family(nl, t, AF_INET6);
}

static const struct nft_rule_count rules[] = { { FORWARD, 6 }, { ISOLATION, 2 }, { 0 } };
static const char *const address_sets[] = { "v4", "v6", NULL };

static const struct nft_own own = {
	.table = { NFPROTO_INET, "cnic_firewall" },
	.build = build,
	.rules = rules,
	.sets = address_sets,
};

/* ---- elements -------------------------------------------------------------------------------- */

static struct nft_claim claim_of(const struct nft_forward *f, struct arena *arena)
{
	struct nft_claim c = { .own = &own, .owner = f->owner };

	c.n_elems = f->policy_only ? 0 : f->n_ips;
	c.elems = arena_array(arena, struct nft_elem, f->n_ips + 1);
	for (size_t i = 0; i < c.n_elems; i++) {
		struct nft_elem *e = &c.elems[i];
		char text[IP_STRLEN];

		e->set = f->ips[i]->family == AF_INET ? "v4" : "v6";
		e->what = arena_printf(arena, "forwarding of %s", ip_str(f->ips[i], text));
		e->key_len = (uint8_t)ip_len(f->ips[i]);
		memcpy(e->key, f->ips[i]->bytes, e->key_len);
	}
	return c;
}

static void put_name(uint8_t *key, const char *name)
{
	memcpy(key, name, strnlen(name, IFNAMSIZ - 1));
}

/* Listed, and what holds between its own ports. */
static void bridge_elems(struct nft_elem e[2], const char *bridge, int32_t verdict)
{
	memset(e, 0, 2 * sizeof(*e));
	e[0].set = BRIDGES;
	e[0].key_len = IFNAMSIZ;
	put_name(e[0].key, bridge);
	e[1].set = POLICY;
	e[1].key_len = 2 * IFNAMSIZ;
	put_name(e[1].key, bridge);
	put_name(e[1].key + IFNAMSIZ, bridge);
	e[1].has_verdict = true;
	e[1].verdict = verdict;
	e[0].what = e[1].what = "ingress policy of a bridge";
}

/* ---- what is shared -------------------------------------------------------------------------- */

static int32_t verdict_of(const struct nft_forward *f)
{
	return f->isolated ? NF_DROP : NFT_RETURN;
}

static void see_bridge(const struct nft_found *found, void *data)
{
	struct nft_bridge_state *s = data;

	if (found->index == 0) {
		s->from = true;
		return;
	}
	s->same = true;
	s->verdict = found->at.verdict;
	memcpy(s->network, found->comment, sizeof(s->network));
}

/* Of two networks on one bridge the stricter one has its way. */
static int look_bridge(struct nl *nl, const struct nft_forward *f, struct nft_bridge_state *s)
{
	struct nft_elem e[2];

	*s = (struct nft_bridge_state){ .known = true };
	if (!f->bridge)
		return 0;
	bridge_elems(e, f->bridge, 0);
	if (nft_get(nl, &own.table, e, 2, see_bridge, s) < 0)
		return -1;
	s->different = s->same && s->verdict != verdict_of(f) &&
		       (f->isolated || !strcmp(s->network, f->network));
	return 0;
}

struct jumps {
	const char *to;
	bool has;
};

static void see_jump_expr(const char *name, const struct nlattr *data, void *arg)
{
	const char *to = strcmp(name, "immediate") != 0 ? NULL : nft_goes_to(data);
	struct jumps *j = arg;

	j->has |= to && !strcmp(to, j->to);
}

static void see_jump(const struct nft_rule_seen *rule, void *data)
{
	nft_expressions(rule, see_jump_expr, data);
}

static void see_no_jump(void *data)
{
	struct jumps *j = data;

	j->has = false;
}

static int has_admin(struct nl *nl, const struct nft_forward *f, bool *has)
{
	struct jumps j = { .to = f->admin };

	if (nft_rules(nl, &own.table, ADMIN, see_jump, see_no_jump, &j) < 0)
		return -1;
	*has = j.has;
	return 0;
}

struct shared {
	bool admin;
	struct nft_bridge_state bridge;
};

static int look(struct nl *nl, const struct nft_forward *f, struct shared *s, bool *complete)
{
	if (has_admin(nl, f, &s->admin) < 0 || look_bridge(nl, f, &s->bridge) < 0)
		return -1;
	*complete = s->admin &&
		    (!f->bridge || (s->bridge.from && s->bridge.same && !s->bridge.different));
	return 0;
}

/* The jump alone: with it, the admin chain and the chain it stands in are there. */
static int ready(struct nl *nl, struct nft_forward *f, struct arena *arena, bool *is_ready)
{
	struct shared s;

	(void)arena;
	return look(nl, f, &s, is_ready);
}

static void put_bridge(struct nl *nl, const struct nft_forward *f, const struct nft_bridge_state *s)
{
	struct nft_elem e[2];

	bridge_elems(e, f->bridge, verdict_of(f));
	if (!s->from)
		nft_elems_add(nl, &own.table, &e[0], 1, f->network);
	if (s->different)
		nft_elems_del(nl, &own.table, &e[1], 1);
	if (!s->same || s->different)
		nft_elems_add(nl, &own.table, &e[1], 1, f->network);
}

static int make(struct nl *nl, const struct nft_forward *f, const struct shared *s, uint32_t at,
		struct arena *arena)
{
	nft_begin_at(nl, 4, arena, at);
	build(nl, &own.table);
	nft_chain_add(nl, &own.table, f->admin, NULL);
	if (!s->admin) {
		nft_rule(nl, &own.table, ADMIN, NULL) {
			nft_verdict(nl, NFT_JUMP, f->admin);
		}
	}
	if (f->bridge)
		put_bridge(nl, f, &s->bridge);
	return nft_commit(nl);
}

/* `all`: the rules too, be the rest there or not. */
static int complete(struct nl *nl, struct nft_forward *f, bool all, struct arena *arena)
{
	struct shared s;
	uint32_t at;
	bool is_ready;

	for (int i = 0;; i++) {
		if (nft_generation(nl, &at) < 0 || look(nl, f, &s, &is_ready) < 0)
			return -1;
		if (!f->before.known)
			f->before = s.bridge;
		if ((is_ready && !all) || make(nl, f, &s, at, arena) == 0)
			return 0;
		if (i == TRIES || nl->err->sys != ERESTART)
			return -1;
		err_clear(nl->err);
	}
}

static int prepare(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	return complete(nl, f, false, arena);
}

/* ---- the attachment's ------------------------------------------------------------------------ */

static int add(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	f->claim = claim_of(f, arena);
	return nft_claim(nl, &f->claim, arena);
}

/* As it was, where prepare() has changed it. */
static int undo_bridge(struct nl *nl, const struct nft_forward *f, struct arena *arena)
{
	const struct nft_bridge_state *b = &f->before;
	struct nft_bridge_state now;
	struct nft_elem e[2];

	if (!f->bridge || !b->known || (b->from && b->same && !b->different))
		return 0;
	if (look_bridge(nl, f, &now) < 0)
		return -1;
	bridge_elems(e, f->bridge, b->verdict);
	nft_begin(nl, 4, arena);
	if (now.from && !b->from)
		nft_elems_del(nl, &own.table, &e[0], 1);
	if (now.same)
		nft_elems_del(nl, &own.table, &e[1], 1);
	if (now.same && b->same)
		nft_elems_add(nl, &own.table, &e[1], 1, b->network);
	return nft_commit(nl);
}

static int undo(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	if (f->claim.fresh && nft_unclaim(nl, &f->claim, arena) < 0)
		return -1;
	return undo_bridge(nl, f, arena);
}

static int release(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	struct nft_claim c = claim_of(f, arena);

	return nft_release(nl, &c, arena);
}

static int verify(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	struct nft_claim c = claim_of(f, arena);
	struct shared s;
	bool is_ready;

	if (nft_verify(nl, &c, arena) < 0 || look(nl, f, &s, &is_ready) < 0)
		return -1;
	if (!s.admin)
		return err_set(nl->err, ERR_CHECK,
			       "nf_tables: the jump to chain %s in table %s is gone", f->admin,
			       own.table.name);
	if (!is_ready)
		return err_set(nl->err, ERR_CHECK,
			       "nf_tables: the ingress policy of bridge %s is %s table %s",
			       f->bridge, s.bridge.different ? "another in" : "gone from",
			       own.table.name);
	return 0;
}

static int restore(struct nl *nl, struct nft_forward *f, struct arena *arena)
{
	struct nft_claim c = claim_of(f, arena);

	if (verify(nl, f, arena) == 0)
		return 0;
	if (nl->err->code != ERR_CHECK)
		return -1;
	err_clear(nl->err);
	if (complete(nl, f, true, arena) < 0)
		return -1;
	return nft_claim(nl, &c, arena);
}

/* ---- collecting ------------------------------------------------------------------------------ */

static int sweep(struct nl *nl, nft_stale stale, void *data, struct arena *arena)
{
	return nft_sweep(nl, &own, stale, data, arena);
}

struct estate {
	const char *network;
	const char **bridges;
	size_t n;
	struct arena *arena;
};

static void see_estate(const struct nft_found *found, void *data)
{
	struct estate *s = data;

	if (!strcmp(found->comment, s->network))
		*arena_append(s->arena, s->bridges, s->n) =
			arena_printf(s->arena, "%.*s", IFNAMSIZ - 1, (const char *)found->at.key);
}

static void see_no_estate(void *data)
{
	struct estate *s = data;

	s->n = 0;
}

static int pass_on(struct nl *nl, const struct estate *s, nft_heir heir, void *data)
{
	nft_begin(nl, s->n * 4, s->arena);
	for (size_t i = 0; i < s->n; i++) {
		const struct nft_forward *next = heir(s->bridges[i], data);
		struct nft_elem e[2];

		bridge_elems(e, s->bridges[i], next ? verdict_of(next) : 0);
		nft_elems_del(nl, &own.table, e, 2);
		if (next)
			nft_elems_add(nl, &own.table, e, 2, next->network);
	}
	return nft_commit(nl);
}

static int bequeath(struct nl *nl, const char *network, nft_heir heir, void *data,
		    struct arena *arena)
{
	struct estate s = { .network = network, .arena = arena };

	for (int i = 0;; i++) {
		if (nft_list(nl, &own.table, BRIDGES, see_estate, see_no_estate, &s) < 0)
			return -1;
		if (pass_on(nl, &s, heir, data) == 0)
			return 0;
		if (i == TRIES || nl->err->sys != ENOENT)
			return -1;
		err_clear(nl->err);
	}
}

const struct nft_forwarding nft_filter = {
	.name = "nftables",
	.ready = ready,
	.prepare = prepare,
	.add = add,
	.undo = undo,
	.release = release,
	.verify = verify,
	.restore = restore,
	.sweep = sweep,
	.bequeath = bequeath,
};
