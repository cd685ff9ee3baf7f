/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_nft.h - forwarding, in the chains that iptables-nft keeps and the reference plugin makes
 * there:
 *
 *	-A FORWARD -m comment --comment "CNI firewall plugin rules (...)" -j CNI-ISOLATION-STAGE-1
 *	-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
 *	-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
 *	-A CNI-FORWARD -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
 *	-A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT
 *	-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment ... -j CNI-ISOLATION-STAGE-2
 *	-A CNI-ISOLATION-STAGE-1 -m comment ... -j RETURN
 *	-A CNI-ISOLATION-STAGE-2 -o br0 -m comment ... -j DROP
 *	-A CNI-ISOLATION-STAGE-2 -m comment ... -j RETURN
 *
 * Whose a rule is says a mark in its user data, which iptables neither shows nor saves. A rule
 * without one counts as everybody's. Costs a look at all of CNI-FORWARD per call: rules have no
 * key.
 */
#ifndef CNIC_FIREWALL_IPTABLES_NFT_H
#define CNIC_FIREWALL_IPTABLES_NFT_H

#include "backend.h"
#include "xt_rule.h"

extern const struct fw_backend fw_iptables_nft;

/*
 * What should be there, in the order in which it is to be made: a rule in front goes before those
 * that are. For those who write it otherwise.
 */
struct fw_rule {
	sa_family_t family;
	const char *chain;
	bool first;
	bool own; /* the attachment's, not shared */
	struct xt_rule rule;
	const char *mark; /* NULL: it stays */
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

/* A rule that is to go. */
struct fw_rule_ref {
	const struct nft_table *t;
	const char *chain;
	uint64_t handle;
};

/* Those parts of fw_iptables_nft that remove: ipfremove.c. */
int fw_iptables_undo(struct nl *nl, struct fw_forward *f, struct arena *arena);
int fw_iptables_del(struct nl *nl, struct fw_forward *f, struct arena *arena);
int fw_iptables_gc(struct nl *nl, nft_stale stale, void *data, struct arena *arena);
int fw_iptables_reassign(struct nl *nl, const char *network, fw_successor successor, void *data,
			 struct arena *arena);

extern const char FW_CHAIN_FORWARD[], FW_CHAIN_STAGE_1[], FW_CHAIN_STAGE_2[]; /* chains */

#endif
