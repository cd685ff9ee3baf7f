/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - what a lease changes in its container after the ADD, whose main plugin has configured
 * the interface: another address, other routes, another MTU. Touches nothing that no lease said.
 */
#pragma once

#include "answer.h"

struct apply {
	int netns_fd, index; /* the interface's */
};

/* Did it fail for want of a descriptor, or memory? Later it may be done. */
bool apply_may_be_later(const struct err *err);

/* 0: nothing to do. */
int apply_mtu(const struct apply *to, uint16_t mtu, struct err *err) NODISCARD;

/* As long as its server says, an IPv6 address is preferred to others (RFC 6724, 5, rule 3). */
int apply_preferred(const struct apply *to, const struct dhcp6_lease *l, int64_t now,
		    struct err *err) NODISCARD;

/*
 * From one result to the other, NULL: none. What is new is there before the old goes, but
 * where the kernel takes both away: then it comes again at once. What fails leaves nothing else
 * undone; of several errors one is told that apply_may_be_later(), if there is one.
 *
 * A route of both that is not there stays away, unless the last change was `incomplete`: it may
 * have failed then, or been lost. Where nothing could be touched, *incomplete stays as it is.
 */
int apply_result(const struct apply *to, const struct cni_result *from,
		 const struct cni_result *now, bool *incomplete, struct err *err) NODISCARD;
