/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - which bridges are kept apart, in a table of our own: a set of them, what holds between
 * the ports of each, and the chain that packets from one of them to one of them go through. What a
 * bridge has is its network's; of two networks on one bridge the stricter policy holds. Part of
 * nftables.h.
 */
#pragma once

#include "backend.h"

#define FW_BRIDGES   "bridges"
#define FW_WITHIN    "within"
#define FW_ISOLATION "isolation"

/* Sets, chain, its rules, and the rule of the base chain that leads there. */
void fw_policy_build(struct nl *nl, const struct nft_table *t, const char *base);

int fw_policy_get(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		  struct fw_bridge_state *s, struct arena *arena) NODISCARD;
static inline bool fw_policy_is_set(const struct fw_forward *f, const struct fw_bridge_state *s)
{
	return !f->bridge || (s->from && s->same && !s->different);
}

/* In a transaction: what fw_policy_get() found missing. */
void fw_policy_put(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		   const struct fw_bridge_state *s);

/* As it was at f->before. */
int fw_policy_undo(struct nl *nl, const struct nft_table *t, const struct fw_forward *f,
		   struct arena *arena) NODISCARD;

int fw_policy_reassign(struct nl *nl, const struct nft_table *t, const char *network,
		       fw_successor successor, void *data, struct arena *arena) NODISCARD;
