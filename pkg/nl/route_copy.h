/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_copy.h - routes that leave a table, or an interface, and come back: as the kernel has told
 * of them (a list of whole routes, nl/route.h), with every attribute. Of a multipath route the next
 * hops via one interface go, the others stay.
 */
#pragma once

#include "nl/route.h"

/* Has it a next hop via the interface? */
bool nl_route_is_via(const struct route *r, int oif);

/* The gateway of its first next hop via the interface; .family AF_UNSPEC: none. */
struct ip nl_route_gateway(const struct route *r, int oif);

/* Those with a gateway behind those without: it must be reachable when its route is made. */
void nl_route_sort(struct route_list *list, int oif);

/*
 * Queue. Its next hops via the interface into a table, behind routes of equal metric; EEXIST if it
 * is there.
 */
void nl_route_copy(struct nl *nl, const struct route *r, int oif, uint32_t table);

/*
 * Queue, and commit each by itself. Out of where it is, and back again as it was, a route of a next
 * hop object by next hops of its own. An IPv4 route that others share must be there: if it is gone,
 * theirs might be taken for it.
 */
void nl_route_detach(struct nl *nl, const struct route *r, int oif);
void nl_route_attach(struct nl *nl, const struct route *r, int oif);

/* nl_commit(), no failure if it is so already: others change routes, too. */
int nl_route_commit(struct nl *nl) NODISCARD;
