/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <net/if.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/list.h"

static const struct nft_set sets[] = {
	{ FW_BRIDGES, NFT_TYPE_IFNAME, IFNAMSIZ, 0, 0 },
	{ FW_WITHIN, NFT_TYPE_2(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME), 2 * IFNAMSIZ, NFT_DATA_VERDICT,
	  16 },
};

void fw_policy_build(struct nl *nl, const struct nft_table *t, const char *base)
{
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		nft_set_add(nl, t, &sets[i]);
	nft_chain_renew(nl, t, FW_ISOLATION, NULL);
	nft_rule(nl, t, base, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_lookup(nl, FW_BRIDGES, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(0));
		nft_lookup(nl, FW_BRIDGES, NFT_R(0));
		nft_verdict(nl, NFT_JUMP, FW_ISOLATION);
	}
	nft_rule(nl, t, FW_ISOLATION, NULL) {
		nft_meta(nl, NFT_META_IIFNAME, NFT_R(0));
		nft_meta(nl, NFT_META_OIFNAME, NFT_R(IFNAMSIZ / 4));
		nft_vmap(nl, FW_WITHIN, NFT_R(0));
	}
	nft_rule(nl, t, FW_ISOLATION, NULL) {
		nft_verdict(nl, NF_DROP, NULL);
	}
}

/* ---- one bridge ------------------------------------------------------------------------------ */

static void put_name(uint8_t *key, const char *name)
{
	memcpy(key, name, strnlen(name, IFNAMSIZ - 1));
}

/* Listed, and what holds between its own ports. */
static void bridge_elems(struct nft_elem e[2], const char *bridge, int32_t verdict)
{
	memset(e, 0, 2 * sizeof(*e));
	e[0].set = FW_BRIDGES;
	e[0].key_len = IFNAMSIZ;
	put_name(e[0].key, bridge);
	e[1].set = FW_WITHIN;
	e[1].key_len = 2 * IFNAMSIZ;
	put_name(e[1].key, bridge);
	put_name(e[1].key + IFNAMSIZ, bridge);
	e[1].has_verdict = true;
	e[1].verdict = verdict;
	e[0].label = e[1].label = "ingress policy of a bridge";
}

static int32_t verdict_of(const struct fw_forward *f)
{
	return f->isolated ? NF_DROP : NFT_RETURN;
}

/* Of two networks on one bridge the stricter policy holds. */
int fw_policy_get(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		  struct fw_bridge_state *s, struct arena *arena)
{
	struct nft_elem_info found[2];
	struct nft_elem e[2];

	*s = (struct fw_bridge_state){ .known = true };
	if (!f->bridge)
		return 0;
	bridge_elems(e, f->bridge, 0);
	if (nft_get(nl, t, e, 2, found, arena) < 0)
		return -1;
	s->from = found[0].comment;
	s->same = found[1].comment;
	s->verdict = found[1].at.verdict;
	s->network = s->same ? found[1].comment : found[0].comment;
	s->different = s->same && s->verdict != verdict_of(f) &&
		       (f->isolated || !strcmp(s->network, f->network));
	return 0;
}

static void del_elems(struct nl *nl, const struct nft_table *t, const struct nft_elem e[2],
		      const struct fw_bridge_state *s)
{
	if (s->from)
		nft_msg_elems_del(nl, t, &e[0], 1);
	if (s->same)
		nft_msg_elems_del(nl, t, &e[1], 1);
}

/* Both bear the same network's comment. */
void fw_policy_put(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		   const struct fw_bridge_state *s)
{
	bool as_it_is = s->same && !s->different;
	struct nft_elem e[2];

	bridge_elems(e, f->bridge, as_it_is ? s->verdict : verdict_of(f));
	del_elems(nl, t, e, s);
	nft_msg_elems_add(nl, t, e, 2, as_it_is ? s->network : f->network);
}

/* As it was, where prepare() has changed it. */
int fw_policy_undo(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		   struct arena *arena)
{
	const struct fw_bridge_state *b = &f->before;
	struct fw_bridge_state now;
	struct nft_elem e[2];

	if (!f->bridge || !b->known || fw_policy_is_set(f, b))
		return 0;
	if (fw_policy_get(nl, t, f, &now, arena) < 0)
		return -1;
	bridge_elems(e, f->bridge, b->verdict);
	nft_begin(nl, 4, arena);
	del_elems(nl, t, e, &now);
	if (b->from)
		nft_msg_elems_add(nl, t, &e[0], 1, b->network);
	if (b->same)
		nft_msg_elems_add(nl, t, &e[1], 1, b->network);
	return nft_commit(nl);
}

/* ---- a network that is no more --------------------------------------------------------------- */

static const char *name_of(const struct nft_elem_info *bridge, struct arena *arena)
{
	return arena_printf(arena, "%.*s", IFNAMSIZ - 1, (const char *)bridge->at.key);
}

/* What is asked of fw_policy_reassign(). */
struct reassignment {
	const char *network;
	fw_successor successor;
	void *data;
};

/* The bridges of the network go, or to a successor, in one transaction. */
static int reassign(struct nl *nl, const struct nft_table *t, const struct nft_elem_list *bridges,
		    const struct reassignment *r, struct arena *arena)
{
	struct fw_bridge_state *states = arena_array(arena, struct fw_bridge_state, bridges->n + 1);
	struct fw_forward f = { .network = "" };

	for (size_t i = 0; i < bridges->n; i++) {
		f.bridge = name_of(&bridges->list[i], arena);
		if (!strcmp(bridges->list[i].comment, r->network) &&
		    fw_policy_get(nl, t, &f, &states[i], arena) < 0)
			return -1;
	}
	nft_begin(nl, bridges->n * 4, arena);
	for (size_t i = 0; i < bridges->n; i++) {
		const char *bridge = name_of(&bridges->list[i], arena);
		const struct fw_forward *next =
			states[i].known ? r->successor(bridge, r->data) : NULL;
		struct nft_elem e[2];

		bridge_elems(e, bridge, next ? verdict_of(next) : 0);
		del_elems(nl, t, e, &states[i]);
		if (next)
			nft_msg_elems_add(nl, t, e, 2, next->network);
	}
	return nft_commit(nl);
}

int fw_policy_reassign(struct nl *nl, const struct nft_table *t, const char *network,
		       fw_successor successor, void *data, struct arena *arena)
{
	const struct reassignment r = { network, successor, data };
	struct nft_elem_list bridges;

	for (int tries = 0;;) {
		if (nft_list(nl, t, FW_BRIDGES, &bridges, arena) < 0)
			return -1;
		if (reassign(nl, t, &bridges, &r, arena) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}
