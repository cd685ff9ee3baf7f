/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hardware.c - preloaded, the interface whose index is $HARDWARE is one of the hardware: what the
 * kernel says of it has no kind, but a place in sysfs and a permanent MAC address. These stand
 * where the kernel's IFLA_STATS64 did.
 */
#include <dlfcn.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define UNUSED 250 /* a type of attribute that nothing reads */

static char *put(char *at, unsigned short type, const void *data, size_t n)
{
	struct rtattr attr = { .rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(n) };

	memcpy(at, &attr, sizeof(attr));
	memcpy(at + RTA_LENGTH(0), data, n);
	return at + RTA_SPACE(n);
}

static void replace(struct rtattr *a)
{
	static const char parent[] = "0000:03:00.0", bus[] = "pci";
	static const unsigned char mac[] = { 2, 0xbe, 0, 0, 0, 9 };
	char *at = (char *)a, *end = at + RTA_ALIGN(a->rta_len);

	at = put(at, IFLA_PARENT_DEV_NAME, parent, sizeof(parent));
	at = put(at, IFLA_PARENT_DEV_BUS_NAME, bus, sizeof(bus));
	at = put(at, IFLA_PERM_ADDRESS, mac, sizeof(mac));
	a = (struct rtattr *)(void *)at;
	a->rta_type = UNUSED;
	a->rta_len = (unsigned short)(end - at);
}

static void pretend(struct nlmsghdr *h)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	const char *index = getenv("HARDWARE");
	int left = (int)IFLA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWLINK || !index || info->ifi_index != atoi(index))
		return;
	for (struct rtattr *a = IFLA_RTA(info), *next; RTA_OK(a, left); a = next) {
		next = RTA_NEXT(a, left);
		if (a->rta_type == IFLA_LINKINFO)
			a->rta_type = UNUSED;
		else if (a->rta_type == IFLA_STATS64)
			replace(a);
	}
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
		 socklen_t *from_len)
{
	static __typeof__(recvfrom) *next;
	ssize_t n;
	int left;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "recvfrom");
	n = next(fd, buf, len, flags, from, from_len);
	left = n <= (ssize_t)len && from && from->sa_family == AF_NETLINK ? (int)n : 0;
	for (struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		pretend(h);
	return n;
}
