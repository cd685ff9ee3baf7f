/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link_get.h" /* first: the kernel's leave out what netinet/in.h has */

#include <linux/if_bridge.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

static int info_data_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	if (strcmp(l->kind, "bridge") != 0)
		return MNL_CB_OK;
	if (mnl_attr_get_type(attr) == IFLA_BR_VLAN_FILTERING)
		nl_attr_u8(attr, &l->vlan_filtering);
	if (mnl_attr_get_type(attr) == IFLA_BR_VLAN_DEFAULT_PVID)
		nl_attr_u16(attr, &l->default_pvid);
	return MNL_CB_OK;
}

static int port_data_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	if (mnl_attr_get_type(attr) == IFLA_BRPORT_MODE)
		nl_attr_u8(attr, &l->hairpin);
	if (mnl_attr_get_type(attr) == IFLA_BRPORT_ISOLATED)
		nl_attr_u8(attr, &l->isolated);
	return MNL_CB_OK;
}

/* The kernel puts IFLA_INFO_KIND first, so the kind is known when its data comes. */
static int info_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_INFO_KIND:
		nl_attr_str(attr, l->kind, sizeof(l->kind));
		break;
	case IFLA_INFO_DATA:
		(void)mnl_attr_parse_nested(attr, info_data_attr, l);
		break;
	case IFLA_INFO_SLAVE_DATA:
		(void)mnl_attr_parse_nested(attr, port_data_attr, l);
		break;
	}
	return MNL_CB_OK;
}

/* IFLA_INET6_CONF is an array of int, index as in uapi/ipv6.h. */
static int inet6_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;
	const char *conf = mnl_attr_get_payload(attr);
	size_t at = DEVCONF_ACCEPT_RA * sizeof(l->accept_ra);

	if (mnl_attr_get_type(attr) == IFLA_INET6_CONF &&
	    mnl_attr_get_payload_len(attr) >= at + sizeof(l->accept_ra))
		memcpy(&l->accept_ra, conf + at, sizeof(l->accept_ra));
	return MNL_CB_OK;
}

static int family_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	if (mnl_attr_get_type(attr) != AF_INET6)
		return MNL_CB_OK;
	l->ipv6 = true;
	(void)mnl_attr_parse_nested(attr, inet6_attr, l);
	return MNL_CB_OK;
}

static int link_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		nl_attr_str(attr, l->name, sizeof(l->name));
		break;
	case IFLA_MTU:
		nl_attr_u32(attr, &l->mtu);
		break;
	case IFLA_PROMISCUITY:
		nl_attr_u32(attr, &l->promiscuity);
		break;
	case IFLA_MASTER:
		nl_attr_int(attr, &l->master);
		break;
	case IFLA_LINK:
		nl_attr_int(attr, &l->peer);
		break;
	case IFLA_OPERSTATE:
		nl_attr_u8(attr, &l->operstate);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == MAC_LEN)
			memcpy(l->mac, mnl_attr_get_payload(attr), MAC_LEN);
		break;
	case IFLA_AF_SPEC:
		(void)mnl_attr_parse_nested(attr, family_attr, l);
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attr, info_attr, l);
		break;
	}
	return MNL_CB_OK;
}

int nl_link_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct link *l = data;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return MNL_CB_OK;
	l->accept_ra = 1;
	l->index = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	return mnl_attr_parse(nlh, sizeof(*ifi), link_attr, l);
}

/*
 * IPv6's counters are summed over all CPUs, link by link: leave them out. The link's own come all
 * the same.
 */
static void without_ipv6_counters(struct nl *nl)
{
	nl_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static int get(struct nl *nl, int index, const char *name, struct link *out)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	*out = (struct link){ 0 };
	nl_msg(nl, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link");
	without_ipv6_counters(nl);
	if (name)
		nl_str(nl, IFLA_IFNAME, name);
	if (nl_query(nl, nl_link_parse, out) < 0)
		return name ? err_wrap(nl->err, "%s", name) : err_wrap(nl->err, "link %d", index);
	return 0;
}

static int ignore_enodev(struct nl *nl, int rc)
{
	if (rc < 0 && nl->err->sys == ENODEV) {
		err_clear(nl->err);
		return 0;
	}
	return rc;
}

int nl_link_get(struct nl *nl, const char *name, struct link *out)
{
	return get(nl, 0, name, out);
}

int nl_link_get_allow(struct nl *nl, const char *name, struct link *out)
{
	return ignore_enodev(nl, get(nl, 0, name, out));
}

int nl_link_get_index(struct nl *nl, int index, struct link *out)
{
	return get(nl, index, NULL, out);
}

int nl_link_get_index_allow(struct nl *nl, int index, struct link *out)
{
	return ignore_enodev(nl, get(nl, index, NULL, out));
}

struct port_count {
	int bridge;
	unsigned int n;
};

static int count_port(const struct nlmsghdr *nlh, void *data)
{
	struct port_count *p = data;
	struct link l = { 0 };

	(void)nl_link_parse(nlh, &l);
	p->n += l.index && l.master == p->bridge;
	return MNL_CB_OK;
}

static void reset_count(void *data)
{
	((struct port_count *)data)->n = 0;
}

int nl_bridge_ports(struct nl *nl, int bridge, unsigned int *n)
{
	struct port_count p = { .bridge = bridge };
	struct ifinfomsg ifi = { 0 };

	nl_msg(nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list bridge ports");
	without_ipv6_counters(nl);
	nl_u32(nl, IFLA_MASTER, (uint32_t)bridge);
	if (nl_dump(nl, count_port, reset_count, &p) < 0)
		return -1;
	*n = p.n;
	return 0;
}
