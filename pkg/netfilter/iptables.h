/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables.h - iptables by executing it: for a backend that a configuration asks for, and for nodes
 * whose rules are in the legacy tables, which netlink does not reach. What iptables-nft keeps is
 * looked at and removed by netlink (nft/chain.h); this decides which of the two it is.
 */
#ifndef CNIC_NETFILTER_IPTABLES_H
#define CNIC_NETFILTER_IPTABLES_H

#include "nft/chain.h"
#include "skel/call.h"

enum iptables_table { IPTABLES_FILTER, IPTABLES_NAT };

/*
 * Has the kernel that legacy table, so that rules may be there? A kernel or namespace where nobody
 * has used it does not.
 */
bool iptables_legacy_has_table(sa_family_t family, enum iptables_table table);

/* Is there an iptables-restore at all? Says so if not. */
int iptables_is_usable(struct cni_call *c, sa_family_t family) NODISCARD;

/* iptables-restore --noflush, as one transaction of the program that PATH has. */
int iptables_restore(struct cni_call *c, sa_family_t family, const char *text) NODISCARD;

/* The legacy one's, whatever PATH has: what iptables-save says of a table, and a change of it. */
int iptables_legacy_save(struct cni_call *c, sa_family_t family, enum iptables_table table,
			 const char **text) NODISCARD;
int iptables_legacy_restore(struct cni_call *c, sa_family_t family, const char *text) NODISCARD;
bool iptables_legacy_is_installed(struct cni_call *c); /* is it installed? */
bool iptables_prefers_legacy(struct cni_call *c);      /* is PATH's iptables a legacy one? */

/* How many rules of `from` jump to `to`, of those with the address `about` (not NULL) as source. */
int iptables_count_jumps(struct cni_call *c, const struct ip *about, enum iptables_table table,
			 const char *from, const char *to, size_t *n) NODISCARD;

/*
 * A table of the iptables that PATH has, or of iptables-nft where there is none: looked at once,
 * asked often.
 */
struct iptables_view {
	const struct nft_table *table;
	const char *
		/* of the legacy one: what iptables-save says; NULL: to be asked by netlink */
		saved;
};
int iptables_view(struct cni_call *c, sa_family_t family, enum iptables_table table,
		  struct iptables_view *view) NODISCARD;

/* The same with `saved` in any case. */
int iptables_view_saved(struct cni_call *c, sa_family_t family, enum iptables_table table,
			struct iptables_view *view) NODISCARD;

/* How many rules the chain has; with `to`, how many of them jump to that one. */
int iptables_count(struct cni_call *c, const struct iptables_view *view, const char *chain,
		   const char *to, size_t *n) NODISCARD;
int iptables_view_has(struct cni_call *c, const struct iptables_view *view, const char *chain,
		      bool *has) NODISCARD;

/*
 * As nft_chain_remove(), from both the tables of iptables-nft and the legacy ones, of both
 * families.
 */
int iptables_chain_remove(struct cni_call *c, enum iptables_table table,
			  const struct nft_chain_removal *d) NODISCARD;

#endif
