/* SPDX-License-Identifier: Apache-2.0 */
/* link_get.h - links as the kernel describes them: one by name or index, the ports of a bridge. */
#pragma once

#include "nl/link.h"

/* Look one up. A missing one is ENODEV, or with _allow a success with out->index 0. */
#define nl_link_get(nl, name, out)              nl_link_find((nl), (name), 0, false, (out))
#define nl_link_get_allow(nl, name, out)        nl_link_find((nl), (name), 0, true, (out))
#define nl_link_get_index(nl, index, out)       nl_link_find((nl), NULL, (index), false, (out))
#define nl_link_get_index_allow(nl, index, out) nl_link_find((nl), NULL, (index), true, (out))
int nl_link_find(struct nl *nl, const char *name, int index, bool may_be_gone,
		 struct link *out) NODISCARD;

/* Callback for nl_query() and nl_wait(): fill the struct link from an RTM_NEWLINK message. */
int nl_link_parse(const struct nlmsghdr *nlh, void *data);

/* How many ports a bridge has. */
int nl_bridge_ports(struct nl *nl, int bridge, unsigned int *n) NODISCARD;
