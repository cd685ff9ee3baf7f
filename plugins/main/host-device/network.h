/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - addresses and routes that an interface has by itself, apart from IPAM's. */
#pragma once

#include "cni/result.h"
#include "skel/call.h"

/*
 * Its permanent global addresses, and with `routes` those over it that stand in no need of
 * a protocol or a daemon: none that the kernel derives from an address, or learnt from router
 * advertisements or by DHCP. ERR_CONFIG with `routes` if one of them has what a result cannot say:
 * a peer, onlink; a preferred source is not kept.
 */
int network_list(struct cni_call *c, struct nl *nl, int index, bool routes,
		 struct cni_result *out) NODISCARD;

/* Behind those of the result. An address that is there already is not there twice. */
void network_merge(struct cni_call *c, const struct cni_result *n);

/* Make it so again on an interface that is up: addresses, then routes. Those there stay. */
int network_restore(struct cni_call *c, struct nl *nl, int index,
		    const struct cni_result *n) NODISCARD;

/* Remove the addresses of `n`; with `others` all permanent global ones but those. */
int network_remove(struct cni_call *c, struct nl *nl, int index, const struct cni_result *n,
		   bool others) NODISCARD;
