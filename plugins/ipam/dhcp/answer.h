/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what a DHCPACK gives the container, as a result of an IPAM plugin and what goes beside
 * it. Knows no socket and no kernel.
 */
#pragma once

#include "cni/result.h"
#include "lease6.h"
#include "packet.h"

struct dhcp_answer {
	struct cni_result result; /* one address, its routes, dns */
	uint16_t mtu;             /* of the link; 0 = not said */
	const char **ntp;
	size_t n_ntp;
};

/*
 * The addresses of a lease of DHCPv6, and what its REPLY (NULL: there is none) says beside them. An
 * address is /128: which others are on the link is a router's to say (RFC 5942).
 */
void dhcp6_answer(const struct dhcp6_lease *l, const struct dhcp6_message *reply,
		  struct dhcp_answer *out);

/* One result of two: first what is IPv4's, then IPv6's. */
void dhcp_answer_merge(struct cni_result *to, const struct cni_result *more);

/* The addresses of another that it has not yet. */
void dhcp_answer_add_ips(struct dhcp_answer *to, const struct dhcp_answer *more);

/*
 * In json's arena. The routes are those of option 121; where that is absent, of 33 with the masks
 * of their classes, and the default by the first router (RFC 3442). `priority` is given to each of
 * them, 0 = none. An ACK without a mask is refused.
 */
int dhcp_answer(const struct dhcp_message *ack, uint32_t priority, struct dhcp_answer *out,
		struct err *err) NODISCARD;
