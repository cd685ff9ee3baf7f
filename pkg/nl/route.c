/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/route.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

static void put_hops(struct nl *nl, const struct route *hops, size_t n)
{
	nl_nest(nl, RTA_MULTIPATH)
		for (size_t i = 0; i < n; i++) {
			const struct ip *gw = &hops[i].gw;
			struct rtnexthop hop = { .rtnh_ifindex = hops[i].oif };
			size_t len = sizeof(hop) + (gw->family ? RTA_LENGTH(ip_len(gw)) : 0);

			hop.rtnh_len = (uint16_t)len;
			nl_header(nl, &hop, sizeof(hop));
			if (gw->family)
				nl_ip(nl, RTA_GATEWAY, gw);
		}
}

static void put_hop(struct nl *nl, const struct route *r)
{
	if (r->gw.family)
		nl_ip(nl, RTA_GATEWAY, &r->gw);
	nl_u32(nl, RTA_OIF, (uint32_t)r->oif);
}

/* Tables above 255 go into the attribute only. */
static void route_msg(struct nl *nl, uint16_t type, uint16_t flags, const struct route *r,
		      size_t n_hops, const char *label)
{
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;
	struct rtmsg rtm = {
		.rtm_family = (uint8_t)r->dst.family,
		.rtm_dst_len = r->dst.plen,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
		.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_BOOT : r->protocol,
		.rtm_scope = r->scope,
		.rtm_type = r->type ? r->type : RTN_UNICAST,
		.rtm_flags = r->flags & RTNH_F_ONLINK,
	};

	nl_msg(nl, type, flags, &rtm, sizeof(rtm), label);
	if (table > 255)
		nl_u32(nl, RTA_TABLE, table);
	if (r->dst.plen)
		nl_ip(nl, RTA_DST, &r->dst);
	if (r->src.family)
		nl_ip(nl, RTA_PREFSRC, &r->src);
	if (r->priority)
		nl_u32(nl, RTA_PRIORITY, r->priority);
	if (n_hops > 1)
		put_hops(nl, r, n_hops);
	else
		put_hop(nl, r);
	if (r->mtu || r->advmss)
		nl_nest(nl, RTA_METRICS) {
			if (r->mtu)
				nl_u32(nl, RTAX_MTU, r->mtu);
			if (r->advmss)
				nl_u32(nl, RTAX_ADVMSS, r->advmss);
		}
}

void nl_route_add(struct nl *nl, const struct route *r, uint16_t flags)
{
	nl_route_add_hops(nl, r, 1, flags);
}

void nl_route_add_hops(struct nl *nl, const struct route *hops, size_t n, uint16_t flags)
{
	route_msg(nl, RTM_NEWROUTE, NLM_F_CREATE | flags, hops, n, "add route");
}

void nl_route_del(struct nl *nl, const struct route *r)
{
	route_msg(nl, RTM_DELROUTE, 0, r, 1, "remove route");
}

static void append(struct route_list *list, const struct route *r)
{
	*arena_append(list->arena, list->route, list->n_route) = *r;
}

