/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link_kind.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

static void put_u16(struct nl *nl, uint16_t type, uint16_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

/* ... type macvlan mode MODE [bcqueuelen N] */
static void put_macvlan(struct nl *nl, const struct link_req *l)
{
	nl_u32(nl, IFLA_MACVLAN_MODE, l->mode);
	if (l->bc_queue_len)
		nl_u32(nl, IFLA_MACVLAN_BC_QUEUE_LEN, l->bc_queue_len);
}

/* ... type ipvlan mode MODE FLAG */
static void put_ipvlan(struct nl *nl, const struct link_req *l)
{
	put_u16(nl, IFLA_IPVLAN_MODE, (uint16_t)l->mode);
	put_u16(nl, IFLA_IPVLAN_FLAGS, l->mode_flags);
}

/* ... type vlan proto PROTOCOL id ID */
static void put_vlan(struct nl *nl, const struct link_req *l)
{
	put_u16(nl, IFLA_VLAN_ID, l->vlan_id);
	put_u16(nl, IFLA_VLAN_PROTOCOL, htons(l->vlan_protocol));
}

static const struct {
	const char *kind;
	void (*put)(struct nl *nl, const struct link_req *l);
} kinds[] = {
	{ "macvlan", put_macvlan },
	{ "ipvlan", put_ipvlan },
	{ "vlan", put_vlan },
};

/* ip link add NAME [link PARENT] [netns FD] [mtu M] [address MAC] type KIND ... */
void nl_link_add(struct nl *nl, const struct link_req *l)
{
	struct ifinfomsg ifi = { 0 };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "create link");
	nl_str(nl, IFLA_IFNAME, l->name);
	if (l->parent)
		nl_u32(nl, IFLA_LINK, (uint32_t)l->parent);
	if (l->netns >= 0)
		nl_u32(nl, IFLA_NET_NS_FD, (uint32_t)l->netns);
	if (l->mtu)
		nl_u32(nl, IFLA_MTU, l->mtu);
	if (l->mac)
		nl_put(nl, IFLA_ADDRESS, l->mac, MAC_LEN);
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, l->kind);
		nl_nest(nl, IFLA_INFO_DATA) {
			for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
				if (!strcmp(kinds[i].kind, l->kind))
					kinds[i].put(nl, l);
		}
	}
}
