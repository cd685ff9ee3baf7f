/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/netns.h"
#include "sys/pass_fd.h"

#define CHADDR (sizeof(struct udphdr) + 28) /* from the UDP header on: RFC 2131, 2 */
#define FILTER 15                           /* statements */

/*
 * From the IPv4 header on: UDP, no later fragment, to the client's port, about this hardware
 * address: a bridge floods what servers broadcast for others to each of its ports.
 */
static void make_filter(const uint8_t mac[MAC_LEN], struct sock_filter out[FILTER])
{
	const uint32_t high =
		(uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 | mac[3];
	const uint32_t low = (uint32_t)mac[4] << 8 | mac[5];
	const struct sock_filter f[FILTER] = {
		WIRE_PASS_OVER_OTHERS(12),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct iphdr, protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 10),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct iphdr, frag_off)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 8, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct udphdr, dest)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, CHADDR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, CHADDR + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, DHCP_MTU),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	memcpy(out, f, sizeof(f));
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Nothing is heard before it is bound: no protocol yet. */
static int make_socket(void *arg)
{
	int *fd = arg;

	*fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd < 0 ? -1 : 0;
}

int wire_socket(int netns_fd, int *fd, struct err *err)
{
	*fd = -1;
	if (netns_run(netns_fd, make_socket, fd, err) == 0)
		return 0;
	return err->code ? -1 : err_sys(err, "a packet socket");
}

/* By its index or its name, whichever the request asks of. */
static int read_mac(int fd, struct ifreq *req, uint8_t mac[MAC_LEN], struct err *err)
{
	if (ioctl(fd, SIOCGIFHWADDR, req) < 0)
		return err_sys(err, "%s", req->ifr_name);
	if (req->ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return err_config(err, "dhcp: %s is no Ethernet interface", req->ifr_name);
	memcpy(mac, req->ifr_hwaddr.sa_data, MAC_LEN);
	return 0;
}

static bool is_still(int fd, const struct wire_link *l)
{
	struct ifreq req = { .ifr_ifindex = l->index };
	struct err ignored = { 0 };
	uint8_t mac[MAC_LEN];

	return l->index > 0 && ioctl(fd, SIOCGIFNAME, &req) == 0 &&
	       read_mac(fd, &req, mac, &ignored) == 0 && !memcmp(mac, l->mac, MAC_LEN);
}

int wire_find(int fd, const char *ifname, struct wire_link *l, struct err *err)
{
	struct wire_link named = { 0 };
	struct ifreq req = { 0 };

	if (is_still(fd, l))
		return 0;
	if (str_copy_ifname(req.ifr_name, ifname, err) < 0)
		return -1;
	if (ioctl(fd, SIOCGIFINDEX, &req) < 0)
		return err_sys(err, "%s", ifname);
	named.index = req.ifr_ifindex;
	if (read_mac(fd, &req, named.mac, err) < 0)
		return -1;
	errno = ENODEV;
	if ((l->index || !mac_is_zero(l->mac)) && l->index != named.index &&
	    memcmp(l->mac, named.mac, MAC_LEN) != 0)
		return err_sys(err, "%s is another interface", ifname);
	*l = named;
	return 0;
}

int wire_filter(int fd, const struct sock_fprog *by, struct err *err)
{
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, by, sizeof(*by)) < 0)
		return err_sys(err, "filter a packet socket");
	return 0;
}

int wire_bind(int fd, int index, uint16_t protocol, const struct sock_fprog *filtered_by,
	      struct err *err)
{
	const struct sockaddr_ll on = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index,
	};
	const int yes = 1;

	if (wire_filter(fd, filtered_by, err) < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)&on, sizeof(on)) < 0)
		return err_sys(err, "a packet socket for DHCP");
	return 0;
}

