/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iface.h - what every interface plugin does with the container's end: veth pair, addresses, routes,
 * removal. Steps a plugin is made of; each reports to c->err and registers its undo.
 */
#ifndef CNIC_IFACE_IFACE_H
#define CNIC_IFACE_IFACE_H

#include "skel/call.h"
#include "nl/route.h"

struct veth_options {
	int master;         /* bridge to join on the host, 0 = none */
	bool held;          /* a port that forwards nothing until nl_port_activate() */
	bool port;          /* of a switch that is not the kernel's bridge */
	uint32_t mtu;       /* both ends, 0 = kernel's default */
	const uint8_t *mac; /* the container's end, NULL = a random one */
};

/* A name nobody is likely to have: "veth" and 8 hex digits, as the reference makes them. */
int iface_random_name(struct cni_call *c, const char **name) NODISCARD;

/* A host-side interface takes no router advertisements: a container must not configure the host. */
void iface_refuse_ra(struct cni_call *c, const struct link *link);

/* Undo: delete the host-side link of that name; a veth end takes its peer along. */
void iface_undo_host_link(struct cni_call *c, const void *name);

/*
 * A veth pair in one request: the host end, named veth and 8 hex digits, UP; the container's end named
 * CNI_IFNAME and still down. Both are looked up into *host and *inside.
 */
int veth_add(struct cni_call *c, const struct veth_options *v, struct link *host,
		 struct link *inside) NODISCARD;

/* The first of the ways that says something says which MAC address; NULL if none does. */
struct iface_mac_source {
	const char *where, *mac;
};

int iface_choose_mac(struct cni_call *c, const struct iface_mac_source *ways, size_t n,
		   const uint8_t **mac) NODISCARD;

/* How the container's kernel should treat the interface. */
struct iface_options {
	bool dad;                   /* IPv6 duplicate address detection, waited for */
	bool arp_notify;            /* announce an IPv4 address when the link comes up */
	bool ndisc_notify;          /* the same for IPv6 */
	const struct route *routes; /* before those of the result */
	size_t n_routes;
};

/*
 * The MAC address that goes with the first IP address of the result (net/ipmac.h), where nobody has asked for
 * one: an IP address that is used again has the one that neighbours remember. Into *inside, and queued for
 * the commit of iface_configure().
 */
void iface_mac_from_ip(struct cni_call *c, struct link *inside);

/*
 * Have the kernel of the container tell its addresses to the neighbours again, where arp_notify and
 * ndisc_notify are on: the link has only now been connected to them.
 */
void iface_announce_garp(struct cni_call *c, const struct link *inside);

/*
 * The same without RTNL, which the kernel holds while all the ports of a bridge get what it says: each IPv6
 * address is advertised; the IPv4 one is told to all in asking for its gateway, which some may not believe
 * (sys/neigh.h). False, and nothing done: there is no such gateway, or more than one IPv4 address.
 */
void iface_announce_na(struct cni_call *c, const struct link *inside);
bool iface_announce_arp(struct cni_call *c, const struct link *inside);

/* A link-scope route has no next hop: the destination is on the link. */
bool configure_is_on_link(const struct cni_route *r);

/*
 * Give `inside` the result's addresses, bring it up, add the result's routes (without a gateway of
 * their own they use the first of their family). `index` is its place in result.interfaces.
 */
int iface_configure(struct cni_call *c, const struct link *inside, uint32_t index,
			const struct iface_options *opt) NODISCARD;

/*
 * DEL: remove the veth called CNI_IFNAME from the container; success if the namespace or the link is
 * gone or the name belongs to something that is no veth. Returns when both ends are unlisted.
 */
int veth_del(struct cni_call *c) NODISCARD;

/* The configuration's dns, if it has any key of it, wins over IPAM's. */
void iface_override_dns(struct cni_call *c);

#endif
