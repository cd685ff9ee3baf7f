/* SPDX-License-Identifier: Apache-2.0 */
/* addr.h - addresses of an interface. See rtnetlink(7), uapi/if_addr.h. */
#pragma once

#include "base/arena.h"
#include "net/ip.h"
#include "nl/io.h"

#define NL_ADDR_FOR_EVER UINT32_MAX

struct addr {
	struct ip ip;               /* the local address with its prefix */
	bool has_peer;              /* the prefix is another address's */
	uint32_t flags;             /* IFA_F_TENTATIVE, IFA_F_DADFAILED, ... */
	uint32_t preferred;         /* for so many seconds; NL_ADDR_FOR_EVER */
	const struct nlmsghdr *msg; /* all that the kernel said of it, in the list's arena */
};

struct addr_list {
	struct addr *addr;
	size_t n_addr;
	int index;
	struct arena *arena;
};

/*
 * ip addr add IP/PLEN [broadcast +] dev X [nodad] [noprefixroute]; flags are IFA_F_*; fails with
 * EEXIST
 */
void nl_addr_add(struct nl *nl, int index, const struct ip *ip, uint32_t flags);
void nl_addr_del(struct nl *nl, int index, const struct ip *ip);

/*
 * Make an address of a list again as it was: label, broadcast, scope, lifetimes; without duplicate
 * address detection, unless it was tentative. Fails with EEXIST.
 */
void nl_addr_restore(struct nl *nl, const struct addr *addr);

/*
 * How long an IPv6 address of a list is preferred, in seconds; 0: it is deprecated. It is valid
 * without end, and else as it was.
 */
void nl_addr_set_preferred(struct nl *nl, const struct addr *addr, uint32_t seconds);

/*
 * The addresses of one interface of a family, AF_UNSPEC for IPv4 then IPv6; out->arena must be set.
 */
int nl_addr_list(struct nl *nl, int index, sa_family_t family, struct addr_list *out) NODISCARD;

/*
 * Wait until no IPv6 address of the interface is tentative; one that failed duplicate address
 * detection (RFC 4862, 5.4) is an error. netns_fd is the namespace nl belongs to.
 */
int nl_addr_wait_dad(struct nl *nl, int netns_fd, int index, int timeout_ms) NODISCARD;

/*
 * Wait until the interface has an IPv6 link-local address that may be used: duplicate address
 * detection has ended.
 */
int nl_addr_wait_link_local(struct nl *nl, int netns_fd, int index, int timeout_ms) NODISCARD;

/* Did the kernel make it of a router's advertisement, to stay as long as that says? */
bool nl_addr_is_autoconf(const struct addr *a);

/*
 * Wait until such addresses are there, and may be used; out->index and out->arena must be set, it
 * gets all the IPv6 addresses of the interface. 1: not in time.
 */
int nl_addr_wait_autoconf(struct nl *nl, int netns_fd, int timeout_ms,
			  struct addr_list *out) NODISCARD;

/*
 * Wait until the kernel takes what comes for an IPv6 address that has been added: a worker makes
 * its route of type local, also without duplicate address detection. What takes longer than ten
 * seconds comes later. netns_fd is the namespace nl belongs to, -1: this process's. IPv4: nothing
 * to wait for.
 */
int nl_addr_wait_local(struct nl *nl, int netns_fd, const struct ip *ip) NODISCARD;
