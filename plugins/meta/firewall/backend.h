/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - what the host forwards for a container, and between bridges, and the verbs of a
 * backend, which writes it down: in a table of our own (nftables.h), in the chains of iptables
 * (iptables_nft.h, iptables_legacy.h), in firewalld's zones (firewalld.h). Decides nothing.
 */
#pragma once

#include "nft/table.h"

struct cni_call;

/* What an attachment's bridge had before the call. */
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
	bool policy_only;    /* addresses are let through by firewalld */
	struct cni_call *c;  /* for those that execute a program */
	const char *zone;    /* firewalld's */

	/* The backends': what undo() removes. */
	struct nft_elems elems;
	struct fw_bridge_state before;
	struct fw_rules *added;
	struct fw_rules_listed *scan;
	const struct ip *const *undo_ips;
	size_t n_undo_ips;
};

/* What a bridge's policy is when its network has gone; NULL: it goes. */
typedef const struct fw_forward *(*fw_successor)(const char *bridge, void *data);

struct fw_backend {
	const char *name;

	/*
	 * What attachments share: chains, the admin chain, the bridge's policy. ready() says
	 * whether all is there (NULL: it may not be), prepare() makes it so in one transaction
	 * (NULL: nothing is shared).
	 */
	int (*ready)(struct nl *nl, struct fw_forward *f, struct arena *arena, bool *ready);
	int (*prepare)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* The attachment's own; what is there as it should be is no error. NULL: prepare() has. */
	int (*add)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	/* What prepare() and add() have made of policy and addresses. */
	int (*undo)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* Those of the addresses that have the attachment's comment, or none. */
	int (*release)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	/* All there? ERR_CHECK says what is missing. Changes nothing. */
	int (*verify)(struct nl *nl, struct fw_forward *f, struct arena *arena);
	int (*restore)(struct nl *nl, struct fw_forward *f, struct arena *arena);

	/* What is stale; NULL: its rules have no comment to tell by, nor has a policy. */
	int (*gc)(struct nl *nl, nft_stale stale, void *data, struct arena *arena);
	/* The bridges of a network that has no attachment any more go, or to a successor. */
	int (*policy_reassign)(struct nl *nl, const char *network, fw_successor successor,
			       void *data, struct arena *arena);
};
