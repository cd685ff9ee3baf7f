/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_netlink - hostile answers from the kernel's side: every request of pkg/nl is answered with the
 * input's bytes. The sequence numbers are made to fit, or nothing would be looked at.
 */
#include <libmnl/libmnl.h>
#include <sys/types.h>

static ssize_t fake_recv(const struct mnl_socket *sock, void *buf, size_t size);
static ssize_t fake_send(const struct mnl_socket *sock, const void *buf, size_t size);

#define mnl_socket_recvfrom fake_recv
#define mnl_socket_sendto   fake_send
#include "../../pkg/nl/nl.c"

#include "fuzz.h"
#include "nl/addr.h"
#include "nl/link.h"
#include "nl/route.h"
#include "nl/vlan.h"

static struct {
	const uint8_t *at;
	size_t left;
	uint32_t seq;
} feed_;

static ssize_t fake_send(const struct mnl_socket *sock, const void *buf, size_t size)
{
	const struct nlmsghdr *nlh = buf;

	(void)sock;
	feed_.seq = nlh->nlmsg_seq;
	return (ssize_t)size;
}

/* A datagram: a length byte in units of 32, then that much of the input. */
static ssize_t fake_recv(const struct mnl_socket *sock, void *buf, size_t size)
{
	size_t n = feed_.left ? (size_t)(feed_.at[0] + 1) * 32 : 0;
	struct nlmsghdr *nlh = buf;
	int left;

	(void)sock;
	if (!feed_.left) {
		errno = EAGAIN;
		return -1;
	}
	feed_.at++;
	feed_.left--;
	if (n > feed_.left)
		n = feed_.left;
	if (n > size)
		n = size;
	memcpy(buf, feed_.at, n);
	feed_.at += n;
	feed_.left -= n;
	for (left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (!(nlh->nlmsg_seq & 1))
			nlh->nlmsg_seq = feed_.seq;
	return (ssize_t)n;
}

static int ask(struct nl *nl, uint8_t which, struct arena *arena)
{
	struct addr_list addrs = { .arena = arena };
	struct route_list routes = { .arena = arena };
	struct port_vlans vlans;
	unsigned int ports;
	struct link link;

	switch (which % 6) {
	case 0:
		return nl_link_get(nl, "eth0", &link);
	case 1:
		return nl_addr_list(nl, 2, AF_UNSPEC, &addrs);
	case 2:
		return nl_route_list(nl, &routes);
	case 3:
		return nl_vlan_get(nl, 2, &vlans);
	case 4:
		return nl_bridge_ports(nl, 2, &ports);
	default:
		nl_link_up(nl, 2);
		nl_link_up(nl, 3);
		return nl_commit_allow(nl, EEXIST);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nl nl;
	struct arena arena = { 0 };
	struct err err = { 0 };

	if (size < 2)
		return 0;
	nl = (struct nl){ .err = &err, .seq = 1, .first = 1 };
	feed_.at = data + 1;
	feed_.left = size - 1;
	fuzz_expect(ask(&nl, data[0], &arena), &err);
	if (nl.used || nl.overflow || nl.first != nl.seq)
		abort(); /* whatever happens, the batch is empty */
	arena_free(&arena);
	return 0;
}
