/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - CHECK: is what prevResult lists still there? Changes nothing. Code 102 when it is
 * not.
 */
#pragma once

#include "skel/call.h"

/*
 * The container's interface: listed in prevResult under CNI_IFNAME with sandbox CNI_NETNS, and
 * present with that kind (NULL: any), MAC (if said) and, if `up`, UP. Fills *out and its index in
 * prevResult.interfaces.
 */
int verify_inside(struct cni_call *c, const char *kind, bool up, struct link *out,
		  uint32_t *index) NODISCARD;

/* A host-side interface: listed in prevResult, present, of that kind, with that MAC (if said). */
int verify_host(struct cni_call *c, const char *name, const char *kind, struct link *out) NODISCARD;

/* The host's end of the container's veth: there, and up. */
int verify_peer(struct cni_call *c, const struct link *inside, struct link *host) NODISCARD;

/*
 * Every address prevResult gives that interface is on it, every route is in some table of the
 * container. Extra ones are fine: other plugins of the chain add them. Those of a lease are not
 * compared: prevResult may be of an earlier one.
 */
int verify_ips_and_routes(struct cni_call *c, const struct link *inside, uint32_t index) NODISCARD;

/* For the IPAM plugin of a lease: the same of what it gives now, on CNI_IFNAME. */
int verify_lease(struct cni_call *c, struct cni_result *now) NODISCARD;
