/* SPDX-License-Identifier: Apache-2.0 */
/* forwarding.h - the host forwards for its containers, and keeps its own way out. */
#pragma once

#include "skel/call.h"

/*
 * net/ipv4/ip_forward, net/ipv6/conf/all/forwarding for the families of the result. Never reverted.
 * A router does not believe other routers: the kernel would drop what the host has learnt from
 * their advertisements and learn no more, so before IPv6 forwarding goes on, accept_ra goes from 1
 * to 2 (accept them even so) on each interface with such a route.
 */
int forwarding_enable(struct cni_call *c) NODISCARD;
