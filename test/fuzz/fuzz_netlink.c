/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_netlink - hostile answers from the kernel's side: whatever pkg/nl asks, what it receives is
 * the input's bytes. The sequence numbers are made to fit, or nothing would be looked at.
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "netfilter/masq_compat.h"
#include "netfilter/masq_nft.h"
#include "nft/chain.h"
#include "nl/addr.h"
#include "nl/bridge_vlan.h"
#include "nl/conntrack.h"
#include "nl/link.h"
#include "nl/link_device.h"
#include "nl/qdisc.h"
#include "nl/route_copy.h"
#include "nl/rule.h"
#include "plugins/meta/firewall/iptables_nft.h"
#include "plugins/meta/firewall/nftables.h"

static struct {
	const uint8_t *at;
	size_t left;
	uint32_t seq, requests; /* of the last batch that was sent */
} input;

/* mnl_nlmsg_ok() takes a length over INT_MAX for a small one. */
static bool is_whole(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)left;
}

/* ---- these are called instead of libc's ------------------------------------------------------ */

ssize_t sendto(int fd, const void *buf, size_t size, int flags, const struct sockaddr *to,
	       socklen_t len)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)size;

	(void)fd, (void)flags, (void)to, (void)len;
	input.seq = nlh->nlmsg_seq;
	for (input.requests = 0; is_whole(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		input.requests++;
	if (!input.requests || left)
		abort(); /* what we send must be well-formed */
	return (ssize_t)size;
}

/*
 * A datagram: a length byte in units of 16, then that much of the input. One of the greatest length
 * is said to have been longer than the buffer (MSG_TRUNC).
 */
static ssize_t next_datagram(void *buf, size_t size, int flags)
{
	size_t more = input.left && input.at[0] == 255 && flags & MSG_TRUNC ? size : 0;
	size_t n = input.left ? (size_t)(input.at[0] + 1) * 16 : 0;
	struct nlmsghdr *nlh = buf;
	int left;

	if (!input.left) {
		errno = EAGAIN;
		return -1;
	}
	input.at++;
	input.left--;
	if (n > input.left)
		n = input.left;
	if (n > size)
		n = size;
	memcpy(buf, input.at, n);
	input.at += n;
	input.left -= n;
	for (left = (int)n; is_whole(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (input.requests && nlh->nlmsg_seq < 0x10000)
			nlh->nlmsg_seq = input.seq + nlh->nlmsg_seq % input.requests;
	return (ssize_t)(n + more);
}

ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	(void)fd;
	return next_datagram(buf, size, flags);
}

ssize_t recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *from, socklen_t *len)
{
	(void)fd;
	if (from)
		memset(from, 0, *len);
	return next_datagram(buf, size, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	memset(msg->msg_name, 0, msg->msg_namelen);
	msg->msg_namelen = sizeof(struct sockaddr_nl);
	return next_datagram(msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)timeout;
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = input.left && fds[i].fd >= 0 ? POLLIN : 0;
	return input.left ? (int)n : 0;
}

/* ---------------------------------------------------------------------------------------------- */

static int never(const struct nlmsghdr *nlh, void *data)
{
	struct link *link = data;

	(void)nl_link_parse(nlh, link);
	return link->index == 4711 ? MNL_CB_STOP : MNL_CB_OK;
}

/* Two requests in a batch, both refused or not, are one commit. */
static int commit(struct nl *nl)
{
	nl_link_up(nl, 2);
	nl_link_up(nl, 3);
	return nl_commit_allow(nl, EEXIST);
}

/* Flushed by the kernel, as it may refuse; or listed and deleted. */
static int flush(struct nl *nl, bool by_kernel, struct arena *arena)
{
	const struct conntrack_port ports[] = {
		{ .proto = IPPROTO_UDP, .port = 53 },
		{ .proto = by_kernel ? IPPROTO_TCP : IPPROTO_SCTP, .port = 53 },
	};

	return conntrack_flush(nl, AF_INET, ports, ARRAY_SIZE(ports), arena);
}

static bool is_short(const char *comment, void *data)
{
	(void)data;
	return strlen(comment) < 8;
}

/* Tables of our own, and what others have made; the answers may say anything of them. */
static int ask_nft(struct nl *nl, uint8_t which, struct arena *arena)
{
	static const char *const from[] = { "a", NULL };
	static const struct nft_chain_removal to_delete = { "CNI-x", "CNI-y", from };
	struct cni_ipconfig ip = {
		.address = { .family = AF_INET, .plen = 16, .bytes = { 10, 1, 0, 2 } },
	};
	const struct cni_result r = { .ips = &ip, .n_ips = 1 };
	const struct cni_request req = { .container_id = "c", .ifname = "eth0", .net.name = "n" };
	struct cni_call call = { .req = &req, .nft = nl, .arena = arena, .err = nl->err };
	struct nft_elems elems = masq_nft_elems(&r, "owner", arena);
	size_t n;

	switch (which % 8) {
	case 0:
		return nft_elems_add(nl, &elems, arena);
	case 1:
		return nft_elems_del(nl, &elems, arena);
	case 2:
		return nft_elems_check(nl, &elems, arena);
	case 3:
		return nft_elems_restore(nl, &elems, arena);
	case 4:
		return nft_elems_gc(nl, &masq_nft_table, is_short, NULL, arena);
	case 5:
		return nft_chain_remove(nl, &nft_ipt_nat[0], &to_delete, arena);
	case 6:
		return which & 8 ? masq_compat.set(&call, &r)
				 : masq_compat.gc(&call, is_short, NULL);
	default:
		return nft_count_jumps(nl, &nft_ipt_nat[0], "a", "CNI-x", arena, &n);
	}
}

static const struct fw_forward *successor(const char *bridge, void *data)
{
	return strlen(bridge) < 4 ? data : NULL;
}

/* Forwarding, in both ways that are netlink's. */
static int ask_forward(struct nl *nl, uint8_t which, struct arena *arena)
{
	const struct fw_backend *backend = which & 8 ? &fw_nftables : &fw_iptables_nft;
	struct ip ip = { .family = which & 16 ? AF_INET : AF_INET6, .bytes = { 10, 1, 0, 2 } };
	const struct ip *ips[] = { &ip };
	struct cni_call call = { .nft = nl, .arena = arena, .err = nl->err };
	struct fw_forward f = { .c = &call,
				.ips = ips,
				.n_ips = 1,
				.comment = "owner",
				.network = "net",
				.admin = "CNI-ADMIN",
				.bridge = "br0",
				.isolated = which & 32 };
	bool ready;

	switch (which % 8) {
	case 0:
		return backend->ready(&f, &ready) < 0 ? -1 : backend->add(&f);
	case 1:
		return backend->prepare(&f) < 0 ? -1 : backend->undo(&f);
	case 2:
		return backend->release(&f);
	case 3:
		return backend->verify(&f);
	case 4:
		return backend->restore(&f);
	case 5:
		return backend->gc(&call, is_short, NULL);
	default:
		return backend->policy_reassign(&call, "net", successor, &f);
	}
}

/* Whole routes, which go and come again. */
static int move_routes(struct nl *nl, struct arena *arena)
{
	struct route_list routes = { .arena = arena, .whole = true };

	if (nl_route_list(nl, AF_UNSPEC, &routes) < 0)
		return -1;
	for (size_t i = 0; i < routes.n_route; i++) {
		const struct route *r = &routes.route[i];

		if (!nl_route_is_via(r, 2) || !nl_route_gateway(r, 2).family)
			continue;
		nl_route_copy(nl, r, 2, r->table + 1);
		nl_route_detach(nl, r, 2);
		nl_route_attach(nl, r, 2);
		if (nl_commit(nl) < 0)
			return -1;
	}
	return 0;
}

static int ask(struct nl *nl, uint8_t which, struct arena *arena)
{
	struct addr_list addrs = { .arena = arena };
	struct route_list routes = { .arena = arena };
	struct rule_list rules = { .arena = arena };
	struct link_list links = { .arena = arena };
	struct link_device_list devices = { .arena = arena };
	struct link link = { 0 };
	struct port_vlans vlans;
	struct qdisc_set qdiscs;
	unsigned int ports;
	int to;

	if (which >= 192)
		return ask_forward(nl, which, arena);
	if (which >= 128)
		return ask_nft(nl, which, arena);
	switch (which % 16) {
	case 0:
		return nl_link_get(nl, "eth0", &link);
	case 1:
		return nl_addr_list(nl, 2, AF_UNSPEC, &addrs);
	case 2:
		return nl_route_list(nl, AF_UNSPEC, &routes);
	case 3:
		return nl_vlan_get(nl, 2, &vlans);
	case 4:
		return nl_bridge_ports(nl, 2, &ports);
	case 5:
		return nl_link_get_index_allow(nl, 2, &link);
	case 6:
		return nl_wait(nl, NULL, 1, never, &link) < 0 ? -1 : 0;
	case 7:
		return flush(nl, true, arena);
	case 8:
		return flush(nl, false, arena);
	case 9:
		return nl_qdisc_get(nl, 2, &qdiscs);
	case 10:
		return nl_redirect_get(nl, 2, &to);
	case 11:
		return move_routes(nl, arena);
	case 12:
		return nl_rule_list(nl, &rules);
	case 13:
		return nl_link_list(nl, &links);
	case 14:
		return nl_device_list(nl, &devices);
	default:
		return commit(nl);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nl nl;
	struct arena arena = { 0 };
	struct err err = { 0 };

	if (size < 2)
		return 0;
	if (!nl.sock && nl_open(&nl, &err) < 0)
		abort();
	nl.err = &err;
	input.at = data + 1;
	input.left = size - 1;
	input.requests = 0;
	fuzz_expect(ask(&nl, data[0], &arena), &err);
	if (nl.used || nl.overflow || nl.first != nl.seq)
		abort();         /* whatever happens, the batch is empty */
	nl.buf = nl.default_buf; /* a larger one is the arena's */
	nl.size = sizeof(nl.default_buf);
	nl.labels = nl.default_labels;
	nl.batch = NL_BATCH;
	arena_free(&arena);
	return 0;
}
