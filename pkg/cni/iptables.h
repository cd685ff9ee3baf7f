/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables.h - iptables by executing it: for a backend that a configuration asks for, and for nodes whose rules
 * are in the legacy tables, which netlink does not reach. What iptables-nft keeps is looked at and removed
 * by netlink (nft/ipt.h); this decides which of the two it is.
 */
#ifndef CNIC_CNI_IPTABLES_H
#define CNIC_CNI_IPTABLES_H

#include "cni/call.h"
#include "nft/ipt.h"

enum cni_iptables_table { CNI_IPTABLES_FILTER, CNI_IPTABLES_NAT };

/*
 * Has the kernel that legacy table, so that rules may be there? A kernel or namespace where nobody has
 * used it does not.
 */
bool cni_iptables_legacy(sa_family_t family, enum cni_iptables_table table);

/* iptables-restore --noflush, as one transaction of the program that PATH has. */
int cni_iptables_restore(struct cni_call *c, sa_family_t family, const char *text) NODISCARD;

/* How many rules of `from` jump to `to`, of those with the address `about` (not NULL) as source. */
int cni_iptables_jumps(struct cni_call *c, const struct ip *about, enum cni_iptables_table table,
		       const char *from, const char *to, size_t *n) NODISCARD;

/* Is there such a chain, where the iptables of PATH keeps its rules? */
int cni_iptables_has_chain(struct cni_call *c, sa_family_t family, enum cni_iptables_table table,
			   const char *chain, bool *has) NODISCARD;

/* As nft_chain_remove(), from both the tables of iptables-nft and the legacy ones, of both families. */
int cni_iptables_chain_remove(struct cni_call *c, enum cni_iptables_table table,
			      const struct nft_doomed *d) NODISCARD;

#endif
