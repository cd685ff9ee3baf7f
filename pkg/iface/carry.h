/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry.h - what an interface loses when it goes down and up, as it does when its master changes:
 * routes, and addresses of IPv6. It is listed before, and comes back afterwards.
 */
#pragma once

#include "nl/addr.h"
#include "nl/route.h"
#include "skel/call.h"

struct carry {
	int index;
	struct addr_list addrs;
	struct route_list routes; /* whole, of all tables and interfaces */
};

int carry_list(struct cni_call *c, int index, struct carry *k) NODISCARD;

/*
 * Before: next hops via the interface leave the routes that they share with another's, to which
 * they would come back by themselves.
 */
int carry_detach(struct cni_call *c, const struct carry *k) NODISCARD;

/*
 * Afterwards: the addresses, then the routes, those of the main table into this one. Returns when
 * the kernel has announced that the addresses are local.
 */
int carry_restore(struct cni_call *c, const struct carry *k, uint32_t table) NODISCARD;

/* Or everything where it was, with the master of before. All is tried, nothing is awaited. */
int carry_put_back(struct cni_call *c, const struct carry *k) NODISCARD;
