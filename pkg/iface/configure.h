/* SPDX-License-Identifier: Apache-2.0 */
/* configure.h - the container's interface gets what the result says: addresses, up, routes. */
#pragma once

#include "iface/sysctl_list.h"
#include "nl/route.h"
#include "skel/call.h"

/* How the container's kernel should treat the interface. */
struct configure_options {
	bool dad;                    /* IPv6 duplicate address detection, waited for */
	bool arp_notify;             /* announce an IPv4 address when the link comes up */
	bool ndisc_notify;           /* the same for IPv6 */
	bool slaac;                  /* it may configure itself by router advertisements */
	bool in_place;               /* what it has of the result already is no error */
	struct sysctl_list *sysctls; /* set before the link is up */
	const struct route *routes;  /* before those of the result */
	size_t n_routes;
};

/* A link-scope route has no next hop: the destination is on the link. */
bool configure_is_on_link(const struct cni_route *r);

/* A result's route as the kernel's over that interface; without a gateway it has none. */
struct route configure_route(const struct cni_route *r, int oif);

/* The next hop of a result's route; its family is AF_UNSPEC if the route is on the link. */
struct ip configure_gateway(const struct cni_result *r, const struct cni_route *route);

/*
 * Give `inside` the result's addresses, bring it up, add the result's routes (without a gateway of
 * their own they use the first of their family). `index` is its place in result.interfaces.
 */
int configure_iface(struct cni_call *c, const struct link *inside, uint32_t index,
		    const struct configure_options *opt) NODISCARD;

/*
 * Before an IPAM plugin that asks the network: the interface as configure_iface() would make it,
 * but for what a result says. For others nothing is done.
 */
int configure_for_ipam(struct cni_call *c, const struct link *inside,
		       const struct configure_options *opt) NODISCARD;

/* One that gets no address: its sysctls, then up, unless it is to stay down. */
int configure_up(struct cni_call *c, const struct link *inside, struct sysctl_list *sysctls,
		 bool up) NODISCARD;

/* The sysctl of an interface, net/ipv6/conf/DEV/KEY. */
const char *configure_ipv6_path(struct cni_call *c, const char *dev, const char *key);

/* The configuration's dns, if it has any key of it, wins over IPAM's. */
void configure_dns(struct cni_call *c);
