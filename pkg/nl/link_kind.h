/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_kind.h - interfaces of a kind, most of them on another one, their parent: macvlan, ipvlan,
 * vlan, dummy. See ip-link(8), uapi/if_link.h. Must not know who asks for them, nor why.
 */
#pragma once

#include "nl/link.h"

struct link_req {
	const char *kind, *name;
	int parent;             /* in the namespace of the socket; 0 = the kind has none */
	int netns;              /* descriptor of where it is made; -1 = where the socket is */
	uint32_t mtu;           /* 0 = the parent's, or the kernel's default */
	const uint8_t *mac;     /* NULL = the kernel's choice */
	uint32_t mode;          /* MACVLAN_MODE_*, IPVLAN_MODE_* */
	uint16_t mode_flags;    /* IPVLAN_F_*; 0 = bridge */
	uint16_t vlan_id;       /* of kind vlan */
	uint16_t vlan_protocol; /* ETH_P_8021Q, ETH_P_8021AD */
	uint32_t bc_queue_len;  /* macvlan's; 0 = the kernel's default */
};

/*
 * Queue: it is made, down, at once where it belongs. Linux before 6.15 answers EEXIST if the
 * namespace of the socket has the name, too.
 */
void nl_link_add(struct nl *nl, const struct link_req *l);
