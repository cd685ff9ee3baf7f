/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/bridge_vlan.h"

#include <netinet/in.h> /* first: the kernel's leave out what it has */

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

void vlan_set_add(struct vlan_set *set, uint16_t vid)
{
	set->bits[vid / 64 % 64] |= UINT64_C(1) << (vid % 64);
}

bool vlan_set_has(const struct vlan_set *set, uint16_t vid)
{
	return set->bits[vid / 64 % 64] >> (vid % 64) & 1;
}

bool vlan_set_is_empty(const struct vlan_set *set)
{
	static const struct vlan_set empty;

	return !memcmp(set, &empty, sizeof(empty));
}

static void vlan_msg(struct nl *nl, uint16_t type, int port, const char *label)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = port };

	nl_msg(nl, type, 0, &ifi, sizeof(ifi), label);
}

static void put_vlan(struct nl *nl, uint16_t vid, uint16_t flags)
{
	struct bridge_vlan_info info = { .vid = vid, .flags = flags };

	nl_put(nl, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

void nl_vlan_add_pvid(struct nl *nl, int port, uint16_t vid)
{
	vlan_msg(nl, RTM_SETLINK, port, "add untagged VLAN");
	nl_nest(nl, IFLA_AF_SPEC) {
		put_vlan(nl, vid, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
	}
}

/* First VLAN of the set from `vid` on, VLAN_MAX + 1 if there is none. */
static uint16_t next_member(const struct vlan_set *set, uint16_t vid)
{
	while (vid <= VLAN_MAX && !vlan_set_has(set, vid))
		vid++;
	return vid;
}

void nl_vlan_add_set(struct nl *nl, int port, const struct vlan_set *set)
{
	vlan_msg(nl, RTM_SETLINK, port, "add trunk VLANs");
	nl_nest(nl, IFLA_AF_SPEC) {
		for (uint16_t vid = next_member(set, 1); vid <= VLAN_MAX;
		     vid = next_member(set, vid)) {
			uint16_t first = vid;

			while (vid <= VLAN_MAX && vlan_set_has(set, vid))
				vid++;
			if (vid - first == 1) {
				put_vlan(nl, first, 0);
			} else {
				put_vlan(nl, first, BRIDGE_VLAN_INFO_RANGE_BEGIN);
				put_vlan(nl, (uint16_t)(vid - 1), BRIDGE_VLAN_INFO_RANGE_END);
			}
		}
	}
}

void nl_vlan_del(struct nl *nl, int port, uint16_t vid)
{
	vlan_msg(nl, RTM_DELLINK, port, "remove VLAN");
	nl_nest(nl, IFLA_AF_SPEC) {
		put_vlan(nl, vid, 0);
	}
}

static int db_attr(const struct nlattr *attr, void *data)
{
	struct nl_attrs a = nl_attrs_of(attr);
	struct bridge_vlan_info info = { 0 };
	struct port_vlans *v = data;
	uint16_t last = 0;

	if (mnl_attr_get_type(attr) != BRIDGE_VLANDB_ENTRY)
		return MNL_CB_OK;
	nl_attr_bytes(a.of[BRIDGE_VLANDB_ENTRY_INFO], &info, sizeof(info));
	nl_attr_u16(a.of[BRIDGE_VLANDB_ENTRY_RANGE], &last);
	if (info.flags & BRIDGE_VLAN_INFO_PVID)
		v->pvid = info.vid;
	for (unsigned int vid = info.vid; vid <= (last > info.vid ? last : info.vid); vid++)
		vlan_set_add(&v->members, (uint16_t)vid);
	return MNL_CB_OK;
}

static int db_msg(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type != RTM_NEWVLAN ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct br_vlan_msg))
		return MNL_CB_OK;
	return mnl_attr_parse(nlh, sizeof(struct br_vlan_msg), db_attr, data);
}

static void reset(void *data)
{
	*(struct port_vlans *)data = (struct port_vlans){ 0 };
}

/* Before Linux 5.6 all ports are listed to know of one. */
struct search {
	int port;
	struct port_vlans *out;
};

static int link_attr(const struct nlattr *attr, void *data)
{
	struct bridge_vlan_info info = { 0 };
	struct port_vlans *v = data;

	if (mnl_attr_get_type(attr) != IFLA_BRIDGE_VLAN_INFO)
		return MNL_CB_OK;
	nl_attr_bytes(attr, &info, sizeof(info));
	if (info.flags & BRIDGE_VLAN_INFO_PVID)
		v->pvid = info.vid;
	vlan_set_add(&v->members, info.vid);
	return MNL_CB_OK;
}

static int link_msg(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct search *s = data;
	const struct nlattr *spec;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) ||
	    ifi->ifi_index != s->port)
		return MNL_CB_OK;
	spec = nl_attrs_of_msg(nlh, sizeof(*ifi)).of[IFLA_AF_SPEC];
	return spec ? mnl_attr_parse_nested(spec, link_attr, s->out) : MNL_CB_OK;
}

static void reset_search(void *data)
{
	reset(((struct search *)data)->out);
}

static int search_links(struct nl *nl, int port, struct port_vlans *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct search s = { .port = port, .out = out };

	nl_msg(nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list VLANs of bridge ports");
	nl_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	return nl_dump(nl, link_msg, reset_search, &s);
}

int nl_vlan_get(struct nl *nl, int port, struct port_vlans *out)
{
	struct br_vlan_msg msg = { .family = AF_BRIDGE, .ifindex = (uint32_t)port };

	nl_msg(nl, RTM_GETVLAN, NLM_F_DUMP, &msg, sizeof(msg), "list VLANs of the port");
	if (nl_dump(nl, db_msg, reset, out) == 0)
		return 0;
	if (nl->err->sys != EOPNOTSUPP)
		return -1;
	err_clear(nl->err);
	return search_links(nl, port, out);
}
