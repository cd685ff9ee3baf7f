/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_bridge.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <unistd.h>

#include "sys/behind.h"

/* uapi/if.h, which collides with net/if.h, numbers the states of RFC 2863 so. */
enum { OPER_DORMANT = 5, OPER_UP };

static int info_data_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	uint16_t len = mnl_attr_get_payload_len(attr);

	if (strcmp(l->kind, "bridge") != 0)
		return MNL_CB_OK;
	if (mnl_attr_get_type(attr) == IFLA_BR_VLAN_FILTERING && len >= 1)
		l->vlan_filtering = mnl_attr_get_u8(attr);
	if (mnl_attr_get_type(attr) == IFLA_BR_VLAN_DEFAULT_PVID && len >= 2)
		l->default_pvid = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int port_data_attr(const struct nlattr *attr, void *data)
{
	struct link *l = data;

	if (!mnl_attr_get_payload_len(attr))
		return MNL_CB_OK;
	if (mnl_attr_get_type(attr) == IFLA_BRPORT_MODE)
		l->hairpin = mnl_attr_get_u8(attr);
	if (mnl_attr_get_type(attr) == IFLA_BRPORT_ISOLATED)
		l->isolated = mnl_attr_get_u8(attr);
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
		if (mnl_attr_get_payload_len(attr))
			l->operstate = mnl_attr_get_u8(attr);
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

static int get(struct nl *nl, int index, const char *name, struct link *out)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	*out = (struct link){ 0 };
	nl_msg(nl, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look up link");
	if (name)
		nl_str(nl, IFLA_IFNAME, name);
	if (nl_query(nl, nl_link_parse, out) < 0)
		return name ? err_wrap(nl->err, "%s", name) : err_wrap(nl->err, "link %d", index);
	return 0;
}

static int missing_is_fine(struct nl *nl, int rc)
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
	return missing_is_fine(nl, get(nl, 0, name, out));
}

int nl_link_get_index(struct nl *nl, int index, struct link *out)
{
	return get(nl, index, NULL, out);
}

int nl_link_get_index_allow(struct nl *nl, int index, struct link *out)
{
	return missing_is_fine(nl, get(nl, index, NULL, out));
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
 * ip link add NAME [mtu M] up master BR type veth peer name PEER netns FD [mtu M] [address MAC]
 * One message. txqueuelen 0 on our end is what the reference gives the host side. A port is dormant until
 * its peer is up: else, until linkwatch has found that out, the bridge floods to all its ports what the
 * peer says while it comes up, with RTNL held.
 */
void nl_veth_add(struct nl *nl, const struct veth *v)
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
		nl_u8(nl, IFLA_OPERSTATE, OPER_DORMANT);
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
void nl_bridge_add(struct nl *nl, const struct bridge *b)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "create bridge");
	nl_str(nl, IFLA_IFNAME, b->name);
	if (b->mtu)
		nl_u32(nl, IFLA_MTU, b->mtu);
	if (b->mac)
		nl_put(nl, IFLA_ADDRESS, b->mac, MAC_LEN);
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "bridge");
		if (b->vlan_filtering)
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

void nl_link_up(struct nl *nl, int index)
{
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set link up");
}

/*
 * The IPv4 settings of an interface can be set by rtnetlink (inet_set_link_af), index as in
 * uapi/ip.h: one path walk below /proc/sys/net less, which costs more the more namespaces there are.
 * A message of its own: within one, flags take effect before settings.
 */
void nl_link_arp_notify(struct nl *nl, int index)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set arp_notify");
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
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set addrgenmode none");
	nl_nest(nl, IFLA_AF_SPEC) {
		nl_nest(nl, AF_INET6) {
			nl_u8(nl, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		}
	}
}

void nl_link_mac(struct nl *nl, int index, const uint8_t mac[MAC_LEN])
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set MAC address");
	nl_put(nl, IFLA_ADDRESS, mac, MAC_LEN);
}

void nl_link_mtu(struct nl *nl, int index, uint32_t mtu)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set MTU");
	nl_u32(nl, IFLA_MTU, mtu);
}

/* Kernels before 6.2 rename no link that is up; within one message the name comes first. */
void nl_link_rename(struct nl *nl, int index, const char *name)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_link_flags(nl, index, 0, IFF_UP);
	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "rename link");
	nl_str(nl, IFLA_IFNAME, name);
}

void nl_link_move(struct nl *nl, int index, int netns_fd, const char *name)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "move link");
	nl_u32(nl, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nl_str(nl, IFLA_IFNAME, name);
}

/* ip link set PF vf N mac MAC */
void nl_vf_mac(struct nl *nl, int pf, unsigned int vf, const uint8_t mac[MAC_LEN])
{
	struct ifinfomsg ifi = { .ifi_index = pf };
	struct ifla_vf_mac value = { .vf = vf };

	memcpy(value.mac, mac, MAC_LEN);
	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set the VF's MAC address");
	nl_nest(nl, IFLA_VFINFO_LIST) {
		nl_nest(nl, IFLA_VF_INFO) {
			nl_put(nl, IFLA_VF_MAC, &value, sizeof(value));
		}
	}
}

void nl_link_del(struct nl *nl, int index)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete link");
}

