/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/route.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

/* Tables above 255 go into the attribute only. */
static void route_msg(struct nl *nl, uint16_t type, uint16_t flags, const struct route *r,
		      const char *label)
{
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;
	struct rtmsg rtm = {
		.rtm_family = (uint8_t)r->dst.family,
		.rtm_dst_len = r->dst.plen,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
		.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_BOOT : r->protocol,
		.rtm_scope = r->scope,
		.rtm_type = r->type ? r->type : RTN_UNICAST,
	};

	nl_msg(nl, type, flags, &rtm, sizeof(rtm), label);
	if (table > 255)
		nl_u32(nl, RTA_TABLE, table);
	if (r->dst.plen)
		nl_ip(nl, RTA_DST, &r->dst);
	if (r->gw.family)
		nl_ip(nl, RTA_GATEWAY, &r->gw);
	if (r->src.family)
		nl_ip(nl, RTA_PREFSRC, &r->src);
	if (r->priority)
		nl_u32(nl, RTA_PRIORITY, r->priority);
	nl_u32(nl, RTA_OIF, (uint32_t)r->oif);
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
	route_msg(nl, RTM_NEWROUTE, NLM_F_CREATE | flags, r, "add route");
}

void nl_route_del(struct nl *nl, const struct route *r)
{
	route_msg(nl, RTM_DELROUTE, 0, r, "remove route");
}

struct parsed {
	struct rtmsg rtm;
	struct route route;
	struct route_list *list;
	bool multipath;
};

static int metric_attr(const struct nlattr *attr, void *data)
{
	struct route *r = data;

	if (mnl_attr_get_type(attr) == RTAX_MTU)
		nl_attr_u32(attr, &r->mtu);
	if (mnl_attr_get_type(attr) == RTAX_ADVMSS)
		nl_attr_u32(attr, &r->advmss);
	return MNL_CB_OK;
}

static int hop_attr(const struct nlattr *attr, void *data)
{
	struct parsed *p = data;

	if (mnl_attr_get_type(attr) == RTA_GATEWAY)
		nl_attr_ip(attr, p->rtm.rtm_family, 0, &p->route.gw);
	return MNL_CB_OK;
}

/* struct rtnexthop, rtnetlink(7): its length counts itself and its attributes. */
static void multipath(const struct nlattr *attr, struct parsed *p)
{
	const char *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	p->multipath = true;
	while (left >= sizeof(struct rtnexthop)) {
		struct rtnexthop hop;

		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		p->route.oif = hop.rtnh_ifindex;
		p->route.gw = (struct ip){ 0 };
		(void)mnl_attr_parse_payload(at + sizeof(hop), hop.rtnh_len - sizeof(hop), hop_attr,
					     p);
		*arena_append(p->list->arena, p->list->route, p->list->n_route) = p->route;
		if (MNL_ALIGN((size_t)hop.rtnh_len) >= left)
			return;
		at += MNL_ALIGN((size_t)hop.rtnh_len);
		left -= MNL_ALIGN((size_t)hop.rtnh_len);
	}
}

static bool expires(const struct nlattr *attr)
{
	struct rta_cacheinfo info = { 0 };

	if (mnl_attr_get_payload_len(attr) >= sizeof(info))
		memcpy(&info, mnl_attr_get_payload(attr), sizeof(info));
	return info.rta_expires != 0;
}

static int route_attr(const struct nlattr *attr, void *data)
{
	struct parsed *p = data;
	struct route *r = &p->route;

	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		nl_attr_ip(attr, p->rtm.rtm_family, p->rtm.rtm_dst_len, &r->dst);
		break;
	case RTA_GATEWAY:
		nl_attr_ip(attr, p->rtm.rtm_family, 0, &r->gw);
		break;
	case RTA_TABLE:
		nl_attr_u32(attr, &r->table);
		break;
	case RTA_PRIORITY:
		nl_attr_u32(attr, &r->priority);
		break;
	case RTA_OIF:
		nl_attr_int(attr, &r->oif);
		break;
	case RTA_CACHEINFO:
		r->expires = expires(attr);
		break;
	case RTA_METRICS:
		(void)mnl_attr_parse_nested(attr, metric_attr, r);
		break;
	case RTA_MULTIPATH:
		multipath(attr, p);
		break;
	}
	return MNL_CB_OK;
}

static int route_parse(const struct nlmsghdr *nlh, void *data)
{
	struct parsed p = { .list = data };

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(p.rtm))
		return MNL_CB_OK;
	memcpy(&p.rtm, mnl_nlmsg_get_payload(nlh), sizeof(p.rtm));
	if (p.rtm.rtm_type != RTN_UNICAST || p.rtm.rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	p.route.dst.family = p.rtm.rtm_family;
	p.route.scope = p.rtm.rtm_scope;
	p.route.table = p.rtm.rtm_table;
	p.route.protocol = p.rtm.rtm_protocol;
	(void)mnl_attr_parse(nlh, sizeof(p.rtm), route_attr, &p);
	if (!p.multipath)
		*arena_append(p.list->arena, p.list->route, p.list->n_route) = p.route;
	return MNL_CB_OK;
}

static void drop_interrupted(void *data)
{
	struct route_list *list = data;

	list->n_route = list->n_whole;
}

int nl_route_list(struct nl *nl, sa_family_t family, struct route_list *out)
{
	out->route = NULL;
	out->n_route = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		struct rtmsg rtm = { .rtm_family = (uint8_t)ip_families[i] };

		if (family != AF_UNSPEC && family != ip_families[i])
			continue;
		out->n_whole = out->n_route;
		nl_msg(nl, RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(rtm), "list routes");
		if (nl_dump(nl, route_parse, drop_interrupted, out) < 0)
			return -1;
	}
	return 0;
}

static int oif_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == RTA_OIF)
		nl_attr_int(attr, data);
	return MNL_CB_OK;
}

static int take_oif(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		(void)mnl_attr_parse(nlh, sizeof(struct rtmsg), oif_attr, data);
	return MNL_CB_OK;
}

/* Unreachable by a route that says so, or for want of one. */
static bool is_no_route(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL;
}

int nl_route_oif(struct nl *nl, const struct ip *to, int *oif)
{
	struct rtmsg rtm = { .rtm_family = (uint8_t)to->family, .rtm_dst_len = ip_bits(to) };

	*oif = 0;
	nl_msg(nl, RTM_GETROUTE, 0, &rtm, sizeof(rtm), "look up route");
	nl_ip(nl, RTA_DST, to);
	if (nl_query(nl, take_oif, oif) == 0)
		return 0;
	if (!is_no_route(nl->err->sys))
		return -1;
	err_clear(nl->err);
	return 0;
}
