/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_rules.h - what forwarding is in the chains of iptables: the rules, their places,
 * comments and order, for the backends of nf_tables and of legacy iptables. Reads and writes
 * nothing.
 */
#pragma once

#include "backend.h"
#include "xt_rule.h"

/*
 * What should be there, in the order in which it is to be made: a rule in front goes before those
 * that are.
 */
struct fw_rule {
	sa_family_t family;
	const char *chain;
	bool first;
	bool is_attachments; /* the attachment's, not shared */
	struct xt_rule rule;
	const char *tag; /* NULL: it stays */
	bool missing;
};

struct fw_rules {
	struct fw_rule *list;
	size_t n;
};

/* Of the families that f has addresses of; both if it has none. */
struct fw_rules fw_rules_of(const struct fw_forward *f, struct arena *arena);

/* The jump that is to come before all others of ours in FORWARD. */
struct fw_rule fw_isolation_jump(sa_family_t family);

const struct nft_table *fw_iptables_table(sa_family_t family);

extern const char FW_CHAIN_FORWARD[], FW_CHAIN_STAGE_1[], FW_CHAIN_STAGE_2[]; /* chains */
