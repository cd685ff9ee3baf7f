/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - what the host forwards for a container, and between bridges, and the verbs of a
 * backend, which writes it down: in a table of our own (nftables.h), in the chains of iptables
 * (iptables_nft.h, iptables_legacy.h), in firewalld's zones (firewalld.h). Decides nothing.
 */
#pragma once

#include "nft/table.h"
#include "skel/call.h"

/* What our table has of what attachments share. */
struct fw_shared {
	bool known;                 /* looked at */
	bool admin;                 /* the jump to the admin chain */
	bool from, same, different; /* the bridge: listed, policy, and the policy is another */
	int32_t verdict;            /* between its own ports: NFT_RETURN or NF_DROP */
	const char *network;
};

/* Rules in the chains of iptables (iptables_rules.h). */
struct fw_rules {
	struct fw_rule *list;
	size_t n;
};

struct fw_forward {
	struct cni_call *c;
	const struct fw_backend *backend;
	const struct ip *const *ips; /* let through: what they send, and the answers */
	size_t n_ips;
	const char *comment; /* comment of what the attachment has */
	const char *network; /* of what its bridge has */
	const char *admin;   /* a chain that is asked first, and whose rules are not ours */
	const char *bridge;  /* packets to and from other such bridges are dropped; NULL: no */
	const char *zone;    /* firewalld's */
	bool isolated;       /* and those between its own ports */
	bool policy_only;    /* addresses are let through by firewalld */

	/* The backends': what there was when it was first looked for, and is now. */
	struct nft_elems elems;
	struct fw_shared before, now;
	bool scanned;
	struct fw_rules want, outdated;
	const char *saved[2]; /* legacy iptables', of IPv4 and IPv6, */
	bool makes;           /* and whether its tables may be made by asking for them */
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
	int (*ready)(struct fw_forward *f, bool *ready);
	int (*prepare)(struct fw_forward *f);

	/* The attachment's own; what is there as it should be is no error. NULL: prepare() has. */
	int (*add)(struct fw_forward *f);
	/* What prepare() and add() have made of policy and addresses. */
	int (*undo)(struct fw_forward *f);

	/* Those of the addresses that have the attachment's comment, or none. */
	int (*release)(struct fw_forward *f);
	/* All there? ERR_CHECK says what is missing. Changes nothing. */
	int (*verify)(struct fw_forward *f);
	int (*restore)(struct fw_forward *f);

	/* What is stale; NULL: its rules have no comment to tell by, nor has a policy. */
	int (*gc)(struct cni_call *c, nft_stale stale, void *data);
	/* The bridges of a network that has no attachment any more go, or to a successor. */
	int (*policy_reassign)(struct cni_call *c, const char *network, fw_successor successor,
			       void *data);
};
