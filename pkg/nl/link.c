/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

#include "nl/nl.h"

/* ---- changing -------------------------------------------------------------------------------- */

/* uapi/if.h, which collides with net/if.h, numbers the link modes so. */
enum { MODE_DEFAULT, MODE_DORMANT };

static void link_msg(struct nl *nl, uint16_t type, int index, const char *label)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, type, 0, &ifi, sizeof(ifi), label);
}

/*
 * One queue each way, which is what both ends have in use by default. To be asked for it spares the
 * kernel a grace period per end, in which it would hold RTNL to give up the ones it made per CPU.
 */
static void one_queue(struct nl *nl)
{
	nl_u32(nl, IFLA_NUM_TX_QUEUES, 1);
	nl_u32(nl, IFLA_NUM_RX_QUEUES, 1);
}

/*
 * ip link add NAME [mtu M] up master BR type veth peer name PEER netns FD [mtu M] [address MAC] One
 * message. txqueuelen 0 on our end is what the reference gives the host side. A port is dormant
 * until its peer is up: else, until linkwatch has found that out, the bridge floods to all its
 * ports what the peer says while it comes up, with RTNL dormant. In the dormant mode linkwatch
 * leaves it so.
 */
void nl_veth_add(struct nl *nl, const struct veth_req *v)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, peer = { 0 };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, &ifi, sizeof(ifi),
	       "create veth pair");
	nl_str(nl, IFLA_IFNAME, v->name);
	nl_u32(nl, IFLA_TXQLEN, 0);
	one_queue(nl);
	if (v->mac)
		nl_put(nl, IFLA_ADDRESS, v->mac, MAC_LEN);
	if (v->mtu)
		nl_u32(nl, IFLA_MTU, v->mtu);
	if (v->master) {
		nl_u32(nl, IFLA_MASTER, (uint32_t)v->master);
		nl_u8(nl, IFLA_OPERSTATE, LINK_DORMANT);
		nl_u8(nl, IFLA_LINKMODE, v->dormant ? MODE_DORMANT : MODE_DEFAULT);
	}
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "veth");
		nl_nest(nl, IFLA_INFO_DATA) {
			nl_nest(nl, VETH_INFO_PEER) {
				nl_header(nl, &peer, sizeof(peer));
				nl_str(nl, IFLA_IFNAME, v->peer);
				one_queue(nl);
				if (v->mtu)
					nl_u32(nl, IFLA_MTU, v->mtu);
				if (v->peer_mac)
					nl_put(nl, IFLA_ADDRESS, v->peer_mac, MAC_LEN);
				nl_u32(nl, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
			}
		}
	}
}

/* ip link add NAME [mtu M] up type bridge [vlan_filtering 1] */
void nl_bridge_add(struct nl *nl, const char *name, const uint8_t mac[MAC_LEN], uint32_t mtu,
		   bool vlan_filtering)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "create bridge");
	nl_str(nl, IFLA_IFNAME, name);
	nl_put(nl, IFLA_ADDRESS, mac, MAC_LEN);
	if (mtu)
		nl_u32(nl, IFLA_MTU, mtu);
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "bridge");
		if (vlan_filtering)
			nl_nest(nl, IFLA_INFO_DATA) {
				nl_u8(nl, IFLA_BR_VLAN_FILTERING, 1);
			}
	}
}

void nl_link_flags(struct nl *nl, int index, uint32_t flags, uint32_t mask)
{
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = flags, .ifi_change = mask };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set link flags");
}

/*
 * The IPv4 settings of an interface can be set by rtnetlink (inet_set_link_af), index as in
 * uapi/ip.h: one path walk below /proc/sys/net less, which costs more the more namespaces there
 * are. A message of its own: within one, flags take effect before settings.
 */
void nl_link_arp_notify(struct nl *nl, int index)
{
	link_msg(nl, RTM_NEWLINK, index, "set arp_notify");
	nl_nest(nl, IFLA_AF_SPEC) {
		nl_nest(nl, AF_INET) {
			nl_nest(nl, IFLA_INET_CONF) {
				nl_u32(nl, IPV4_DEVCONF_ARP_NOTIFY, 1);
			}
		}
	}
}

