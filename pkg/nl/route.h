/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - routes. See rtnetlink(7), ip-route(8). */
#pragma once

#include "base/arena.h"
#include "net/ip.h"
#include "nl/io.h"

struct route {
	/* dst.family picks the family, plen 0 is a default route; gw and src are optional */
	struct ip dst, gw, src;
	int oif;
	uint32_t table;       /* 0 = main */
	uint32_t priority;    /* the metric; 0 = none said */
	uint32_t mtu, advmss; /* 0 = none said */
	uint8_t scope;        /* RT_SCOPE_* */
	uint8_t type;         /* RTN_*, 0 = unicast */
	uint8_t protocol;     /* RTPROT_*, found; of one to delete, 0 = whichever */
	uint8_t flags;        /* RTNH_F_ONLINK, as given or found */
	bool multipath;       /* found: one next hop of several */
	bool expires;         /* found: it goes by itself unless it is learnt again */
	/* found, in a list of whole routes: all that the kernel said, in the list's arena */
	const struct nlmsghdr *msg;
};

struct route_list {
	struct route *route; /* a multipath route is one entry per next hop */
	size_t n_route;
	struct arena *arena;
	/* set by the caller: routes of all types, a multipath route as one, its oif 0, no gw */
	bool whole;
};

/* ip route add; with `flags` NLM_F_EXCL an equal one is EEXIST. */
void nl_route_add(struct nl *nl, const struct route *r, uint16_t flags);
/* The same over several next hops, n > 0: of all but the first only gw and oif count. */
void nl_route_add_hops(struct nl *nl, const struct route *hops, size_t n, uint16_t flags);
void nl_route_del(struct nl *nl, const struct route *r);

/* The interface that leads to an address, 0 if none does. */
int nl_route_oif(struct nl *nl, const struct ip *to, int *oif) NODISCARD;

/* Does the namespace take what comes for the address, by a route of type local? */
int nl_route_is_local(struct nl *nl, const struct ip *to, bool *is_local) NODISCARD;

/*
 * All unicast routes (out->whole: all) of a family (AF_UNSPEC: of all), all tables; out->arena must
 * be set.
 */
int nl_route_list(struct nl *nl, sa_family_t family, struct route_list *out) NODISCARD;

/*
 * The next hop behind `hop` in RTA_MULTIPATH, with NULL the first; NULL: there is none, or its
 * length is not true. struct rtnexthop, rtnetlink(7): its length counts itself and its attributes.
 */
struct rtnexthop;
const struct rtnexthop *nl_route_hop(const struct nlattr *multipath, const struct rtnexthop *hop);
