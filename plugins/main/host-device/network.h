/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - addresses and routes that an interface has by itself, apart from IPAM's. */
#pragma once

#include "cni/result.h"
#include "skel/call.h"

/*
 * Its permanent global addresses, and with `routes` those over it that stand in no need of
 * a protocol or a daemon: none that the kernel derives from an address, or learnt from router
 * advertisements or by DHCP. ERR_CONFIG with `routes` if one of them has what a result cannot say:
 * a peer, onlink; a preferred source is not kept. Of a route that has next hops over other
 * interfaces, too, stderr says that it does not come home whole.
 */
int network_list(struct cni_call *c, struct nl *nl, int index, bool routes,
		 struct cni_result *out) NODISCARD;

/* Behind those of the result. An address or a route that is there already is not there twice. */
void network_merge(struct cni_call *c, const struct cni_result *n);

/*
 * Make it so again on an interface that is up: addresses, then routes, those on the link first.
 * What is there stays; what the kernel does not take is told of on stderr.
 */
int network_restore(struct cni_call *c, struct nl *nl, int index,
		    const struct cni_result *n) NODISCARD;

/* Remove `n` as far as it is there, routes and addresses. */
int network_remove(struct cni_call *c, struct nl *nl, int index,
		   const struct cni_result *n) NODISCARD;

/* Remove all permanent global addresses but those of `n`. */
int network_remove_others(struct cni_call *c, struct nl *nl, int index,
			  const struct cni_result *n) NODISCARD;