void nl_link_no_addrgen(struct nl *nl, int index)
{
	link_msg(nl, RTM_NEWLINK, index, "set addrgenmode none");
	nl_nest(nl, IFLA_AF_SPEC) {
		nl_nest(nl, AF_INET6) {
			nl_u8(nl, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		}
	}
}

void nl_link_mac(struct nl *nl, int index, const uint8_t mac[MAC_LEN])
{
	link_msg(nl, RTM_NEWLINK, index, "set MAC address");
	nl_put(nl, IFLA_ADDRESS, mac, MAC_LEN);
}

void nl_link_mtu(struct nl *nl, int index, uint32_t mtu)
{
	link_msg(nl, RTM_NEWLINK, index, "set MTU");
	nl_u32(nl, IFLA_MTU, mtu);
}

void nl_link_txqlen(struct nl *nl, int index, uint32_t packets)
{
	link_msg(nl, RTM_NEWLINK, index, "set length of transmit queue");
	nl_u32(nl, IFLA_TXQLEN, packets);
}

/* Drivers have many words for no. ENOBUFS and ENOMEM are what a sending that failed may say. */
bool nl_link_is_refusal(const struct nl *nl)
{
	int e = nl->err->sys;

	return e && !nl->ack_lost && e != ENODEV && e != ENOBUFS && e != ENOMEM;
}

void nl_link_master(struct nl *nl, int index, int master)
{
	link_msg(nl, RTM_NEWLINK, index, "set master");
	nl_u32(nl, IFLA_MASTER, (uint32_t)master);
}

/* Kernels before 6.2 rename no link that is up; within one message the name comes first. */
void nl_link_rename(struct nl *nl, int index, const char *name)
{
	nl_link_flags(nl, index, 0, IFF_UP);
	link_msg(nl, RTM_NEWLINK, index, "rename link");
	nl_str(nl, IFLA_IFNAME, name);
}

void nl_link_move(struct nl *nl, int index, int netns_fd, const char *name)
{
	nl_link_flags(nl, index, 0, IFF_UP);
	link_msg(nl, RTM_NEWLINK, index, "move link");
	nl_u32(nl, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nl_str(nl, IFLA_IFNAME, name);
}

/* ip link set PF vf N mac MAC */
void nl_vf_mac(struct nl *nl, int pf, unsigned int vf, const uint8_t mac[MAC_LEN])
{
	struct ifla_vf_mac value = { .vf = vf };

	memcpy(value.mac, mac, MAC_LEN);
	link_msg(nl, RTM_NEWLINK, pf, "set the VF's MAC address");
	nl_nest(nl, IFLA_VFINFO_LIST) {
		nl_nest(nl, IFLA_VF_INFO) {
			nl_put(nl, IFLA_VF_MAC, &value, sizeof(value));
		}
	}
}

void nl_link_del(struct nl *nl, int index)
{
	link_msg(nl, RTM_DELLINK, index, "delete link");
}

void nl_link_del_name(struct nl *nl, const char *name)
{
	link_msg(nl, RTM_DELLINK, 0, "delete link");
	nl_str(nl, IFLA_IFNAME, name);
}

/*
 * ip link set dev X mode default state up. The state is taken before the mode; it counts only if
 * linkwatch has seen the peer come up. If it has not, it will find the link up when it does, by the
 * mode.
 */
void nl_port_activate(struct nl *nl, int index)
{
	link_msg(nl, RTM_NEWLINK, index, "let the bridge port forward");
	nl_u8(nl, IFLA_OPERSTATE, LINK_UP);
	nl_u8(nl, IFLA_LINKMODE, MODE_DEFAULT);
}

/* ip link set dev X type bridge_slave hairpin on isolated on */
void nl_port_flags(struct nl *nl, int index, bool hairpin, bool isolated)
{
	link_msg(nl, RTM_NEWLINK, index, "set bridge port flags");
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_SLAVE_KIND, "bridge");
		nl_nest(nl, IFLA_INFO_SLAVE_DATA) {
			nl_u8(nl, IFLA_BRPORT_MODE, hairpin);
			nl_u8(nl, IFLA_BRPORT_ISOLATED, isolated);
		}
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

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

/* What the numbers of the attributes mean is up to the kind. */
static void parse_kind(const struct nl_attrs *data, struct link *l)
{
	uint16_t mode = 0, protocol = 0;

	if (!strcmp(l->kind, "bridge")) {
		nl_attr_u8(data->of[IFLA_BR_VLAN_FILTERING], &l->vlan_filtering);
		nl_attr_u16(data->of[IFLA_BR_VLAN_DEFAULT_PVID], &l->default_pvid);
	} else if (!strcmp(l->kind, "macvlan") || !strcmp(l->kind, "macvtap")) {
		nl_attr_u32(data->of[IFLA_MACVLAN_MODE], &l->mode);
	} else if (!strcmp(l->kind, "ipvlan")) {
		nl_attr_u16(data->of[IFLA_IPVLAN_MODE], &mode);
		l->mode = mode;
		nl_attr_u16(data->of[IFLA_IPVLAN_FLAGS], &l->mode_flags);
	} else if (!strcmp(l->kind, "vlan")) {
		nl_attr_u16(data->of[IFLA_VLAN_ID], &l->vlan_id);
		nl_attr_u16(data->of[IFLA_VLAN_PROTOCOL], &protocol);
		l->vlan_protocol = ntohs(protocol);
	}
}

static void parse_info(const struct nlattr *info, struct link *l)
{
	struct nl_attrs a = nl_attrs_of(info), data = nl_attrs_of(a.of[IFLA_INFO_DATA]),
			port = nl_attrs_of(a.of[IFLA_INFO_SLAVE_DATA]);

	nl_attr_str(a.of[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	parse_kind(&data, l);
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
	nl_attr_u32(a.of[IFLA_TXQLEN], &l->txqlen);
	nl_attr_u32(a.of[IFLA_PROMISCUITY], &l->promiscuity);
	nl_attr_int(a.of[IFLA_MASTER], &l->master);
	nl_attr_int(a.of[IFLA_LINK], &l->peer);
	l->peer_netnsid = -1;
	nl_attr_int(a.of[IFLA_LINK_NETNSID], &l->peer_netnsid);
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
	/* IFLA_IFNAME holds no alternative name, which may be longer; IFLA_ALT_IFNAME any name */
	if (name)
		nl_str(nl, strlen(name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
	if (nl_query_allow(nl, may_be_gone ? ENODEV : 0, nl_link_parse, out) < 0)
		return name ? err_wrap(nl->err, "%s", name) : err_wrap(nl->err, "link %d", index);
	return 0;
}

static int append(const struct nlmsghdr *nlh, void *data)
{
	struct link_list *list = data;
	struct link l = { 0 };

	(void)nl_link_parse(nlh, &l);
	if (l.index)
		*arena_append(list->arena, list->link, list->n_link) = l;
	return MNL_CB_OK;
}

static void reset_list(void *data)
{
	((struct link_list *)data)->n_link = 0;
}

int nl_link_list(struct nl *nl, struct link_list *out)
{
	struct ifinfomsg ifi = { 0 };

	out->link = NULL;
	nl_msg(nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list links");
	without_ipv6_counters(nl);
	return nl_dump(nl, append, reset_list, out);
}

static int take_netnsid(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWNSID)
		nl_attr_int(nl_attrs_of_msg(nlh, sizeof(struct rtgenmsg)).of[NETNSA_NSID], data);
	return MNL_CB_OK;
}

int nl_netnsid(struct nl *nl, int netns_fd, int *id)
{
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };

	*id = -1;
	nl_msg(nl, RTM_GETNSID, 0, &header, sizeof(header), "look up namespace id");
	nl_u32(nl, NETNSA_FD, (uint32_t)netns_fd);
	return nl_query(nl, take_netnsid, id);
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
