/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attend4.h - what happens to the half of a lease that is for IPv4, for attend.h: between its
 * client and wire, file and kernel. Answers nobody.
 */
#pragma once

#include "sockets.h"

/*
 * What its client wants done (DHCP_DO_); m, in its packet of DHCP_MTU bytes, is the message that
 * has come, NULL: it is time that has. -1: the ADD that is waited for has failed.
 */
int attend4_act(const struct sockets *s, struct lease *l, int todo, const struct dhcp_message *m,
		const uint8_t *packet, struct err *err) NODISCARD;

/* It is l->again: what has ended is taken away, and the container gets what the lease has. */
void attend4_try_again(struct lease *l);

/* Given back to its server, which is told once: from the host if its interface is gone. */
void attend4_release(const struct sockets *s, struct lease *l);
