/* SPDX-License-Identifier: Apache-2.0 */
#include "nftables.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <string.h>

#include "nft/chain.h"
#include "nft/elems.h"
#include "nft/expr.h"
#include "nft/list.h"

#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED     NF_CT_STATE_BIT(IP_CT_RELATED)

static const char FORWARD[] = "forward", ADMIN[] = "admin", ISOLATION[] = "isolation";

static const struct nft_set sets[] = {
	{ "v4", NFT_TYPE_IPV4, 4, 0, 0 },
	{ "v6", NFT_TYPE_IPV6, 16, 0, 0 },
	{ "bridges", NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0 },
	{ "within", NFT_TYPE_2(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME), 2 * IFNAMSIZ, NFT_DATA_VERDICT,
	  16 },
};
static const struct nft_set *const bridges = &sets[2], *const within = &sets[3];

bool fw_nftables_is_chain(const char *name)
{
	return !strcmp(name, FORWARD) || !strcmp(name, ADMIN) || !strcmp(name, ISOLATION);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Which packets are between two of the bridges, and what becomes of them. */
static void build_isolation(struct nl *nl, const struct nft_table *t)
{
	nft_rule(nl, t, FORWARD, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(nl, bridges->name, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(0));
		nft_lookup(nl, bridges->name, NFT_R(0));
		nft_verdict(nl, NFT_JUMP, ISOLATION);
	}
	nft_rule(nl, t, ISOLATION, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(IFNAMSIZ / 4));
		nft_vmap(nl, within->name, NFT_R(0));
	}
	nft_rule(nl, t, ISOLATION, NULL) {
		nft_verdict(nl, NF_DROP, NULL);
	}
}

