/* SPDX-License-Identifier: Apache-2.0 */
/* link_wait.h - waiting for the announcement that a link is gone, or up. */
#pragma once

#include "nl/link.h"

/*
 * Delete `index`, known to `at`, and return when the kernel has announced that `far`, of the
 * namespace netns_fd (-1: the current one), is gone: of a veth the other end, which is unlisted
 * last; of another link itself. RTM_DELLINK blocks its caller for an RCU grace period after that,
 * about 20 ms; a child waits that out with nothing of ours open. Without a child it is done in
 * place.
 */
int nl_link_del_announced(struct nl *at, int index, int netns_fd, int far) NODISCARD;

/*
 * Wait until a link of the current namespace is gone, as it is some time after the namespace of its
 * other end. 1: it is not, after so long.
 */
int nl_link_wait_gone(struct nl *nl, int index, int timeout_ms) NODISCARD;

/*
 * Wait until the operstate is UP. netns_fd is the namespace nl belongs to, -1: the current one.
 */
int nl_link_wait_up(struct nl *nl, int netns_fd, int index, int timeout_ms) NODISCARD;
