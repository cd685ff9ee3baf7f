/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - network interfaces: create, change, delete, look up. See rtnetlink(7), uapi/if_link.h.
 */
#pragma once

#include <net/if.h>

#include "base/arena.h"
#include "net/mac.h"
#include "nl/io.h"

/* RFC 2863; uapi/if.h, which collides with net/if.h, numbers them so. */
enum { LINK_LOWER_DOWN = 3, LINK_DORMANT = 5, LINK_UP };

struct link {
	int index;  /* 0 = there is none */
	int master; /* ifindex of the bridge it is a port of, 0 if none */
	int peer;   /* IFLA_LINK: a veth's other end, a macvlan's parent: an index where that is */
	int peer_netnsid; /* of the peer's namespace, as nl_netnsid(); -1 = the same one */
	uint32_t mtu, txqlen, flags, promiscuity;
	uint8_t operstate;  /* LINK_UP, LINK_DORMANT, ... */
	uint32_t accept_ra; /* net.ipv6.conf.X.accept_ra; 1 also where the kernel does not tell */
	uint8_t vlan_filtering;    /* a bridge's: 0 or 1 */
	uint16_t default_pvid;     /* a bridge's: the VLAN each new port starts with, 0 = none */
	bool ipv6;                 /* has IPv6 settings: the kernel can do IPv6 */
	uint8_t hairpin, isolated; /* a bridge port's: 0 or 1 */
	uint32_t mode;             /* MACVLAN_MODE_*, IPVLAN_MODE_* */
	uint16_t mode_flags;       /* IPVLAN_F_* */
	uint16_t vlan_id, vlan_protocol; /* a vlan's; ETH_P_* */
	char name[IFNAMSIZ], kind[IFNAMSIZ];
	uint8_t mac[MAC_LEN];
};

struct veth_req {
	const char *name, *peer;       /* ours here, the peer's in peer_netns */
	int peer_netns;                /* descriptor */
	uint32_t mtu;                  /* both ends; 0 = kernel's default */
	const uint8_t *mac, *peer_mac; /* NULL = kernel's choice */
	int master;                    /* bridge to join, 0 = none */
	bool dormant;                  /* the port forwards nothing until nl_port_activate() */
};

/*
 * Queue. The veth's own end comes up with it; the peer cannot be UP yet (ENOTCONN). Since Linux 6.2
 * the answer to nl_query() holds the new link, so that there is no need to look it up.
 */
void nl_veth_add(struct nl *nl, const struct veth_req *v);
void nl_bridge_add(struct nl *nl, const char *name, const uint8_t mac[MAC_LEN], uint32_t mtu,
		   bool vlan_filtering); /* mtu 0 = kernel's default */
void nl_link_flags(struct nl *nl, int index, uint32_t flags, uint32_t mask); /* IFF_UP, ... */
#define nl_link_up(nl, index) nl_link_flags((nl), (index), IFF_UP, IFF_UP)
void nl_link_arp_notify(struct nl *nl, int index); /* net.ipv4.conf.X.arp_notify = 1 */
void nl_link_no_addrgen(struct nl *nl, int index); /* no IPv6 link-local address; needs link.ipv6 */
void nl_link_mac(struct nl *nl, int index, const uint8_t mac[MAC_LEN]);
void nl_link_mtu(struct nl *nl, int index, uint32_t mtu);
void nl_link_txqlen(struct nl *nl, int index, uint32_t packets);
void nl_link_rename(struct nl *nl, int index, const char *name); /* takes it down */
/*
 * Behind a commit that has failed: has the kernel, or a driver, refused what was asked for, as it
 * would each time? What goes back to how it was does without. It is none if the device is gone, or
 * what the kernel has done is not known.
 */
bool nl_link_is_refusal(const struct nl *nl);
/*
 * Into a bridge or a VRF, 0 = out of it. For a VRF what is up goes down and comes up again: its
 * routes go, and addresses of IPv6.
 */
void nl_link_master(struct nl *nl, int index, int master);
/* Let a port that was dormant forward; its peer must be up. */
void nl_port_activate(struct nl *nl, int index);
/* Into another namespace, down, under that name: not if the name is taken there. */
void nl_link_move(struct nl *nl, int index, int netns_fd, const char *name);
/* The MAC address that the physical function gives one of its virtual functions. */
void nl_vf_mac(struct nl *nl, int pf, unsigned int vf, const uint8_t mac[MAC_LEN]);
void nl_link_del(struct nl *nl, int index);
void nl_link_del_name(struct nl *nl, const char *name);

/* Bridge port flags (IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED). */
void nl_port_flags(struct nl *nl, int index, bool hairpin, bool isolated);

/* Look one up. A missing one is ENODEV, or with _allow a success with out->index 0. */
#define nl_link_get(nl, name, out)              nl_link_find((nl), (name), 0, false, (out))
#define nl_link_get_allow(nl, name, out)        nl_link_find((nl), (name), 0, true, (out))
#define nl_link_get_index(nl, index, out)       nl_link_find((nl), NULL, (index), false, (out))
#define nl_link_get_index_allow(nl, index, out) nl_link_find((nl), NULL, (index), true, (out))
int nl_link_find(struct nl *nl, const char *name, int index, bool may_be_gone,
		 struct link *out) NODISCARD;

/* All of the namespace; out->arena must be set. */
struct link_list {
	struct link *link;
	size_t n_link;
	struct arena *arena;
};
int nl_link_list(struct nl *nl, struct link_list *out) NODISCARD;

/* The id that the socket's namespace has for that of a descriptor; -1 if it has none. */
int nl_netnsid(struct nl *nl, int netns_fd, int *id) NODISCARD;

/* Callback for nl_query() and nl_wait(): fill the struct link from an RTM_NEWLINK message. */
int nl_link_parse(const struct nlmsghdr *nlh, void *data);

/* How many ports a bridge has. */
int nl_bridge_ports(struct nl *nl, int bridge, unsigned int *n) NODISCARD;
