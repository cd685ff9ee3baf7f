/* SPDX-License-Identifier: Apache-2.0 */
/* link_wait.h - waiting for the announcement that a link is gone, or up. */
#pragma once

#include "nl/link.h"

/*
 * A socket of its own in the current namespace that hears of this link only, for nl_wait(). Watch
 * first, then act or look.
 */
int nl_link_watch(struct nl *w, int index, struct err *err) NODISCARD;

/*
 * Delete `index`, a veth's end known to `at`, and return when the kernel has announced that its
 * other end `far`, known to `there` and in the current namespace, is gone: the far one is unlisted
 * last. RTM_DELLINK blocks its caller for an RCU grace period after that, about 20 ms; a child
 * waits that out with nothing of ours open. Without a child it is done in place.
 */
int nl_link_del_announced(struct nl *at, int index, struct nl *there, int far) NODISCARD;

/*
 * Is the operstate UP, once all that is queued is done? Wait until it is, for a link of the current
 * namespace.
 */
int nl_link_is_up(struct nl *nl, int index, bool *up) NODISCARD;
int nl_link_wait_up(struct nl *nl, int index, int timeout_ms) NODISCARD;
