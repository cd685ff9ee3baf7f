/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vrf.h - Virtual Routing and Forwarding: a device with a table, by which the interfaces that are
 * enslaved to it are routed. See the kernel's networking/vrf, uapi/if_link.h.
 */
#pragma once

#include "base/arena.h"
#include "nl/link.h"

struct vrf_link {
	struct link link;
	uint32_t table; /* of a VRF; else 0 */
};

struct vrf_list {
	struct vrf_link *link; /* all links of the namespace */
	size_t n_link;
	struct arena *arena;
};

/* out->arena must be set. */
int nl_vrf_list(struct nl *nl, struct vrf_list *out) NODISCARD;

/* Queue. ip link add NAME up type vrf table TABLE; EOPNOTSUPP if the kernel has none. */
void nl_vrf_add(struct nl *nl, const char *name, uint32_t table);

/* Has the kernel the type? Makes nothing. */
int nl_vrf_probe(struct nl *nl, bool *has) NODISCARD;
