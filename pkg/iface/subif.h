/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subif.h - the container's interface as one on another, its master: macvlan, ipvlan, vlan; or on
 * none: dummy. Made in the container at once, configured, checked, removed, made anew. What only
 * one kind has is its plugin's. Must not be used for what has an end on the host.
 */
#pragma once

#include "iface/sysctl_list.h"
#include "nl/link_device.h"
#include "nl/link_kind.h"
#include "skel/call.h"

struct subif {
	struct link_req req; /* the kind, what only it has, mtu, mac; the rest is filled in here */
	const char *master;  /* "" = the interface of the default route */
	bool no_master;      /* the kind has none */
	bool in_container;   /* the master is */
	bool any_mtu;        /* one beyond the master's is the kernel's to judge */
	bool prev_master;    /* master "": in a chain, prevResult's interface */
	bool prev_ips;       /* in a chain without IPAM: prevResult's addresses and routes */
	bool slaac;          /* router advertisements, in spite of IPAM */
	uint32_t metric;     /* of IPAM's default routes that have none; 0 = the kernel's */
	struct sysctl_list sysctls;
};

/* Rows that every kind has, of a configuration whose first member is its `subif`. */
#define SUBIF_FIELDS(conf)                                                                      \
	F_UINT("mtu", conf, subif.req.mtu, .max = 65535), F_UINT("metric", conf, subif.metric), \
		F_MAP("sysctl", conf, subif.sysctls.keys)

/* Those of one on a master. */
#define SUBIF_MASTER_FIELDS(conf)                                         \
	F_STR("master", conf, subif.master, .max = LINK_ALTNAME_LEN - 1), \
		F_BOOL("linkInContainer", conf, subif.in_container),      \
		F_BOOL("slaac", conf, subif.slaac), SUBIF_FIELDS(conf)

/* The verbs of a plugin whose configuration begins with a struct subif. */

/* ERR_CONFIG: what is wrong with the keys above. */
int subif_validate(struct cni_call *c) NODISCARD;

/* For a kind that has no use for lack of IPAM, unless the configuration says so. */
int subif_need_ipam(struct cni_call *c, bool l2_only) NODISCARD;

/*
 * The interface, IPAM's addresses and routes, up, and its record. ERR_CONFIG names what is wrong
 * with the master or the MTU, ERR_IN_USE what holds the master.
 */
int subif_add(struct cni_call *c) NODISCARD;

/* Asks for no master; a link of another kind under that name stays. */
int subif_del(struct cni_call *c) NODISCARD;

/* All but what only the kind has; fills *inside. */
int subif_check(struct cni_call *c, struct link *inside) NODISCARD;

/* Make it again if it is gone, with its MAC, addresses, routes. */
int subif_repair(struct cni_call *c) NODISCARD;

int subif_gc(struct cni_call *c) NODISCARD;

/* The master is there. */
int subif_status(struct cni_call *c) NODISCARD;
