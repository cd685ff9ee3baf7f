/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/neigh.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/scope.h"

/* A raw socket that speaks from this address on this interface; -1 if that cannot be. */
static int speaker(const char *ifname, int family, int protocol, const void *from, socklen_t len)
{
	auto_close int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) < 0 ||
	    bind(fd, from, len) < 0)
		return -1;
	return take_fd(&fd);
}

void neigh_request_gateway(const char *ifname, const struct in_addr *address,
			   const struct in_addr *gateway)
{
	const struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = *address };
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = *gateway };
	const struct icmphdr reply = { .type = ICMP_ECHOREPLY, .checksum = 0xffff };
	auto_close int fd = speaker(ifname, AF_INET, IPPROTO_ICMP, &from, sizeof(from));

	if (fd >= 0)
		(void)!sendto(fd, &reply, sizeof(reply), 0, (const struct sockaddr *)&to,
			      sizeof(to));
}

struct advertisement {
	struct nd_neighbor_advert na;
	struct nd_opt_hdr option;
	uint8_t mac[6];
};

_Static_assert(sizeof(struct advertisement) == 32, "as on the wire");

void neigh_advertise(const char *ifname, const struct in6_addr *address, const uint8_t mac[6])
{
	const struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_addr = *address };
	const struct sockaddr_in6 to = { .sin6_family = AF_INET6,
					 .sin6_addr.s6_addr = { 0xff, 2, [15] = 1 } };
	struct advertisement a = {
		.na.nd_na_type = ND_NEIGHBOR_ADVERT,
		.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.na.nd_na_target = *address,
		.option = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
	};
	auto_close int fd = speaker(ifname, AF_INET6, IPPROTO_ICMPV6, &from, sizeof(from));
	const int hops = 255; /* with another the advertisement is dropped (RFC 4861, 7.1.2) */

	memcpy(a.mac, mac, sizeof(a.mac));
	if (fd >= 0 && !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)))
		(void)!sendto(fd, &a, sizeof(a), 0, (const struct sockaddr *)&to, sizeof(to));
}
