/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - what the host forwards for a container, and between bridges, whichever way it is
 * written down: in a table of our own (filter.h) or in the chains of iptables-nft (ipforward.h).
 * Decides nothing and knows no CNI.
 */
#ifndef CNIC_FIREWALL_BACKEND_H
#define CNIC_FIREWALL_BACKEND_H

#include "nft/table.h"

/* What an attachment's bridge had before we came. */
struct fw_bridge_state {
	bool known;                 /* looked at */
	bool from, same, different; /* as it should be: listed, policy, and the policy is another */
	int32_t verdict;            /* between its own ports: NFT_RETURN or NF_DROP */
	const char *network;
};

struct fw_forward {
	const struct ip *const *ips; /* let through: what they send, and the answers */
	size_t n_ips;
	const char *comment; /* comment of what the attachment has */
	const char *network; /* of what its bridge has */
	const char *admin;   /* a chain that is asked first, and whose rules are not ours */
	const char *bridge;  /* packets to and from other such bridges are dropped; NULL: no */
	bool isolated;       /* and those between its own ports */
	bool policy_only;    /* addresses are let through by somebody else */
	void *context;       /* of a way that is not here */

	/* Theirs: what undo() takes back. */
	struct nft_elems elems;
	struct fw_bridge_state before;
	struct fw_rules *added;
	struct fw_rules_listed *scan;
	const struct ip *const *undo_ips;
	size_t n_undo_ips;
};

/* Who has a bridge's policy when its network has gone; NULL: nobody. */
typedef const struct fw_forward *(*fw_successor)(const char *bridge, void *data);

struct fw_backend {
	const char *name;
	/* cannot tell whose a rule is: sweep() and policy_reassign() are NULL */
	bool has_no_owner_tag;

	/*
	 * What attachments share: chains, the admin chain, the bridge's policy. ready() says
	 * whether all is there, prepare() makes it so in one transaction.
	 */
	int (*ready)(struct nl *nl, struct fw_forward *f, struct arena *arena, bool *ready);
	int (*prepare)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* The attachment's own; what is there as it should be is no error. */
	int (*add)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	/* What prepare() and add() have made of policy and addresses. */
	int (*undo)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* Those of the addresses that are the owner's, or nobody's in particular. */
	int (*release)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	/* All there? ERR_CHECK says what is missing. Changes nothing. */
	int (*verify)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	int (*restore)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* Everything whose owner is stale. */
	int (*gc)(struct nl *nl, nft_stale stale, void *data, struct arena *arena);
	/* The bridges of a network that has no attachment any more go, or to an successor. */
	int (*policy_reassign)(struct nl *nl, const char *network, fw_successor successor,
			       void *data, struct arena *arena);
};

#endif
