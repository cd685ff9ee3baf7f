/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall.h - the ways in which the firewall plugin has things forwarded, and which of them a host needs: our
 * table (nft/filter.h), the chains of iptables-nft (nft/ipforward.h), those of legacy iptables (by executing
 * it), firewalld. The verbs are the plugin's.
 */
#ifndef CNIC_CNI_FIREWALL_H
#define CNIC_CNI_FIREWALL_H

#include "cni/call.h"
#include "cni/record.h"
#include "nft/forward.h"

struct cni_firewall {
	const char *backend, *admin, *zone, *policy;
};

/* "nftables", "iptables", "firewalld"; unset, what the host uses. */
int cni_firewall_choose(struct cni_call *c, const char *configured, const char **backend) NODISCARD;

struct cni_ways {
	const struct nft_forwarding *list[4];
	size_t n;
};

/* Of a backend; of all, for those who remove. */
int cni_firewall_ways(struct cni_call *c, const char *backend, struct cni_ways *ways) NODISCARD;
struct cni_ways cni_firewall_all_ways(struct cni_call *c);

/* What is forwarded for an attachment with this result. `r` may be NULL: nothing is known of it. */
struct nft_forward *cni_firewall_of(struct cni_call *c, const struct cni_firewall *conf,
				    const struct cni_result *r) NODISCARD;
bool cni_firewall_has_policy(const struct cni_firewall *conf);

/* GC: bridges of this network, if no attachment of it is left, go or find another network. */
int cni_firewall_bequeath(struct cni_call *c, const struct cni_ways *ways) NODISCARD;

#endif
