/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_rules.h - what forwarding is in the chains of iptables: the rules, their places,
 * comments and order, and which of them are to be made, for the backends of nf_tables and of legacy
 * iptables. Reads and writes nothing itself.
 */
#pragma once

#include "backend.h"
#include "xt_rule.h"

#define FW_CHAIN_BASE    "FORWARD"
#define FW_CHAIN_FORWARD "CNI-FORWARD"
#define FW_CHAIN_STAGE_1 "CNI-ISOLATION-STAGE-1"
#define FW_CHAIN_STAGE_2 "CNI-ISOLATION-STAGE-2"

/* Their comments. */
#define FW_RULES         "CNI firewall plugin rules"
#define FW_EITHER_POLICY FW_RULES " (ingressPolicy: same-bridge|isolated)"

/*
 * What should be there, in the order in which it is to be made: a rule in front goes before those
 * that are.
 */
struct fw_rule {
	sa_family_t family;
	const char *chain;
	bool first;
	const char *tag; /* NULL: it stays */
	struct xt_rule rule;
	bool is_attachments; /* the attachment's, not shared */

	size_t n;        /* how often it is there, */
	uint64_t handle; /* and by nf_tables which */
	bool missing;    /* to be made, */
	bool moves;      /* since it is there in the wrong place */
	bool added;      /* was not there at the first scan, and goes with an undo */
};

/* f->want: of the families that f has addresses of; both if it has none. */
void fw_rules_init(struct fw_forward *f);

/* f->want, with what `count` finds: it adds to the n of each rule that is there. */
int fw_rules_scan(struct fw_forward *f, int (*count)(struct fw_forward *f)) NODISCARD;

/* The first that is missing, of those that are shared, or of all. */
const struct fw_rule *fw_rules_missing(const struct fw_forward *f, bool with_own);
int fw_rules_check(const struct fw_forward *f, const char *kind) NODISCARD;

const char *fw_rule_line(const struct fw_rule *w, struct arena *arena); /* behind "-A " */

const struct nft_table *fw_iptables_table(sa_family_t family);
