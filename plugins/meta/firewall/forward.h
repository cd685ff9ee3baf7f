/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.h - the ways in which the firewall plugin has things forwarded, and which of them a host needs: our
 * table (nftables.h), the chains of iptables-nft (iptables_nft.h), those of legacy iptables (by executing
 * it), firewalld. The verbs are the plugin's.
 */
#ifndef CNIC_FIREWALL_FORWARD_H
#define CNIC_FIREWALL_FORWARD_H

#include "skel/call.h"
#include "skel/record.h"
#include "backend.h"

struct cni_firewall {
	const char *backend, *admin, *zone, *policy;
};

/* "nftables", "iptables", "firewalld"; unset, what the host uses. */
int cni_firewall_choose(struct cni_call *c, const char *configured, const char **backend) NODISCARD;

struct cni_ways {
	const struct nft_forwarding *list[8];
	size_t n;
};

int cni_firewall_ways(struct cni_call *c, const struct cni_firewall *conf, const char *backend,
		      struct cni_ways *ways) NODISCARD;

/*
 * What ADD has used, as its record's note. NULL or "": it is not known. Who removes asks more than that: a
 * change of backend must leave nothing.
 */
const char *cni_firewall_note(struct cni_call *c, const struct cni_ways *ways);
struct cni_ways cni_firewall_noted(struct cni_call *c, const char *note);
bool cni_firewall_uses(const struct cni_ways *ways, const struct nft_forwarding *way);
/* Those that an attachment with that note turns to: "own", or one of the reference's backends. */
int cni_firewall_turned(struct cni_call *c, const struct cni_firewall *conf, const char *backend,
			const char *note, struct cni_ways *ways) NODISCARD;
struct cni_ways cni_firewall_removing(struct cni_call *c, const char *backend, const char *note);

/* Can they do their work? */
int cni_firewall_status(struct cni_call *c, const struct cni_ways *ways) NODISCARD;

/* What is forwarded for an attachment with this result. `r` may be NULL: nothing is known of it. */
struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r) NODISCARD;
/* The same for the i-th of the ways of an ADD: beside firewalld, the others have the policy only. */
struct nft_forward *cni_firewall_for(struct cni_call *c, const struct cni_ways *ways, size_t i,
				     const struct cni_result *r) NODISCARD;
bool cni_firewall_has_policy(const struct cni_firewall *conf);

/* What nft_forward's context is, for the ways that are not netlink's. */
struct cni_fwcontext {
	struct cni_call *c;
	const char *zone;
};

/* GC, before records are collected: what stale attachments have in ways that cannot tell whose it is. */
int cni_firewall_forget(struct cni_call *c) NODISCARD;

/* Bridges of this network, of which no attachment is left in these ways, go or find another network that is. */
int cni_firewall_bequeath(struct cni_call *c, const struct cni_ways *ways) NODISCARD;

#endif
