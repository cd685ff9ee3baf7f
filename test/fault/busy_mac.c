/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy_mac.c - preloaded, every device is one that takes no MAC address while it is up: the kernel
 * does not hear of a request for one, unless the same batch takes the device down before, and the
 * answer is EBUSY. With $BUSY_ALWAYS it takes none then either: EPERM, or $BUSY_ERRNO, as of a
 * virtual function whose MAC address is the host's matter. If that is "at once", it says so while
 * it is up, too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned int refused; /* its sequence number */
static int answer;

static bool has_attr(const struct nlmsghdr *h, unsigned short type)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type)
			return true;
	return false;
}

static bool is_link(const struct nlmsghdr *h)
{
	return h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_SETLINK;
}

static bool at_once(void)
{
	const char *always = getenv("BUSY_ALWAYS");

	return always && !strcmp(always, "at once");
}

static int refusal(void)
{
	const char *number = getenv("BUSY_ERRNO");

	return number ? atoi(number) : EPERM;
}

static void refuse(void *buf, size_t len)
{
	bool down = false;
	int left = (int)len;

	for (struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct ifinfomsg *info = NLMSG_DATA(h);

		if (!is_link(h))
			continue;
		down |= (info->ifi_change & IFF_UP) && !(info->ifi_flags & IFF_UP);
		if ((down && !getenv("BUSY_ALWAYS")) || !has_attr(h, IFLA_ADDRESS) ||
		    has_attr(h, IFLA_LINKINFO))
			continue;
		refused = h->nlmsg_seq;
		answer = down || at_once() ? -refusal() : -EBUSY;
		h->nlmsg_type = NLMSG_NOOP; /* which is answered as done */
	}
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	static __typeof__(sendto) *next;
	char copy[1 << 16];

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sendto");
	if (!to || to->sa_family != AF_NETLINK || len > sizeof(copy))
		return next(fd, buf, len, flags, to, to_len);
	memcpy(copy, buf, len);
	refuse(copy, len);
	return next(fd, copy, len, flags, to, to_len);
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
	left = refused && n <= (ssize_t)len ? (int)n : 0;
	for (struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == refused)
			((struct nlmsgerr *)NLMSG_DATA(h))->error = answer;
	return n;
}
