/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h - single addresses in the journal: those of a node that was released stay with the
 * attachments that have them, though the space knows nothing of it. Under the store's lock.
 */
#pragma once

#include "ipam/store.h"
#include "state.h"

/* Does an attachment of this node have the address, by the journal? (NULL: there is none.) */
bool journal_has(const struct store *s, const struct ip *ip, struct reservation *r);

/* It was given in a boot that is known to be over. */
bool journal_is_earlier_boot(const struct store *s, const struct state_single *single);

/* Put in what attachments of the state have: all, but what was given in an earlier boot. */
int journal_keep_singles(struct store *s, const struct state *state) NODISCARD;