static void build_family(struct nl *nl, const struct nft_table *t, size_t i)
{
	nft_rule(nl, t, FORWARD, NULL) {
		nft_ct_state(nl, ESTABLISHED | RELATED);
		nft_family(nl, nft_nfproto(ip_families[i]));
		nft_daddr(nl, ip_families[i], NFT_R(0));
		nft_lookup(nl, sets[i].name, NFT_R(0));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	nft_rule(nl, t, FORWARD, NULL) {
		nft_family(nl, nft_nfproto(ip_families[i]));
		nft_saddr(nl, ip_families[i], NFT_R(0));
		nft_lookup(nl, sets[i].name, NFT_R(0));
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
}

static void build(struct nl *nl, const struct nft_table *t)
{
	static const struct nft_hook hook = { "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER };

	nft_table_add(nl, t, "cnic: forwarding for containers");
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		nft_set_add(nl, t, &sets[i]);
	nft_chain_renew(nl, t, FORWARD, &hook);
	nft_chain_add(nl, t, ADMIN, NULL);
	nft_chain_renew(nl, t, ISOLATION, NULL);
	nft_rule(nl, t, FORWARD, NULL) {
		nft_verdict(nl, NFT_JUMP, ADMIN);
	}
	build_isolation(nl, t);
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		build_family(nl, t, i);
}

static const char *const address_sets[] = { "v4", "v6", NULL };

static const struct nft_table_def def = {
	.table = { NFPROTO_INET, "cnic_firewall" },
	.build = build,
	.sets = address_sets,
};
static const struct nft_table *const table = &def.table;

bool fw_nftables_is_guest(const char *name, const char *chain)
{
	return !strcmp(name, table->name) && !fw_nftables_is_chain(chain);
}

/* ---- a bridge -------------------------------------------------------------------------------- */

/* Listed, and what holds between its own ports. */
static void bridge_elems(struct nft_elem e[2], const char *bridge, int32_t verdict)
{
	size_t len = strnlen(bridge, IFNAMSIZ - 1);

	e[0] = (struct nft_elem){ .set = bridges->name, .key_len = IFNAMSIZ };
	e[1] = (struct nft_elem){ .set = within->name, .key_len = 2 * IFNAMSIZ };
	memcpy(e[0].key, bridge, len);
	memcpy(e[1].key, bridge, len);
	memcpy(e[1].key + IFNAMSIZ, bridge, len);
	e[1].has_verdict = true;
	e[1].verdict = verdict;
	e[0].label = e[1].label = "ingress policy of a bridge";
}

static int32_t verdict_of(const struct fw_forward *f)
{
	return f->isolated ? NF_DROP : NFT_RETURN;
}

/* Into f->now. Of two networks on one bridge the stricter policy holds. */
static int get_bridge(struct fw_forward *f)
{
	struct fw_shared *s = &f->now;
	struct nft_elem_info found[2];
	struct nft_elem e[2];

	*s = (struct fw_shared){ .known = true };
	if (!f->bridge)
		return 0;
	bridge_elems(e, f->bridge, 0);
	if (nft_get(f->c->nft, table, e, 2, found, f->c->arena) < 0)
		return -1;
	s->from = found[0].comment;
	s->same = found[1].comment;
	s->verdict = found[1].at.verdict;
	s->network = s->same ? found[1].comment : found[0].comment;
	s->different = s->same && s->verdict != verdict_of(f) &&
		       (f->isolated || !strcmp(s->network, f->network));
	return 0;
}

static bool has_policy(const struct fw_forward *f, const struct fw_shared *s)
{
	return !f->bridge || (s->from && s->same && !s->different);
}

static void del_elems(struct nl *nl, const struct nft_elem e[2], const struct fw_shared *s)
{
	if (s->from)
		nft_msg_elems_del(nl, table, &e[0], 1);
	if (s->same)
		nft_msg_elems_del(nl, table, &e[1], 1);
}

/* Both bear the same network's comment. */
static void put_bridge(struct nl *nl, const struct fw_forward *f)
{
	const struct fw_shared *s = &f->now;
	bool as_it_is = s->same && !s->different;
	struct nft_elem e[2];

	bridge_elems(e, f->bridge, as_it_is ? s->verdict : verdict_of(f));
	del_elems(nl, e, s);
	nft_msg_elems_add(nl, table, e, 2, as_it_is ? s->network : f->network);
}

/* As it was, where prepare() has changed it. */
static int undo_bridge(struct fw_forward *f)
{
	const struct fw_shared *b = &f->before;
	struct nl *nl = f->c->nft;
	struct nft_elem e[2];

	if (!b->known || has_policy(f, b))
		return 0;
	if (get_bridge(f) < 0)
		return -1;
	bridge_elems(e, f->bridge, b->verdict);
	nft_begin(nl, 4, f->c->arena);
	del_elems(nl, e, &f->now);
	if (b->from)
		nft_msg_elems_add(nl, table, &e[0], 1, b->network);
	if (b->same)
		nft_msg_elems_add(nl, table, &e[1], 1, b->network);
	return nft_commit(nl);
}

/* ---- what is shared -------------------------------------------------------------------------- */

/* The jump alone: with it, the admin chain and the chain it stands in are there. */
static int ready(struct fw_forward *f, bool *is_ready)
{
	size_t jumps;

	if (nft_count_jumps(f->c->nft, table, ADMIN, f->admin, f->c->arena, &jumps) < 0 ||
	    get_bridge(f) < 0)
		return -1;
	f->now.admin = jumps;
	*is_ready = jumps && has_policy(f, &f->now);
	return 0;
}

static int make(const struct fw_forward *f, uint32_t at)
{
	struct nl *nl = f->c->nft;

	nft_begin_at(nl, 4, f->c->arena, at);
	build(nl, table);
	nft_chain_add(nl, table, f->admin, NULL);
	if (!f->now.admin) {
		nft_rule(nl, table, ADMIN, NULL) {
			nft_verdict(nl, NFT_JUMP, f->admin);
		}
	}
	if (f->bridge)
		put_bridge(nl, f);
	return nft_commit(nl);
}

/* `all`: the rules too, be the rest there or not. */
static int complete(struct fw_forward *f, bool all)
{
	uint32_t at;
	bool is_ready;

	for (int tries = 0;;) {
		if (nft_generation(f->c->nft, &at) < 0 || ready(f, &is_ready) < 0)
			return -1;
		if (!f->before.known)
			f->before = f->now;
		if ((is_ready && !all) || make(f, at) == 0)
			return 0;
		if (!nft_should_retry(f->c->nft, &tries, ERESTART))
			return -1;
	}
}

static int prepare(struct fw_forward *f)
{
	return complete(f, false);
}

/* ---- the attachment's ------------------------------------------------------------------------ */

static struct nft_elems *elems_of(struct fw_forward *f)
{
	struct arena *arena = f->c->arena;

	f->elems = (struct nft_elems){ .table = &def, .comment = f->comment };
	f->elems.elems = arena_array(arena, struct nft_elem, f->n_ips + 1);
	for (size_t i = 0; !f->policy_only && i < f->n_ips; i++)
		(void)nft_elems_put(&f->elems, sets[f->ips[i]->family == AF_INET6].name, f->ips[i],
				    "forwarding of", arena);
	return &f->elems;
}

static int add(struct fw_forward *f)
{
	return nft_elems_add(f->c->nft, elems_of(f), f->c->arena);
}

static int undo(struct fw_forward *f)
{
	if (f->elems.before && nft_elems_undo(f->c->nft, &f->elems, f->c->arena) < 0)
		return -1;
	return undo_bridge(f);
}

static bool has_comment(const char *comment, void *data)
{
	return !strcmp(comment, data);
}

static int gc(struct cni_call *c, nft_stale stale, void *data)
{
	return nft_elems_gc(c->nft, &def, stale, data, c->arena);
}

/* Nothing to go by but the comment: all elements are listed. */
static int release(struct fw_forward *f)
{
	if (!f->n_ips)
		return gc(f->c, has_comment, arena_strdup(f->c->arena, f->comment));
	return nft_elems_del(f->c->nft, elems_of(f), f->c->arena);
}

static int verify(struct fw_forward *f)
{
	struct err *err = f->c->err;
	bool is_ready;

	if (nft_elems_check(f->c->nft, elems_of(f), f->c->arena) < 0 || ready(f, &is_ready) < 0)
		return -1;
	if (!f->now.admin)
		return err_set(err, ERR_CHECK,
			       "nf_tables: the jump to chain %s in table %s is gone", f->admin,
			       table->name);
	if (!is_ready)
		return err_set(
			err, ERR_CHECK, "nf_tables: the ingress policy of bridge %s is %s table %s",
			f->bridge, f->now.different ? "another in" : "gone from", table->name);
	return 0;
}

static int restore(struct fw_forward *f)
{
	if (verify(f) == 0)
		return 0;
	if (f->c->err->code != ERR_CHECK)
		return -1;
	err_clear(f->c->err);
	return complete(f, true) < 0 ? -1 : add(f);
}

/* ---- a network that is no more --------------------------------------------------------------- */

/* The bridges of the network go, or to a successor, in one transaction. */
static int reassign(struct cni_call *c, const struct nft_elem_list *list, const char *network,
		    fw_successor successor, void *data)
{
	struct fw_forward *f = arena_array(c->arena, struct fw_forward, list->n + 1);
	struct nft_elem e[2];

	for (size_t i = 0; i < list->n; i++) {
		const char *name = (const char *)list->list[i].at.key;

		f[i] = (struct fw_forward){ .c = c, .network = "" };
		f[i].bridge = arena_strndup(c->arena, name, IFNAMSIZ - 1);
		if (!strcmp(list->list[i].comment, network) && get_bridge(&f[i]) < 0)
			return -1;
	}
	nft_begin(c->nft, list->n * 4, c->arena);
	for (size_t i = 0; i < list->n; i++) {
		bool goes = f[i].now.known;
		const struct fw_forward *next = goes ? successor(f[i].bridge, data) : NULL;

		bridge_elems(e, f[i].bridge, next ? verdict_of(next) : 0);
		del_elems(c->nft, e, &f[i].now);
		if (next)
			nft_msg_elems_add(c->nft, table, e, 2, next->network);
	}
	return nft_commit(c->nft);
}

static int policy_reassign(struct cni_call *c, const char *network, fw_successor successor,
			   void *data)
{
	struct nft_elem_list list;

	for (int tries = 0;;) {
		if (nft_list(c->nft, table, bridges->name, &list, c->arena) < 0)
			return -1;
		if (reassign(c, &list, network, successor, data) == 0)
			return 0;
		if (!nft_should_retry(c->nft, &tries, ENOENT))
			return -1;
	}
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
