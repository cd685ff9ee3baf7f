/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attend6.h - what happens to the half of a lease that is for IPv6, for attend.h: between its
 * client and wire, file and kernel. Answers nobody.
 */
#pragma once

#include "lease.h"

/*
 * What its client wants done (DHCP_DO_); m is the message of a lease. -1: the ADD that is waited
 * for has failed.
 */
int attend6_act(struct lease *l, int todo, const struct dhcp6_message *m,
		struct err *err) NODISCARD;

/* It is l->ipv6->again: the container gets what the lease has. */
void attend6_try_again(struct lease *l);

/*
 * It is l->ipv6->look: an address that another host has is declined, which is left to be acted upon
 * (DHCP_DO_LOSE).
 */
int attend6_look(struct lease *l);

/* Given back to its server, which is told once; an address that another host has is declined. */
void attend6_release(struct lease *l);
