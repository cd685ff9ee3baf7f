/* SPDX-License-Identifier: Apache-2.0 */
/* link_get.h - links as the kernel describes them: one by name or index, the ports of a bridge. */
#pragma once

#include "nl/link.h"

/* Look one up. A missing one is ENODEV, or with _allow a success with out->index 0. */
int nl_link_get(struct nl *nl, const char *name, struct link *out) NODISCARD;
int nl_link_get_allow(struct nl *nl, const char *name, struct link *out) NODISCARD;
int nl_link_get_index(struct nl *nl, int index, struct link *out) NODISCARD;
int nl_link_get_index_allow(struct nl *nl, int index, struct link *out) NODISCARD;

/* Callback for nl_query() and nl_wait(): fill the struct link from an RTM_NEWLINK message. */
int nl_link_parse(const struct nlmsghdr *nlh, void *data);

/* How many ports a bridge has. */
int nl_bridge_ports(struct nl *nl, int bridge, unsigned int *n) NODISCARD;
