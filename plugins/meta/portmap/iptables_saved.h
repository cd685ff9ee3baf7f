/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_saved.h - host ports as iptables-save shows them, compared with what iptables_text.h
 * wants, and what of them stays. Reads texts: executes nothing.
 */
#pragma once

#include "iptables_text.h"

/* What the container's chain and its entries are. */
void portmap_saved_read(struct portmap_text *t);

/* Is all that is wanted there? Of conditions, only addresses are compared. */
bool portmap_saved_has(const struct portmap_text *t);

/* ADD: rules that lead to other addresses, and their entries, are wanted, too, and come first. */
void portmap_saved_keep(struct portmap_text *t);

/* DEL: so are those of another attachment, if it has some in the chain. */
void portmap_saved_join(struct portmap_text *t, const struct portmap_text *sibling);

/*
 * Does another container's chain have one of these ports, for all packets? Fails with ERR_IN_USE
 * then.
 */
int portmap_saved_conflicts(const struct portmap_text *t, struct err *err) NODISCARD;
