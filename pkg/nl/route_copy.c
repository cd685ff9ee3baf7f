/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/route_copy.h"

#include <linux/rtnetlink.h>

#include "nl/nl.h"

/* Which next hops of a multipath route. */
enum hops { HOPS_VIA, HOPS_OTHERS, HOPS_ALL };

static struct nl_attrs attrs_of(const struct route *r)
{
	return nl_attrs_of_msg(r->msg, sizeof(struct rtmsg));
}

static bool is_taken(const struct rtnexthop *hop, int oif, enum hops which)
{
	return which == HOPS_ALL || (hop->rtnh_ifindex == oif) == (which == HOPS_VIA);
}

static const struct rtnexthop *next_hop(const struct nlattr *multipath, const struct rtnexthop *hop,
					int oif, enum hops which)
{
	do
		hop = nl_route_hop(multipath, hop);
	while (hop && !is_taken(hop, oif, which));
	return hop;
}

static bool has_hop(const struct route *r, int oif, enum hops which)
{
	const struct nlattr *multipath = attrs_of(r).of[RTA_MULTIPATH];

	return multipath && next_hop(multipath, NULL, oif, which);
}

bool nl_route_is_via(const struct route *r, int oif)
{
	return r->oif == oif || has_hop(r, oif, HOPS_VIA);
}

struct ip nl_route_gateway(const struct route *r, int oif)
{
	const struct nlattr *multipath = attrs_of(r).of[RTA_MULTIPATH];
	const struct rtnexthop *hop = multipath ? next_hop(multipath, NULL, oif, HOPS_VIA) : NULL;
	struct ip gw = r->gw;

	if (hop)
		nl_attr_ip(nl_attrs_of_bytes(hop + 1, hop->rtnh_len - sizeof(*hop)).of[RTA_GATEWAY],
			   (uint8_t)r->dst.family, 0, &gw);
	return gw;
}

void nl_route_sort(struct route_list *list, int oif)
{
	struct route *sorted = arena_array(list->arena, struct route, list->n_route);
	size_t n = 0;

	for (int with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; i < list->n_route; i++)
			if ((nl_route_gateway(&list->route[i], oif).family != 0) == with_gateway)
				sorted[n++] = list->route[i];
	list->route = sorted;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* What the kernel tells of a route and does not take, or what is written by itself. */
static bool is_left_out(uint16_t type)
{
	switch (type) {
	case RTA_TABLE:
	case RTA_MULTIPATH:
	case RTA_NH_ID: /* instead of next hops, which are told beside it */
	case RTA_CACHEINFO:
	case RTA_IIF:
	case RTA_MARK:
	case RTA_MFC_STATS:
	case RTA_UID:
		return true;
	default:
		return false;
	}
}

static int put_attr(const struct nlattr *attr, void *data)
{
	if (!is_left_out(mnl_attr_get_type(attr)))
		nl_put(data, attr->nla_type, mnl_attr_get_payload(attr),
		       mnl_attr_get_payload_len(attr));
	return MNL_CB_OK;
}

/* RTNH_F_DEAD and RTNH_F_LINKDOWN are states; to ask for them is EINVAL. */
static void put_hops(struct nl *nl, const struct nlattr *multipath, int oif, enum hops which)
{
	const struct rtnexthop *hop = NULL;

	nl_nest(nl, RTA_MULTIPATH) {
		while ((hop = next_hop(multipath, hop, oif, which))) {
			struct rtnexthop out = *hop;

			out.rtnh_flags &= RTNH_F_ONLINK;
			nl_header(nl, &out, sizeof(out));
			nl_header(nl, hop + 1, hop->rtnh_len - sizeof(*hop));
		}
	}
}

static void begin(struct nl *nl, uint16_t type, uint16_t flags, const struct route *r,
		  uint32_t table, const char *label)
{
	struct rtmsg rtm = *(const struct rtmsg *)mnl_nlmsg_get_payload(r->msg);

	rtm.rtm_flags &= RTNH_F_ONLINK;
	rtm.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	nl_msg(nl, type, flags, &rtm, sizeof(rtm), label);
	nl_u32(nl, RTA_TABLE, table);
}

static void put(struct nl *nl, const struct route *r, int oif, enum hops which, uint32_t table,
		const char *label)
{
	const struct nlattr *multipath = attrs_of(r).of[RTA_MULTIPATH];

	begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, r, table, label);
	(void)mnl_attr_parse(r->msg, sizeof(struct rtmsg), put_attr, nl);
	if (multipath)
		put_hops(nl, multipath, oif, which);
}

/* A route with a next hop object is found by that alone. */
static void drop(struct nl *nl, const struct route *r, int oif, enum hops which)
{
	struct nl_attrs a = attrs_of(r);
	const struct nlattr *id = a.of[RTA_NH_ID];

	begin(nl, RTM_DELROUTE, 0, r, r->table, "remove route");
	if (id) {
		if (r->dst.plen)
			nl_ip(nl, RTA_DST, &r->dst);
		if (r->priority)
			nl_u32(nl, RTA_PRIORITY, r->priority);
		nl_put(nl, RTA_NH_ID, mnl_attr_get_payload(id), mnl_attr_get_payload_len(id));
		return;
	}
	(void)mnl_attr_parse(r->msg, sizeof(struct rtmsg), put_attr, nl);
	if (a.of[RTA_MULTIPATH])
		put_hops(nl, a.of[RTA_MULTIPATH], oif, which);
}

void nl_route_copy(struct nl *nl, const struct route *r, int oif, uint32_t table)
{
	put(nl, r, oif, HOPS_VIA, table, "copy route");
}

/* Next hops of an IPv6 route come and go one by one, those of an IPv4 route are one object. */
static bool is_shared(const struct route *r, int oif)
{
	return has_hop(r, oif, HOPS_OTHERS) &&
	       (r->dst.family == AF_INET || attrs_of(r).of[RTA_NH_ID]);
}

void nl_route_detach(struct nl *nl, const struct route *r, int oif)
{
	bool shared = is_shared(r, oif);

	if (shared)
		put(nl, r, oif, HOPS_OTHERS, r->table, "keep next hops of the others");
	drop(nl, r, oif, shared ? HOPS_ALL : HOPS_VIA);
}

void nl_route_attach(struct nl *nl, const struct route *r, int oif)
{
	bool shared = is_shared(r, oif);

	put(nl, r, oif, shared ? HOPS_ALL : HOPS_VIA, r->table, "restore route");
	if (shared)
		drop(nl, r, oif, HOPS_OTHERS);
}

/* The kernel says EEXIST to what is added, ESRCH to what is removed, which comes last. */
int nl_route_commit(struct nl *nl)
{
	if (nl_commit_allow(nl, EEXIST) == 0)
		return 0;
	if (nl->ack_lost || nl->err->sys != ESRCH)
		return -1;
	err_clear(nl->err);
	return 0;
}
