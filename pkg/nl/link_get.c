/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link_get.h" /* first: the kernel's leave out what netinet/in.h has */

#include <linux/if_bridge.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

/* IFLA_INET6_CONF is an array of int, index as in uapi/ipv6.h. */
static void parse_ipv6(const struct nlattr *ipv6, struct link *l)
{
	const struct nlattr *conf = nl_attrs_of(ipv6).of[IFLA_INET6_CONF];
	size_t at = DEVCONF_ACCEPT_RA * sizeof(l->accept_ra);

	l->ipv6 = ipv6 != NULL;
	l->accept_ra = 1;
	if (conf && mnl_attr_get_payload_len(conf) >= at + sizeof(l->accept_ra))
		memcpy(&l->accept_ra, (const char *)mnl_attr_get_payload(conf) + at,
		       sizeof(l->accept_ra));
}

static void parse_info(const struct nlattr *info, struct link *l)
{
	struct nl_attrs a = nl_attrs_of(info), data = nl_attrs_of(a.of[IFLA_INFO_DATA]),
			port = nl_attrs_of(a.of[IFLA_INFO_SLAVE_DATA]);

	nl_attr_str(a.of[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	if (!strcmp(l->kind, "bridge")) {
		nl_attr_u8(data.of[IFLA_BR_VLAN_FILTERING], &l->vlan_filtering);
		nl_attr_u16(data.of[IFLA_BR_VLAN_DEFAULT_PVID], &l->default_pvid);
	}
	nl_attr_u8(port.of[IFLA_BRPORT_MODE], &l->hairpin);
	nl_attr_u8(port.of[IFLA_BRPORT_ISOLATED], &l->isolated);
}

int nl_link_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct link *l = data;
	struct nl_attrs a;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(*ifi));
	l->index = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	nl_attr_str(a.of[IFLA_IFNAME], l->name, sizeof(l->name));
	nl_attr_u32(a.of[IFLA_MTU], &l->mtu);
	nl_attr_u32(a.of[IFLA_PROMISCUITY], &l->promiscuity);
	nl_attr_int(a.of[IFLA_MASTER], &l->master);
	nl_attr_int(a.of[IFLA_LINK], &l->peer);
	nl_attr_u8(a.of[IFLA_OPERSTATE], &l->operstate);
	if (a.of[IFLA_ADDRESS] && mnl_attr_get_payload_len(a.of[IFLA_ADDRESS]) == MAC_LEN)
		memcpy(l->mac, mnl_attr_get_payload(a.of[IFLA_ADDRESS]), MAC_LEN);
	parse_ipv6(nl_attrs_of(a.of[IFLA_AF_SPEC]).of[AF_INET6], l);
	parse_info(a.of[IFLA_LINKINFO], l);
	return MNL_CB_OK;
}

/*
 * IPv6's counters are summed over all CPUs, link by link: leave them out. The link's own come all
 * the same.
 */
static void without_ipv6_counters(struct nl *nl)
{
	nl_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int nl_link_find(struct nl *nl, const char *name, int index, bool may_be_gone, struct link *out)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	*out = (struct link){ 0 };
	nl_msg(nl, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link");
	without_ipv6_counters(nl);
	if (name)
		nl_str(nl, IFLA_IFNAME, name);
	if (nl_query_allow(nl, may_be_gone ? ENODEV : 0, nl_link_parse, out) < 0)
		return name ? err_wrap(nl->err, "%s", name) : err_wrap(nl->err, "link %d", index);
	return 0;
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
