/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/nl.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "sys/netns.h"

#define DUMP_TRIES 5

/*
 * The kernel answers while it is asked (a wait for RTNL is in the sending): none is an answer lost.
 */
#define ANSWER_TIMEOUT_S 60

int nl_open_bus(struct nl *nl, int bus, struct err *err)
{
	static const struct timeval bound = { .tv_sec = ANSWER_TIMEOUT_S };
	int one = 1;

	nl->err = err;
	nl->deferred = NULL;
	nl->labels = nl->default_labels;
	nl->batch = NL_BATCH;
	nl->buf = nl->default_buf;
	nl->size = sizeof(nl->default_buf);
	nl->dump_tries = DUMP_TRIES;
	nl->in = NULL;
	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock)
		return err_sys(err, "open netlink socket");
	nl->in = malloc(NL_RECVSIZE);
	if (!nl->in)
		return err_sys(err, "receive from netlink");
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(err, "bind netlink socket");
	if (setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &bound,
		       sizeof(bound)) < 0)
		return err_sys(err, "set netlink socket's timeout");
	/*
	 * Kernels without these (before 4.12, 4.20) still work, with poorer texts and longer dumps.
	 */
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (getrandom(&nl->seq, sizeof(nl->seq), 0) != sizeof(nl->seq))
		return err_sys(err, "get random bytes");
	nl->first = nl->seq;
	nl->used = 0;
	nl->overflow = false;
	return 0;
}

static int open_here(void *arg)
{
	struct nl *nl = arg;

	return nl_open(nl, nl->err);
}

int nl_open_at(struct nl *nl, int netns_fd, struct err *err)
{
	nl->sock = NULL; /* the namespace may not be entered */
	nl->in = NULL;
	nl->err = err;
	return netns_run(netns_fd, open_here, nl, err);
}

void nl_close(struct nl *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->in);
	nl->sock = NULL;
	nl->in = NULL;
}

static struct nlmsghdr *cur(struct nl *nl)
{
	return (struct nlmsghdr *)(void *)(nl->buf + nl->used);
}

static size_t room(const struct nl *nl)
{
	return nl->size - nl->used;
}

/* Close the message being built, if any, so that the next one starts behind it. */
static void seal(struct nl *nl)
{
	if (nl_queued(nl))
		nl->used += MNL_ALIGN(cur(nl)->nlmsg_len);
}

void nl_msg(struct nl *nl, uint16_t type, uint16_t flags, const void *hdr, size_t len,
	    const char *label)
{
	seal(nl);
	if (room(nl) < MNL_NLMSG_HDRLEN + MNL_ALIGN(len) || nl_queued(nl) >= nl->batch) {
		nl->overflow = true; /* build on at the start; nl_commit() will not send it */
		nl->used = 0;
	}
	nl->labels[nl_queued(nl) % nl->batch] = label;
	mnl_nlmsg_put_header(cur(nl));
	cur(nl)->nlmsg_type = type;
	cur(nl)->nlmsg_flags = NLM_F_REQUEST | flags;
	if ((flags & NLM_F_DUMP) != NLM_F_DUMP) /* its bits mean EXCL and REPLACE elsewhere */
		cur(nl)->nlmsg_flags |= NLM_F_ACK;
	cur(nl)->nlmsg_seq = nl->seq++;
	memcpy(mnl_nlmsg_put_extra_header(cur(nl), len), hdr, len);
}

void nl_put(struct nl *nl, uint16_t type, const void *data, size_t len)
{
	nl->overflow |= !mnl_attr_put_check(cur(nl), room(nl), type, len, data);
}

void nl_header(struct nl *nl, const void *hdr, size_t len)
{
	if (cur(nl)->nlmsg_len + MNL_ALIGN(len) > room(nl))
		nl->overflow = true;
	else
		memcpy(mnl_nlmsg_put_extra_header(cur(nl), len), hdr, len);
}

void nl_str(struct nl *nl, uint16_t type, const char *s)
{
	nl_put(nl, type, s, strlen(s) + 1);
}

void nl_u8(struct nl *nl, uint16_t type, uint8_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

void nl_u32(struct nl *nl, uint16_t type, uint32_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

void nl_ack(struct nl *nl, bool wanted)
{
	if (wanted)
		cur(nl)->nlmsg_flags |= NLM_F_ACK;
	else
		cur(nl)->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
}

void nl_ip(struct nl *nl, uint16_t type, const struct ip *ip)
{
	nl_put(nl, type, ip->bytes, ip_len(ip));
}

struct nlattr *nl_nest_begin(struct nl *nl, uint16_t type)
{
	static struct nlattr nowhere; /* so that the block still runs once */
	struct nlattr *nest = mnl_attr_nest_start_check(cur(nl), room(nl), type);

	nl->overflow |= !nest;
	return nest ? nest : &nowhere;
}

struct nlattr *nl_nest_end(struct nl *nl, struct nlattr *nest)
{
	if (!nl->overflow)
		mnl_attr_nest_end(cur(nl), nest);
	return NULL;
}

int nl_seal(struct nl *nl)
{
	seal(nl);
	if (nl->overflow)
		return err_set(nl->err, ERR_INTERNAL, "%s: netlink batch too large", nl->labels[0]);
	return 0;
}

void nl_reset(struct nl *nl)
{
	nl->used = 0;
	nl->overflow = false;
	nl->first = nl->seq;
}

static int take_attr(const struct nlattr *attr, void *data)
{
	struct nl_attrs *a = data;

	if (mnl_attr_get_type(attr) < NL_ATTR_TYPES)
		a->of[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

struct nl_attrs nl_attrs_of_msg(const struct nlmsghdr *nlh, size_t header)
{
	struct nl_attrs a = { 0 };

	(void)mnl_attr_parse(nlh, (unsigned int)header, take_attr, &a);
	return a;
}

struct nl_attrs nl_attrs_of_bytes(const void *attrs, size_t len)
{
	struct nl_attrs a = { 0 };

	(void)mnl_attr_parse_payload(attrs, len, take_attr, &a);
	return a;
}

struct nl_attrs nl_attrs_of(const struct nlattr *nest)
{
	return nl_attrs_of_bytes(nest ? mnl_attr_get_payload(nest) : NULL,
				 nest ? mnl_attr_get_payload_len(nest) : 0);
}

void nl_attr_bytes(const struct nlattr *attr, void *out, size_t size)
{
	if (attr && mnl_attr_get_payload_len(attr) >= size)
		memcpy(out, mnl_attr_get_payload(attr), size);
}

#define ATTR_READER(name, type)                                   \
	void nl_attr_##name(const struct nlattr *attr, type *out) \
	{                                                         \
		nl_attr_bytes(attr, out, sizeof(*out));           \
	}
ATTR_READER(u8, uint8_t)
ATTR_READER(u16, uint16_t)
ATTR_READER(u32, uint32_t)
ATTR_READER(int, int)

void nl_attr_str(const struct nlattr *attr, char *out, size_t size)
{
	size_t n;

	if (!attr)
		return;
	n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (n >= size)
		n = size - 1;
	memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
}

void nl_attr_ip(const struct nlattr *attr, uint8_t family, uint8_t plen, struct ip *out)
{
	struct ip ip = { .family = family, .plen = plen };

	if (!attr || (family != AF_INET && family != AF_INET6) ||
	    mnl_attr_get_payload_len(attr) != ip_len(&ip) || plen > ip_bits(&ip))
		return;
	memcpy(ip.bytes, mnl_attr_get_payload(attr), ip_len(&ip));
	*out = ip;
}