int wire_open(struct wire *w, int netns_fd, const char *ifname, struct err *err)
{
	struct sock_filter filter[FILTER];
	const struct sock_fprog prog = { FILTER, filter };

	w->fd = w->arp = -1;
	if (wire_socket(netns_fd, &w->fd, err) < 0)
		return -1;
	if (wire_find(w->fd, ifname, &w->link, err) == 0) {
		make_filter(w->link.mac, filter);
		if (wire_bind(w->fd, w->link.index, ETH_P_IP, &prog, err) == 0)
			return 0;
	}
	drop_fd(&w->fd);
	return -1;
}

bool wire_is_on(int fd, int index)
{
	struct sockaddr_ll on = { 0 };
	socklen_t len = sizeof(on);

	return getsockname(fd, (struct sockaddr *)&on, &len) == 0 && on.sll_family == AF_PACKET &&
	       on.sll_ifindex == index;
}

int wire_adopt(struct wire *w, int fd, const char *ifname, struct err *err)
{
	struct sock_filter filter[FILTER];
	const struct sock_fprog prog = { FILTER, filter };

	w->fd = fd;
	w->arp = -1;
	if (wire_find(fd, ifname, &w->link, err) == 0 && wire_is_on(fd, w->link.index)) {
		make_filter(w->link.mac, filter);
		if (wire_filter(fd, &prog, err) == 0)
			return 0;
	}
	return err->code ? -1 : err_set(err, ERR_INTERNAL, "no packet socket of %s", ifname);
}

int wire_netns(int fd, struct err *err)
{
	int netns_fd = ioctl(fd, SIOCGSKNS);

	return netns_fd < 0 ? err_sys(err, "the namespace of a packet socket") : netns_fd;
}

/* ---- messages -------------------------------------------------------------------------------- */

void wire_send(const struct wire *w, const uint8_t *packet, size_t len, const uint8_t to[MAC_LEN])
{
	struct sockaddr_ll on = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = w->link.index,
		.sll_halen = MAC_LEN,
	};

	memset(on.sll_addr, 0xff, MAC_LEN);
	if (to)
		memcpy(on.sll_addr, to, MAC_LEN);
	(void)!sendto(w->fd, packet, len, 0, (const struct sockaddr *)&on, sizeof(on));
}

int wire_send_from_here(const uint8_t *packet, size_t len, struct in_addr server, struct err *err)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(DHCP_SERVER_PORT),
		.sin_addr = server,
	};
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || sendto(fd, packet + DHCP_HEADERS, len - DHCP_HEADERS, 0,
			     (const struct sockaddr *)&to, sizeof(to)) < 0)
		return err_sys(err, "send to %s from the host", inet_ntoa(server));
	return 0;
}

/* A checksum that the sender's host has left to its device is not there yet. */
static bool is_unsummed(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return false;
}

bool wire_has_link(int fd, int index)
{
	struct ifreq req = { .ifr_ifindex = index };

	return fd >= 0 && (ioctl(fd, SIOCGIFNAME, &req) == 0 || errno != ENODEV);
}

bool wire_is_named(int fd, int index, const char *ifname)
{
	struct ifreq req = { .ifr_ifindex = index };

	return fd >= 0 && ioctl(fd, SIOCGIFNAME, &req) == 0 && !strcmp(req.ifr_name, ifname);
}

bool wire_is_there(const struct wire *w)
{
	return wire_has_link(w->fd, w->link.index);
}

ssize_t wire_take(int fd, void *buf, size_t size, struct sockaddr_ll *sender, bool *unsummed)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { buf, size };
	ssize_t len;

	for (;;) {
		struct msghdr h = {
			.msg_name = sender,
			.msg_namelen = sizeof(*sender),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};

		len = recvmsg(fd, &h, 0);
		if (len > 0) {
			*unsummed = is_unsummed(&h);
			return len;
		}
		if (len < 0 && errno != EINTR)
			return errno == EAGAIN ? 0 : -1;
	}
}

int wire_receive(const struct wire *w, uint8_t *buf, struct dhcp_message *m, uint8_t from[MAC_LEN])
{
	struct sockaddr_ll sender;
	bool unsummed;
	ssize_t len;

	len = wire_take(w->fd, buf, DHCP_MTU, &sender, &unsummed);
	if (len <= 0)
		return (int)len;
	if (!dhcp_read(buf, (size_t)len, unsummed, m) ||
	    memcmp(m->chaddr, w->link.mac, MAC_LEN) != 0)
		return 0;
	memset(from, 0, MAC_LEN);
	if (sender.sll_halen == MAC_LEN)
		memcpy(from, sender.sll_addr, MAC_LEN);
	return 1;
}

