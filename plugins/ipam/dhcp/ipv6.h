/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipv6.h - what the container's kernel does for IPv6 by itself, awaited by the plugin: a link-local
 * address, without which no server of DHCPv6 is asked, and what a router advertises.
 */
#pragma once

#include "nl/link.h"
#include "skel/call.h"

/* IPv6 is on, and the interface, which is up, has a link-local address. */
int ipv6_prepare(struct cni_call *c, const struct link *l) NODISCARD;

/* The addresses by a router's advertisement (RFC 4862), into the result. */
int ipv6_await_router(struct cni_call *c, const struct link *l, int timeout_ms) NODISCARD;

/* For CHECK: is there such an address? */
int ipv6_check_router(struct cni_call *c) NODISCARD;

/* The IPv6 addresses of the result get the router as their gateway, if one has said so by now. */
int ipv6_set_gateway(struct cni_call *c, const struct link *l) NODISCARD;
