/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables.h - iptables by executing it: for a backend that a configuration asks for, and for nodes
 * whose rules are in the legacy tables, which netlink does not reach. What iptables-nft keeps is
 * listed and removed by netlink (nft/chain.h); this decides which of the two it is. Knows nothing
 * of what a rule is for; iptables_save.h reads what is printed.
 */
#pragma once

#include "nft/chain.h"
#include "skel/call.h"

enum iptables_table { IPTABLES_FILTER, IPTABLES_NAT };

/*
 * Has the kernel that legacy table, so that rules may be there? It is made when it is first used,
 * in each network namespace.
 */
bool iptables_legacy_has_table(sa_family_t family, enum iptables_table table);

/* Is there an iptables-restore at all? Says so if not. */
int iptables_is_usable(struct cni_call *c, sa_family_t family) NODISCARD;

/*
 * What iptables-save says of a table, and a change of it by iptables-restore --noflush, in one
 * transaction: of the program that PATH has, or of the legacy one, whatever PATH has.
 */
int iptables_save(struct cni_call *c, sa_family_t family, bool legacy, enum iptables_table table,
		  const char **text) NODISCARD;
int iptables_restore(struct cni_call *c, sa_family_t family, bool legacy,
		     const char *text) NODISCARD;
bool iptables_legacy_is_installed(struct cni_call *c); /* is it installed? */
bool iptables_prefers_legacy(struct cni_call *c);      /* is PATH's iptables a legacy one? */

/*
 * What iptables-save of PATH says of a table (iptables_save.h); "", without executing it, where the
 * kernel has no such chain. NULL: whatever chains there are.
 */
int iptables_saved(struct cni_call *c, sa_family_t family, enum iptables_table table,
		   const char *chain, const char **saved) NODISCARD;

/*
 * Is the chain in one of the tables of iptables-nft, or could it be in a legacy one, which is not
 * looked into? Of both families.
 */
int iptables_may_have_chain(struct cni_call *c, enum iptables_table table, const char *chain,
			    bool *has) NODISCARD;

/*
 * As nft_chain_remove(), from both the tables of iptables-nft and the legacy ones, of both
 * families.
 */
int iptables_chain_remove(struct cni_call *c, enum iptables_table table,
			  const struct nft_chain_removal *d) NODISCARD;