/* ---- probing --------------------------------------------------------------------------------- */

/* RFC 826, of Ethernet and IPv4. */
struct __attribute__((packed)) arp {
	struct arphdr header;
	uint8_t sender[MAC_LEN];
	struct in_addr sender_ip;
	uint8_t target[MAC_LEN];
	struct in_addr target_ip;
};

_Static_assert(sizeof(struct arp) == 28, "as on the wire");

static int ask_for(const struct wire *w, struct in_addr address, struct err *err)
{
	struct sock_filter filter[] = {
		WIRE_PASS_OVER_OTHERS(1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct arp)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(filter), filter };
	struct arp probe = {
		.header = { htons(ARPHRD_ETHER), htons(ETH_P_IP), MAC_LEN, sizeof(address),
			    htons(ARPOP_REQUEST) },
		.target_ip = address,
	};
	struct sockaddr_ll on = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = w->link.index,
		.sll_halen = MAC_LEN,
	};

	memcpy(probe.sender, w->link.mac, MAC_LEN);
	memset(on.sll_addr, 0xff, MAC_LEN);
	if (wire_filter(w->arp, &prog, err) < 0)
		return -1;
	if (bind(w->arp, (const struct sockaddr *)&on, sizeof(on)) < 0 ||
	    sendto(w->arp, &probe, sizeof(probe), 0, (const struct sockaddr *)&on, sizeof(on)) < 0)
		return err_sys(err, "an ARP probe");
	return 0;
}

int wire_probe(struct wire *w, struct in_addr address, struct err *err)
{
	auto_close int netns_fd = wire_netns(w->fd, err);

	if (netns_fd < 0)
		return -1;
	return wire_socket(netns_fd, &w->arp, err) < 0 ? -1 : ask_for(w, address, err);
}

/* It is another's, or another one probes it, too. */
static bool objects(const struct wire *w, const struct arp *a, struct in_addr address)
{
	if (a->header.ar_hrd != htons(ARPHRD_ETHER) || a->header.ar_pro != htons(ETH_P_IP) ||
	    a->header.ar_hln != MAC_LEN || !memcmp(a->sender, w->link.mac, MAC_LEN))
		return false;
	return a->sender_ip.s_addr == address.s_addr ||
	       (!a->sender_ip.s_addr && a->target_ip.s_addr == address.s_addr);
}

bool wire_conflict(const struct wire *w, struct in_addr address)
{
	struct arp a;
	ssize_t len;

	while ((len = recv(w->arp, &a, sizeof(a), 0)) >= 0)
		if (len == sizeof(a) && objects(w, &a, address))
			return true;
	return false;
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Received, it is the last one, and closed at the end of each turn. */
static void close_what_comes(int from)
{
	char byte;
	int fd;

	while (pass_fd_receive(from, &byte, &fd) > 0)
		close_fd(&fd);
	_exit(0);
}

int wire_closer(void)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)dup2(pair[1], 0);
		if (syscall(SYS_close_range, 1, ~0U, 0) < 0) /* musl has no wrapper */
			for (int fd = 1; fd < 1024; fd++)
				close(fd);
		close_what_comes(0);
	}
	close(pair[1]);
	if (pid < 0)
		drop_fd(&pair[0]);
	return pair[0];
}

void wire_close_fd(int *fd, int closer)
{
	if (*fd < 0)
		return;
	if (closer >= 0)
		(void)!pass_fd_send(closer, 0, *fd, MSG_DONTWAIT);
	drop_fd(fd);
}

void wire_close_probe(struct wire *w, int closer)
{
	wire_close_fd(&w->arp, closer);
}

void wire_close(struct wire *w, int closer)
{
	wire_close_fd(&w->fd, closer);
	wire_close_probe(w, closer);
}