const struct rtnexthop *nl_route_hop(const struct nlattr *multipath, const struct rtnexthop *hop)
{
	const char *begin = mnl_attr_get_payload(multipath), *at = begin;
	size_t left = mnl_attr_get_payload_len(multipath);

	if (hop)
		at = (const char *)hop + MNL_ALIGN((size_t)hop->rtnh_len);
	if ((size_t)(at - begin) >= left)
		return NULL;
	left -= (size_t)(at - begin);
	hop = (const void *)at;
	if (left < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
		return NULL;
	return hop;
}

static void parse_multipath(const struct nlattr *hops, struct route *r, struct route_list *list)
{
	r->multipath = true;
	for (const struct rtnexthop *hop = NULL; (hop = nl_route_hop(hops, hop));) {
		struct nl_attrs a = nl_attrs_of_bytes(hop + 1, hop->rtnh_len - sizeof(*hop));

		r->oif = hop->rtnh_ifindex;
		r->flags = hop->rtnh_flags & RTNH_F_ONLINK;
		r->gw = (struct ip){ 0 };
		nl_attr_ip(a.of[RTA_GATEWAY], (uint8_t)r->dst.family, 0, &r->gw);
		append(list, r);
	}
}

static void parse_attrs(const struct rtmsg *rtm, const struct nl_attrs *a, struct route *r)
{
	struct nl_attrs metrics = nl_attrs_of(a->of[RTA_METRICS]);
	struct rta_cacheinfo cache = { 0 };
	uint8_t family = rtm->rtm_family;

	nl_attr_bytes(a->of[RTA_CACHEINFO], &cache, sizeof(cache));
	r->expires = cache.rta_expires;
	nl_attr_ip(a->of[RTA_DST], family, rtm->rtm_dst_len, &r->dst);
	nl_attr_ip(a->of[RTA_GATEWAY], family, 0, &r->gw);
	nl_attr_ip(a->of[RTA_PREFSRC], family, 0, &r->src);
	nl_attr_u32(a->of[RTA_TABLE], &r->table);
	nl_attr_u32(a->of[RTA_PRIORITY], &r->priority);
	nl_attr_int(a->of[RTA_OIF], &r->oif);
	nl_attr_u32(metrics.of[RTAX_MTU], &r->mtu);
	nl_attr_u32(metrics.of[RTAX_ADVMSS], &r->advmss);
}

static int route_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route_list *list = data;
	struct route r = { 0 };
	struct nl_attrs a;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_type != RTN_UNICAST && !list->whole) || rtm->rtm_flags & RTM_F_CLONED ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)) /* MPLS has some */
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(*rtm));
	r.dst.family = rtm->rtm_family;
	r.scope = rtm->rtm_scope;
	r.table = rtm->rtm_table;
	r.type = rtm->rtm_type;
	r.protocol = rtm->rtm_protocol;
	r.flags = rtm->rtm_flags & RTNH_F_ONLINK;
	parse_attrs(rtm, &a, &r);
	if (list->whole)
		r.msg = memcpy(arena_alloc(list->arena, nlh->nlmsg_len), nlh, nlh->nlmsg_len);
	if (a.of[RTA_MULTIPATH] && !list->whole)
		parse_multipath(a.of[RTA_MULTIPATH], &r, list);
	else
		append(list, &r);
	return MNL_CB_OK;
}

static void reset(void *data)
{
	((struct route_list *)data)->n_route = 0;
}

int nl_route_list(struct nl *nl, sa_family_t family, struct route_list *out)
{
	struct rtmsg rtm = { .rtm_family = (uint8_t)family };

	out->route = NULL;
	nl_msg(nl, RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(rtm), "list routes");
	return nl_dump(nl, route_parse, reset, out);
}

static int take_oif(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		nl_attr_int(nl_attrs_of_msg(nlh, sizeof(struct rtmsg)).of[RTA_OIF], data);
	return MNL_CB_OK;
}

static int take_type(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct rtmsg))
		*(uint8_t *)data = ((const struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_type;
	return MNL_CB_OK;
}

/* Unreachable by a route that says so, or for want of one. */
static bool is_no_route(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL;
}

static int look_up(struct nl *nl, const struct ip *to, mnl_cb_t cb, void *data)
{
	struct rtmsg rtm = { .rtm_family = (uint8_t)to->family, .rtm_dst_len = ip_bits(to) };

	nl_msg(nl, RTM_GETROUTE, 0, &rtm, sizeof(rtm), "look up route");
	nl_ip(nl, RTA_DST, to);
	if (nl_query(nl, cb, data) == 0)
		return 0;
	if (!is_no_route(nl->err->sys))
		return -1;
	err_clear(nl->err);
	return 0;
}

int nl_route_oif(struct nl *nl, const struct ip *to, int *oif)
{
	*oif = 0;
	return look_up(nl, to, take_oif, oif);
}

int nl_route_is_local(struct nl *nl, const struct ip *to, bool *is_local)
{
	uint8_t type = RTN_UNSPEC;
	int rc = look_up(nl, to, take_type, &type);

	*is_local = type == RTN_LOCAL;
	return rc;
}
