/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - the reader of rules: those of a chain, each decoded once into a list of what it compares
 * and does. Knows nf_tables' expressions and the matches of xtables inside them, not what a rule is
 * for.
 */
#pragma once

#include "nft/nft.h"

enum nft_stmt_kind {
	NFT_STMT_OTHER, /* anything that is not below */
	NFT_STMT_MATCH, /* the field is, or is not, the data; of NFT_FIELD_OTHER not all is known */
	NFT_STMT_VALUE, /* the data go into a register */
	NFT_STMT_VERDICT, /* verdict, and name is its chain or NULL */
	NFT_STMT_NAT,     /* by registers */
	NFT_STMT_COUNTER,
	NFT_STMT_XT_MATCH, /* of xtables: name, revision, and data as the match has them */
};

struct nft_stmt {
	enum nft_stmt_kind kind;
	enum nft_field field;
	bool negated;
	uint8_t plen; /* of an address: how many bits are compared */
	uint32_t revision;
	int32_t verdict;
	const char *name;
	const void *data;
	size_t len;
};

struct nft_rule_info {
	const char *chain, *comment, *tag; /* never NULL */
	uint64_t handle;
	struct nft_stmt *stmts;
	size_t n;
};

struct nft_rule_list {
	struct nft_rule_info *list;
	size_t n;
};

/* All rules of a chain, or of all chains if it is NULL; no such chain: none. */
int nft_rules(struct nl *nl, const struct nft_table *t, const char *chain,
	      struct nft_rule_list *out, struct arena *arena) NODISCARD;

/* Only those that match stay in the list. */
typedef bool (*nft_rule_match)(const struct nft_rule_info *rule, void *data);
void nft_rules_keep(struct nft_rule_list *rules, nft_rule_match match, void *data);

/*
 * Rules of a chain, or of all chains if it is NULL, that match go, in one transaction. It is done
 * anew if another process has been quicker with one of them.
 */
int nft_rules_del(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_match match,
		  void *data, struct arena *arena) NODISCARD;

/* The chain it jumps or goes to, or NULL. */
const char *nft_rule_target(const struct nft_rule_info *rule);
/* Is it this chain? */
bool nft_rule_leads_to(const struct nft_rule_info *rule, const char *chain);
/* Does it compare something with the address, or load it? */
bool nft_rule_names(const struct nft_rule_info *rule, const struct ip *ip);
