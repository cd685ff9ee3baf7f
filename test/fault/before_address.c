/* SPDX-License-Identifier: Apache-2.0 */
/*
 * before_address.c - preloaded, the shell's command $BEFORE_ADDRESS runs just before the kernel is
 * asked for a new address on $ADDRESS_ON, an interface of the namespace that the plugin starts in.
 */
#include <dlfcn.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_wanted(const struct nlmsghdr *h, size_t len)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);

	return len >= NLMSG_LENGTH(sizeof(*a)) && h->nlmsg_type == RTM_NEWADDR &&
	       h->nlmsg_flags & NLM_F_EXCL && a->ifa_index == if_nametoindex(getenv("ADDRESS_ON"));
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	static __typeof__(sendto) *next;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sendto");
	if (to && to->sa_family == AF_NETLINK && is_wanted(buf, len)) {
		unsetenv("LD_PRELOAD");
		if (system(getenv("BEFORE_ADDRESS")) != 0)
			abort();
	}
	return next(fd, buf, len, flags, to, to_len);
}
