/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ensure.h - the bridge that containers are attached to: made on demand, shared by all of them,
 * given addresses. What a failing call has changed of it is taken back.
 */
#pragma once

#include "skel/call.h"

struct bridge_options {
	const char *name;
	uint32_t mtu;        /* of a new bridge, 0 = kernel's default */
	bool vlan_filtering; /* of a new bridge */
	bool promisc;        /* of any; never cleared */
	bool force_address;  /* replace a conflicting address instead of failing */
};

/* An address of an interface on the host that this call has added or removed. */
struct bridge_address {
	int index;
	struct ip ip;
	const struct addr *removed; /* NULL = it was added */
};

/* The bridge in this call, and what the call has changed of what is shared. In the arena. */
struct bridge {
	struct link link;
	const struct bridge_options *options;
	bool created;
	const char *vlan_port; /* port of a VLAN interface that the call has made; NULL = none */
	struct bridge_address *address;
	size_t n_address;
};

/*
 * With the host lock held, together with the container's joining: find or make the bridge and bring
 * it up. If the call fails, a bridge or address it made is taken away again, unless another
 * container uses the bridge by then.
 */
int bridge_ensure(struct cni_call *c, const struct bridge_options *options,
		  struct bridge **out) NODISCARD;

/* After a port has joined: a bridge whose MAC has not been set takes its ports' lowest. */
int bridge_refresh(struct cni_call *c, struct bridge *br, const struct link *port) NODISCARD;

/*
 * Give `link` (the bridge, or its VLAN interface) a gateway address. There already: success.
 * Another IPv4 address or an overlapping IPv6 one: replaced with force_address, else an error.
 */
int bridge_add_address(struct cni_call *c, struct bridge *br, const struct link *link,
		       const struct ip *address) NODISCARD;

/* CHECK: the bridge of prevResult is as it was made. */
int bridge_verify(struct cni_call *c, const struct bridge_options *options,
		  struct link *br) NODISCARD;