void nl_link_del_name(struct nl *nl, const char *name)
{
	struct ifinfomsg ifi = { 0 };

	nl_msg(nl, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete link");
	nl_str(nl, IFLA_IFNAME, name);
}

/* ip link set dev X type bridge_slave hairpin on isolated on */
void nl_port_flags(struct nl *nl, int index, bool hairpin, bool isolated)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set bridge port flags");
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_SLAVE_KIND, "bridge");
		nl_nest(nl, IFLA_INFO_SLAVE_DATA) {
			nl_u8(nl, IFLA_BRPORT_MODE, hairpin);
			nl_u8(nl, IFLA_BRPORT_ISOLATED, isolated);
		}
	}
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
	nl_u32(nl, IFLA_MASTER, (uint32_t)bridge);
	if (nl_dump(nl, count_port, reset_count, &p) < 0)
		return -1;
	*n = p.n;
	return 0;
}

static bool is_gone(const struct nlmsghdr *nlh, int index)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	/* AF_BRIDGE announces only that the port left its bridge */
	return nlh->nlmsg_type == RTM_DELLINK && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ifi) &&
	       ifi->ifi_family == AF_UNSPEC && ifi->ifi_index == index;
}

static int until_gone(const struct nlmsghdr *nlh, void *data)
{
	const int *index = data;

	return is_gone(nlh, *index) ? MNL_CB_STOP : MNL_CB_OK;
}

_Noreturn static void send_alone(const struct nl *nl)
{
	int tries = 3; /* nobody hears of a failure */

	while (send(STDIN_FILENO, nl->buf, nl->used, 0) < 0 && --tries)
		;
	behind_exit(0);
}

/*
 * Only what is about this link passes: ifinfomsg.ifi_index behind the nlmsghdr. Else a busy host's
 * announcements would wake us for nothing, and overflow the socket.
 */
static int filter_index(struct nl *w, int index)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)index), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

	if (setsockopt(mnl_socket_get_fd(w->sock), SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)) < 0)
		return err_sys(w->err, "filter announcements");
	return 0;
}

int nl_link_watch(struct nl *w, int index, struct err *err)
{
	if (nl_open(w, err) < 0)
		return -1;
	if (filter_index(w, index) < 0)
		return -1;
	return nl_watch(w, RTNLGRP_LINK);
}

#define DEL_TIMEOUT_MS 10000

/*
 * Wait for the announcement; when it did not come or some were lost, look for oneself. A refusal with
 * ENODEV means that somebody else was quicker.
 */
static int wait_gone(struct nl *watcher, struct nl *at, struct nl *there, int index)
{
	struct link l = { .index = index };
	int rc;

	do {
		rc = nl_wait(watcher, at, DEL_TIMEOUT_MS, until_gone, &index);
		if (rc > 0 && nl_link_get_index_allow(there, index, &l) < 0)
			return -1;
	} while (rc == 2 && l.index);
	if (rc > 0 && l.index)
		return err_set(watcher->err, ERR_INTERNAL, "delete link %s: not done in %d s",
			       l.name, DEL_TIMEOUT_MS / 1000);
	return rc < 0 ? missing_is_fine(watcher, rc) : 0;
}

static int del_and_hear(struct nl *at, struct nl *watcher, struct nl *there, int far)
{
	pid_t pid = behind_fork(mnl_socket_get_fd(at->sock));
	int rc;

	if (pid == 0)
		send_alone(at);
	if (pid < 0) {
		at->used = 0; /* not sealed after all: do it here and wait */
		return nl_commit_allow(at, ENODEV);
	}
	rc = wait_gone(watcher, at, there, far);
	nl_reset(at);
	return rc;
}

int nl_link_del_announced(struct nl *at, int index, struct nl *there, int far)
{
	static struct nl watcher; /* 16 KiB are too many for the stack */
	int rc = nl_link_watch(&watcher, far, at->err);

	nl_link_del(at, index);
	if (!rc)
		rc = nl_seal(at);
	if (!rc)
		rc = del_and_hear(at, &watcher, there, far);
	nl_reset(at);
	nl_close(&watcher);
	return rc;
}

static int until_up(const struct nlmsghdr *nlh, void *data)
{
	struct link *l = data;

	(void)nl_link_parse(nlh, l);
	return l->operstate == OPER_UP ? MNL_CB_STOP : MNL_CB_OK;
}

/* The watch first, then the look, so that nothing falls between them. */
static int wait_up(struct nl *nl, struct nl *watcher, struct link *l, int timeout_ms)
{
	int rc;

	do {
		if (nl_link_get_index(nl, l->index, l) < 0)
			return -1;
		if (l->operstate == OPER_UP)
			return 0;
		rc = nl_wait(watcher, NULL, timeout_ms, until_up, l);
	} while (rc == 2); /* announcements were lost: look again */
	if (rc == 1)
		return err_set(nl->err, ERR_INTERNAL, "%s is not up after %d ms (operstate %d)",
			       l->name, timeout_ms, l->operstate);
	return rc;
}

int nl_link_is_up(struct nl *nl, int index, bool *up)
{
	struct link l;

	if (nl_link_get_index(nl, index, &l) < 0)
		return -1;
	*up = l.operstate == OPER_UP;
	return 0;
}

int nl_link_wait_up(struct nl *nl, int index, int timeout_ms)
{
	static struct nl watcher;
	struct link l = { .index = index };
	int rc = nl_link_watch(&watcher, index, nl->err);

	if (!rc)
		rc = wait_up(nl, &watcher, &l, timeout_ms);
	nl_close(&watcher);
	return rc;
}
