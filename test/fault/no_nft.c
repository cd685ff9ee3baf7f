/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_nft.c - LD_PRELOAD: a kernel without nf_tables. What is asked of it is not sent; the answer is
 * nfnetlink's where no such subsystem is registered: EOPNOTSUPP to a batch, EINVAL to the rest.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#define API __attribute__((visibility("default")))

/* The next definition behind this library. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct {
	struct nlmsghdr nlh;
	struct nlmsgerr err;
} answer;
static int asked = -1; /* the socket whose answer it is */

static int refusal(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN && nfg->res_id == htons(NFNL_SUBSYS_NFTABLES))
		return -EOPNOTSUPP;
	return nlh->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES ? -EINVAL : 0;
}

API ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		   socklen_t to_len)
{
	const struct nlmsghdr *nlh = buf;
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &domain, &size) < 0 ||
	    domain != NETLINK_NETFILTER || len < sizeof(*nlh) || !refusal(nlh))
		return NEXT(sendto)(fd, buf, len, flags, to, to_len);
	asked = fd;
	answer.nlh = (struct nlmsghdr){
		.nlmsg_len = sizeof(answer),
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_seq = nlh->nlmsg_seq,
	};
	answer.err = (struct nlmsgerr){ .error = refusal(nlh), .msg = *nlh };
	return (ssize_t)len;
}

API ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
		     socklen_t *from_len)
{
	if (fd != asked)
		return NEXT(recvfrom)(fd, buf, len, flags, from, from_len);
	if (from && from_len)
		memset(from, 0, *from_len);
	if (from)
		from->sa_family = AF_NETLINK;
	memcpy(buf, &answer, sizeof(answer) < len ? sizeof(answer) : len);
	if (!(flags & MSG_PEEK))
		asked = -1;
	return sizeof(answer);
}
