/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_nft.c - LD_PRELOAD: a kernel without nf_tables. What is asked of it is not sent; the answer is
 * nfnetlink's where no such subsystem is registered: EOPNOTSUPP to a batch, EINVAL to the rest.
 * With $NFT_LACKS only a part is missing, a type of chains or an expression of that name: a batch
 * that has it in a message is answered ENOENT. "nfnetlink": there is no such socket.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
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

static bool has_name(const struct nlmsghdr *nlh, const char *name)
{
	int type = nlh->nlmsg_type & 0xff;

	return nlh->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
	       (type == NFT_MSG_NEWCHAIN || type == NFT_MSG_NEWRULE) &&
	       memmem(nlh, nlh->nlmsg_len, name, strlen(name) + 1);
}

/* What is refused, and why; NULL: it is for the kernel. */
static const struct nlmsghdr *refused(const struct nlmsghdr *nlh, size_t len, int *why)
{
	const struct nfgenmsg *nfg = NLMSG_DATA(nlh);
	const char *lacks = getenv("NFT_LACKS");

	*why = -ENOENT;
	for (; lacks && NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len))
		if (has_name(nlh, lacks))
			return nlh;
	if (lacks)
		return NULL;
	*why = -EOPNOTSUPP;
	if (nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN && nfg->res_id == htons(NFNL_SUBSYS_NFTABLES))
		return nlh;
	*why = -EINVAL;
	return nlh->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES ? nlh : NULL;
}

API int socket(int domain, int type, int protocol)
{
	const char *lacks = getenv("NFT_LACKS");

	if (!lacks || strcmp(lacks, "nfnetlink") != 0 || domain != AF_NETLINK ||
	    protocol != NETLINK_NETFILTER)
		return NEXT(socket)(domain, type, protocol);
	errno = EPROTONOSUPPORT;
	return -1;
}

API ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		   socklen_t to_len)
{
	const struct nlmsghdr *nlh = buf;
	int domain = 0, why;
	socklen_t size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &domain, &size) < 0 ||
	    domain != NETLINK_NETFILTER || len < sizeof(*nlh) || !(nlh = refused(nlh, len, &why)))
		return NEXT(sendto)(fd, buf, len, flags, to, to_len);
	asked = fd;
	answer.nlh = (struct nlmsghdr){
		.nlmsg_len = sizeof(answer),
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_seq = nlh->nlmsg_seq,
	};
	answer.err = (struct nlmsgerr){ .error = why, .msg = *nlh };
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
