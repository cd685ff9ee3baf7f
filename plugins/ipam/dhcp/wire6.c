/* SPDX-License-Identifier: Apache-2.0 */
#include "wire6.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/ipv6.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/scope.h"
#include "sys/netns.h"
#include "udp6.h"

/* From the IPv6 header on: UDP right behind it, to the client's port. */
static struct sock_filter filter[] = {
	WIRE_PASS_OVER_OTHERS(5),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ipv6hdr, nexthdr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, sizeof(struct ipv6hdr) + offsetof(struct udphdr, dest)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP6_CLIENT_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, WIRE6_MTU),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

int wire6_open(struct wire6 *w, int netns_fd, const char *ifname, struct err *err)
{
	const struct sock_fprog prog = { ARRAY_SIZE(filter), filter };

	w->fd = -1;
	if (wire_socket(netns_fd, &w->fd, err) < 0)
		return -1;
	if (wire_find(w->fd, ifname, &w->link, err) == 0 &&
	    wire_bind(w->fd, w->link.index, ETH_P_IPV6, &prog, err) == 0)
		return 0;
	drop_fd(&w->fd);
	return -1;
}

int wire6_adopt(struct wire6 *w, int fd, const char *ifname, struct err *err)
{
	const struct sock_fprog prog = { ARRAY_SIZE(filter), filter };

	w->fd = fd;
	if (wire_find(fd, ifname, &w->link, err) == 0 && wire_is_on(fd, w->link.index) &&
	    wire_filter(fd, &prog, err) == 0)
		return 0;
	return err->code ? -1 : err_set(err, ERR_INTERNAL, "no packet socket of %s", ifname);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* From which address the kernel would send to the servers, if it had to. */
struct source {
	int index;
	struct sockaddr_in6 servers, from;
};

static int get_source(void *arg)
{
	struct source *s = arg;
	auto_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(s->from);

	s->servers = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(DHCP6_SERVER_PORT),
		.sin6_scope_id = (uint32_t)s->index,
	};
	if (inet_pton(AF_INET6, DHCP6_SERVERS, &s->servers.sin6_addr) != 1 || fd < 0 ||
	    connect(fd, (const struct sockaddr *)&s->servers, sizeof(s->servers)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&s->from, &len) < 0)
		return -1;
	return IN6_IS_ADDR_LINKLOCAL(&s->from.sin6_addr) ? 0 : -1;
}

/* RFC 2464, 7. */
static struct sockaddr_ll multicast_mac(int index, const struct in6_addr *group)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = index,
		.sll_halen = MAC_LEN,
		.sll_addr = { 0x33, 0x33 },
	};

	memcpy(to.sll_addr + 2, group->s6_addr + 12, 4);
	return to;
}

void wire6_send(const struct wire6 *w, const struct dhcp6_request *r)
{
	auto_close int netns_fd = ioctl(w->fd, SIOCGSKNS);
	struct source s = { .index = w->link.index };
	struct err ignored = { 0 };
	uint8_t packet[UDP6_MAX];
	struct sockaddr_ll to;
	size_t len;

	if (netns_fd < 0 || netns_run(netns_fd, get_source, &s, &ignored) < 0)
		return;
	len = dhcp6_write(r, packet + UDP6_HEADERS);
	if (!len)
		return;
	len = udp6_write(packet, &s.from.sin6_addr, &s.servers.sin6_addr, len);
	to = multicast_mac(w->link.index, &s.servers.sin6_addr);
	(void)!sendto(w->fd, packet, len, 0, (const struct sockaddr *)&to, sizeof(to));
}

int wire6_receive(const struct wire6 *w, uint8_t buf[WIRE6_MTU], struct dhcp6_message *m)
{
	struct sockaddr_ll ignored;
	struct dhcp6_bytes payload;
	bool unsummed;
	ssize_t len;

	len = wire_take(w->fd, buf, WIRE6_MTU, &ignored, &unsummed);
	if (len <= 0)
		return (int)len;
	return udp6_read(buf, (size_t)len, unsummed, &payload) &&
	       dhcp6_read(payload.at, payload.len, m);
}

void wire6_close(struct wire6 *w, int closer)
{
	wire_close_fd(&w->fd, closer);
}
