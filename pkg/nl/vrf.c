/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/vrf.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

static int parse_link(const struct nlmsghdr *nlh, void *data)
{
	struct vrf_list *list = data;
	struct vrf_link v = { 0 };
	struct nl_attrs info;

	(void)nl_link_parse(nlh, &v.link);
	if (!v.link.index)
		return MNL_CB_OK;
	info = nl_attrs_of(nl_attrs_of_msg(nlh, sizeof(struct ifinfomsg)).of[IFLA_LINKINFO]);
	if (!strcmp(v.link.kind, "vrf"))
		nl_attr_u32(nl_attrs_of(info.of[IFLA_INFO_DATA]).of[IFLA_VRF_TABLE], &v.table);
	*arena_append(list->arena, list->link, list->n_link) = v;
	return MNL_CB_OK;
}

static void reset(void *data)
{
	((struct vrf_list *)data)->n_link = 0;
}

int nl_vrf_list(struct nl *nl, struct vrf_list *out)
{
	struct ifinfomsg ifi = { 0 };

	out->link = NULL;
	nl_msg(nl, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list links");
	nl_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_dump(nl, parse_link, reset, out);
}

void nl_vrf_add(struct nl *nl, const char *name, uint32_t table)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "create vrf");
	nl_str(nl, IFLA_IFNAME, name);
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "vrf");
		nl_nest(nl, IFLA_INFO_DATA) {
			nl_u32(nl, IFLA_VRF_TABLE, table);
		}
	}
}

/* One without a table is EINVAL where the type is known, before anything is made. */
int nl_vrf_probe(struct nl *nl, bool *has)
{
	struct ifinfomsg ifi = { 0 };

	nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "look for vrf");
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "vrf");
	}
	*has = true;
	if (nl_commit_allow(nl, EINVAL) == 0)
		return 0;
	if (nl->err->sys != EOPNOTSUPP)
		return -1;
	*has = false;
	err_clear(nl->err);
	return 0;
}
