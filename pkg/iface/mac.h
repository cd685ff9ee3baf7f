/* SPDX-License-Identifier: Apache-2.0 */
/* mac.h - which MAC address the container's interface has. */
#pragma once

#include "skel/call.h"

/* A way to ask for one; NULL or "" = not asked. */
struct mac_source {
	const char *where, *mac; /* where: for the error text */
};

/* That of the first source that has one; NULL if none has. In the arena. */
int mac_choose(struct cni_call *c, const struct mac_source *sources, size_t n,
	       const uint8_t **mac) NODISCARD;

/*
 * The MAC derived from the result's first IP address (net/mac.h), so that a reused address stays
 * valid in neighbour caches: into *inside, and queued for the commit of configure_iface().
 */
void mac_set_from_ip(struct cni_call *c, struct link *inside);
