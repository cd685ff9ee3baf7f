/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link_device.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/nl.h"

/* ---- changing -------------------------------------------------------------------------------- */

void nl_link_alias(struct nl *nl, int index, const char *alias)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set alias");
	nl_put(nl, IFLA_IFALIAS, alias, strlen(alias));
}

static void altname_msg(struct nl *nl, uint16_t type, uint16_t flags, int index, const char *name,
			const char *label)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, type, flags, &ifi, sizeof(ifi), label);
	nl_nest(nl, IFLA_PROP_LIST) {
		nl_str(nl, IFLA_ALT_IFNAME, name);
	}
}

/* ip link property add dev X altname NAME */
void nl_altname_add(struct nl *nl, int index, const char *name)
{
	altname_msg(nl, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index, name,
		    "add altname");
}

void nl_altname_del(struct nl *nl, int index, const char *name)
{
	altname_msg(nl, RTM_DELLINKPROP, 0, index, name, "remove altname");
}

/* ---- looking --------------------------------------------------------------------------------- */

struct collector {
	struct link_device_list *list;
	struct link_device *one; /* instead of the list */
	struct arena *arena;
};

struct names {
	struct link_device *device;
	struct arena *arena;
};

static int take_altname(const struct nlattr *attr, void *data)
{
	struct names *to = data;
	char name[LINK_ALTNAME_LEN] = "";

	if (mnl_attr_get_type(attr) == IFLA_ALT_IFNAME)
		nl_attr_str(attr, name, sizeof(name));
	if (*name)
		*arena_append(to->arena, to->device->altnames, to->device->n_altnames) =
			arena_strdup(to->arena, name);
	return MNL_CB_OK;
}

static void parse_altnames(const struct nlattr *props, struct link_device *d, struct arena *arena)
{
	struct names to = { d, arena };

	if (props)
		(void)mnl_attr_parse_nested(props, take_altname, &to);
}

static int collect(const struct nlmsghdr *nlh, void *data)
{
	struct collector *to = data;
	struct link_device d = { 0 };
	struct nl_attrs a;

	(void)nl_link_parse(nlh, &d.link);
	if (!d.link.index)
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(struct ifinfomsg));
	if (a.of[IFLA_PERM_ADDRESS] && mnl_attr_get_payload_len(a.of[IFLA_PERM_ADDRESS]) == MAC_LEN)
		nl_attr_bytes(a.of[IFLA_PERM_ADDRESS], d.perm_mac, MAC_LEN);
	nl_attr_str(a.of[IFLA_PARENT_DEV_NAME], d.parent, sizeof(d.parent));
	nl_attr_str(a.of[IFLA_PARENT_DEV_BUS_NAME], d.bus, sizeof(d.bus));
	nl_attr_str(a.of[IFLA_IFALIAS], d.alias, sizeof(d.alias));
	parse_altnames(a.of[IFLA_PROP_LIST], &d, to->arena);
	if (to->one)
		*to->one = d;
	else
		*arena_append(to->arena, to->list->device, to->list->n_device) = d;
	return MNL_CB_OK;
}

static void ask(struct nl *nl, uint16_t flags, int index, const char *label)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_msg(nl, RTM_GETLINK, flags, &ifi, sizeof(ifi), label);
	nl_u32(nl, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int nl_device_find(struct nl *nl, const char *name, int index, struct arena *arena,
		   struct link_device *out)
{
	struct collector to = { .one = out, .arena = arena };

	*out = (struct link_device){ 0 };
	ask(nl, 0, index, "look up link");
	/* IFLA_IFNAME holds no alternative name, which may be longer; IFLA_ALT_IFNAME any name */
	if (name)
		nl_str(nl, strlen(name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
	if (nl_query_allow(nl, ENODEV, collect, &to) < 0)
		return name ? err_wrap(nl->err, "%s", name) : err_wrap(nl->err, "link %d", index);
	return 0;
}

static void reset(void *data)
{
	((struct collector *)data)->list->n_device = 0;
}

int nl_device_list(struct nl *nl, struct link_device_list *out)
{
	struct collector to = { .list = out, .arena = out->arena };

	out->device = NULL;
	ask(nl, NLM_F_DUMP, 0, "list links");
	return nl_dump(nl, collect, reset, &to);
}
