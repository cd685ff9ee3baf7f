/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_netlink DIR - writes real answers of the kernel as inputs of fuzz_netlink: in this
 * namespace, what each of the dumps that pkg/nl asks for says.
 */
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `which` as in fuzz_netlink.c's ask(). */
static const struct seed {
	uint8_t which;
	uint16_t type;
	uint8_t family;
	size_t header;
	int bus;        /* 0 is NETLINK_ROUTE */
	int filters_of; /* of a dump of filters: the device */
} seeds[] = {
	{ 0, RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg) },
	{ 1, RTM_GETADDR, AF_INET, sizeof(struct ifaddrmsg) },
	{ 1, RTM_GETADDR, AF_INET6, sizeof(struct ifaddrmsg) },
	{ 2, RTM_GETROUTE, AF_INET, sizeof(struct rtmsg) },
	{ 2, RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg) },
	{ 3, RTM_GETVLAN, AF_BRIDGE, sizeof(struct br_vlan_msg) },
	{ 4, RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg) },
	{ 6, RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg) },
	{ 9, RTM_GETQDISC, AF_UNSPEC, sizeof(struct tcmsg) },
	{ 10, RTM_GETTFILTER, AF_UNSPEC, sizeof(struct tcmsg), .filters_of = 2 },
	{ 11, RTM_GETROUTE, AF_INET, sizeof(struct rtmsg) },
	{ 11, RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg) },
	{ 13, RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg) },
	{ 12, RTM_GETRULE, AF_UNSPEC, sizeof(struct fib_rule_hdr) },
	{ 14, RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg) },
	{ 8, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, AF_INET, sizeof(struct nfgenmsg),
	  NETLINK_NETFILTER },
	{ 128 + 5, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC, sizeof(struct nfgenmsg),
	  NETLINK_NETFILTER },
	{ 128 + 2, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC, sizeof(struct nfgenmsg),
	  NETLINK_NETFILTER },
	{ 192 + 16, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC, sizeof(struct nfgenmsg),
	  NETLINK_NETFILTER },
	{ 192 + 16 + 2, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC,
	  sizeof(struct nfgenmsg), NETLINK_NETFILTER },
	{ 192 + 16 + 3, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC,
	  sizeof(struct nfgenmsg), NETLINK_NETFILTER },
	{ 192 + 16 + 5, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC,
	  sizeof(struct nfgenmsg), NETLINK_NETFILTER },
	{ 192 + 16 + 6, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC,
	  sizeof(struct nfgenmsg), NETLINK_NETFILTER },
	{ 192 + 16 + 8 + 3, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, AF_UNSPEC,
	  sizeof(struct nfgenmsg), NETLINK_NETFILTER },
};

static void put_header(struct nlmsghdr *nlh, const struct seed *seed)
{
	const struct tcmsg filters = { .tcm_ifindex = seed->filters_of, .tcm_parent = 0xffff0000 };
	uint8_t *header = mnl_nlmsg_put_extra_header(nlh, seed->header);

	if (seed->filters_of)
		memcpy(header, &filters, sizeof(filters));
	*header = seed->family;
}

static struct mnl_socket *ask(const struct seed *seed)
{
	char buf[256] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *sock = mnl_socket_open(seed->bus);

	if (!sock)
		exit(1);
	nlh->nlmsg_type = seed->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	put_header(nlh, seed);
	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		exit(1);
	return sock;
}

/* A datagram of the input: length byte in units of 16, bytes. */
static void put(FILE *out, const struct nlmsghdr *nlh)
{
	size_t units = (nlh->nlmsg_len + 15) / 16;

	if (!units || units > 256)
		return;
	fputc((int)units - 1, out);
	fwrite(nlh, 1, nlh->nlmsg_len, out);
	for (size_t i = nlh->nlmsg_len; i < units * 16; i++)
		fputc(0, out);
}

static void save(struct mnl_socket *sock, FILE *out)
{
	_Alignas(struct nlmsghdr) char buf[32768];

	for (;;) {
		int left = (int)mnl_socket_recvfrom(sock, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;

		if (left <= 0)
			return;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			put(out, nlh);
			if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(seeds) / sizeof(*seeds); i++) {
		struct mnl_socket *sock = ask(&seeds[i]);
		char path[4096];
		FILE *out;

		snprintf(path, sizeof(path), "%s/netlink-%zu", argv[1], i);
		out = fopen(path, "w");
		if (!out)
			return 1;
		fputc(seeds[i].which, out);
		save(sock, out);
		fclose(out);
		mnl_socket_close(sock);
	}
	return argc == 2 ? 0 : 2;
}
