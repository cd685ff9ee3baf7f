/* SPDX-License-Identifier: Apache-2.0 */
/* attrs.h - attributes of the container's interface that tuning sets, and what they were. */
#pragma once

#include "skel/call.h"

struct attrs {
	const char *mac_text; /* as it was decoded; mac, has_mac: what came of it */
	uint8_t mac[MAC_LEN];
	uint32_t mtu, txqlen;
	bool promisc, allmulti;
	bool has_mac, has_mtu, has_txqlen, has_promisc, has_allmulti;
};

/* Rows of a table of fields: `m` is a struct attrs within the struct `s`. */
#define ATTRS_HAS(s, m) .has_offset = offsetof(s, m)
#define ATTRS_FIELDS(s, m)                                                                         \
	F_STR("mac", s, m.mac_text), F_BOOL("promisc", s, m.promisc, ATTRS_HAS(s, m.has_promisc)), \
		F_UINT("mtu", s, m.mtu, ATTRS_HAS(s, m.has_mtu), .max = 65536),                    \
		F_BOOL("allmulti", s, m.allmulti, ATTRS_HAS(s, m.has_allmulti)),                   \
		F_UINT("txQLen", s, m.txqlen, ATTRS_HAS(s, m.has_txqlen))

bool attrs_any(const struct attrs *a);

/* What `a` has not, from `more`. */
void attrs_merge(struct attrs *a, const struct attrs *more);

/*
 * Of those that `a` has, what the link has now, to go back to: an interface that is promiscuous
 * for a macvlan or a capture has no flag of its own.
 */
void attrs_get(struct attrs *now, const struct attrs *a, const struct link *l);

/*
 * One after the other, the first that fails ends it. A device that takes no MAC address while it
 * is up is taken down for it; its addresses and routes come back.
 */
int attrs_set(struct cni_call *c, int index, const struct attrs *a) NODISCARD;

/* CHECK: ERR_CHECK says what is wanted and what is found. */
int attrs_check(struct cni_call *c, const struct attrs *a, const struct link *l) NODISCARD;
