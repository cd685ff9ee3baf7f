/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/nl.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "sys/netns.h"

#define RECV_BUFSIZE 32768 /* the kernel's largest dump chunk */
#define DUMP_TRIES   5
#define MAX_ERRNO    4095 /* the kernel's own limit */

/* The kernel answers while it is asked (a wait for RTNL is in the sending): none is an answer lost. */
#define ANSWER_TIMEOUT_S 60

int nl_open_bus(struct nl *nl, int bus, struct err *err)
{
	static const struct timeval bound = { .tv_sec = ANSWER_TIMEOUT_S };
	int one = 1;

	nl->err = err;
	nl->buf = nl->own;
	nl->size = sizeof(nl->own);
	nl->dump_tries = DUMP_TRIES;
	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock)
		return err_sys(err, "open netlink socket");
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(err, "bind netlink socket");
	if (setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &bound,
		       sizeof(bound)) < 0)
		return err_sys(err, "set netlink socket's timeout");
	/* Kernels without these (before 4.12, 4.20) still work, with poorer texts and longer dumps. */
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

int nl_open(struct nl *nl, struct err *err)
{
	return nl_open_bus(nl, NETLINK_ROUTE, err);
}

struct open_at {
	struct nl *nl;
	struct err *err;
};

static int open_here(void *arg)
{
	struct open_at *o = arg;

	return nl_open(o->nl, o->err);
}

int nl_open_at(struct nl *nl, int netns_fd, struct err *err)
{
	struct open_at o = { nl, err };

	return netns_run(netns_fd, open_here, &o, err);
}

void nl_close(struct nl *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
}

static struct nlmsghdr *cur(struct nl *nl)
{
	return (struct nlmsghdr *)(void *)(nl->buf + nl->used);
}

static size_t room(const struct nl *nl)
{
	return nl->size - nl->used;
}

static uint32_t queued(const struct nl *nl)
{
	return nl->seq - nl->first;
}

/* Close the message being built, if any, so that the next one starts behind it. */
static void seal(struct nl *nl)
{
	if (queued(nl))
		nl->used += MNL_ALIGN(cur(nl)->nlmsg_len);
}

void nl_msg(struct nl *nl, uint16_t type, uint16_t flags, const void *hdr, size_t len,
	    const char *what)
{
	seal(nl);
	if (room(nl) < MNL_NLMSG_HDRLEN + MNL_ALIGN(len) || queued(nl) >= NL_BATCH) {
		nl->overflow = true; /* build on at the start; nl_commit() will not send it */
		nl->used = 0;
	}
	nl->what[queued(nl) % NL_BATCH] = what;
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

static int extack_attr(const struct nlattr *attr, void *data)
{
	struct err *err = data;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		snprintf(err->details, sizeof(err->details), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

/* The kernel's own words (extended ack, uapi/netlink.h) become the error's details. */
static void extack(struct err *err, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = nlh->nlmsg_type == NLMSG_DONE ? sizeof(e->error) : sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < skip)
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR && !(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (skip < mnl_nlmsg_get_payload_len(nlh))
		(void)mnl_attr_parse(nlh, (unsigned int)skip, extack_attr, err);
}

/* Is this an answer to a request of the open batch? Others are leftovers or announcements. */
static bool is_ours(const struct nl *nl, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_seq - nl->first < queued(nl);
}

static int negative_ack(struct nl *nl, const struct nlmsghdr *nlh, int code)
{
	err_fill(nl->err, ERR_INTERNAL, -code, "%s", nl->what[nlh->nlmsg_seq - nl->first]);
	extack(nl->err, nlh);
	return -1;
}

/* State of one round: how many answers are still to come and what the first failure was. */
struct round {
	uint32_t left;
	int rc;
	int allowed; /* an errno that is no failure, 0 = none */
	bool interrupted;
	mnl_cb_t cb;
	void *data;
};

/* NLMSG_ERROR and NLMSG_DONE both begin with a negative errno or 0; a cut-short one is a failure. */
static int error_code(const struct nlmsghdr *nlh)
{
	int32_t code;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(code))
		return nlh->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	if (code < -MAX_ERRNO)
		return -EBADMSG;
	return code < 0 ? code : 0;
}

static void take(struct nl *nl, struct round *r, const struct nlmsghdr *nlh)
{
	int code;

	if (!is_ours(nl, nlh))
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		r->interrupted = true;
	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE) {
		if (r->cb)
			(void)r->cb(nlh, r->data);
		return;
	}
	r->left--;
	code = error_code(nlh);
	if (code && -code != r->allowed && !r->rc)
		r->rc = negative_ack(nl, nlh, code);
}

/* libmnl takes a length over INT_MAX for a small one. */
static bool msg_ok(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)left;
}

/*
 * One datagram of the kernel's. Others may write to our port as well, in the container's namespace
 * those who live there: what they say is dropped.
 */
static ssize_t receive(const struct nl *nl, void *buf, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(mnl_socket_get_fd(nl->sock), buf, size, MSG_TRUNC | flags,
				     (struct sockaddr *)&from, &len);

		if (n >= 0 && (from.nl_pid || len != sizeof(from)))
			continue;
		if (n > (ssize_t)size) {
			errno = EMSGSIZE;
			return -1;
		}
		return n;
	}
}

static int collect(struct nl *nl, struct round *r)
{
	_Alignas(struct nlmsghdr) char buf[RECV_BUFSIZE];

	while (r->left) {
		ssize_t n = receive(nl, buf, sizeof(buf), 0);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
		int left = (int)n;

		/* ENOBUFS: announcements were lost, answers are still to come */
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0) {
			nl->unanswered = true;
			return err_sys(nl->err, "receive from netlink");
		}
		for (; msg_ok(nlh, left) && r->left; nlh = mnl_nlmsg_next(nlh, &left))
			take(nl, r, nlh);
	}
	return r->rc;
}

int nl_seal(struct nl *nl)
{
	seal(nl);
	if (nl->overflow)
		return err_set(nl->err, ERR_INTERNAL, "%s: netlink batch too large", nl->what[0]);
	return 0;
}

static int send_batch(struct nl *nl)
{
	if (nl_seal(nl) < 0)
		return -1;
	if (mnl_socket_sendto(nl->sock, nl->buf, nl->used) < 0)
		return err_sys(nl->err, "send to netlink (%s)", nl->what[0]);
	return 0;
}

void nl_reset(struct nl *nl)
{
	nl->used = 0;
	nl->overflow = false;
	nl->first = nl->seq;
}

/* The one way out of a batch: whatever happens, it is empty afterwards. */
static int transact(struct nl *nl, struct round *r)
{
	int rc = 0;

	r->left = queued(nl);
	nl->unanswered = false;
	if (r->left) {
		rc = send_batch(nl);
		if (!rc)
			rc = collect(nl, r);
	}
	nl_reset(nl);
	return rc;
}

int nl_query(struct nl *nl, mnl_cb_t cb, void *data)
{
	return nl_query_allow(nl, 0, cb, data);
}

int nl_query_allow(struct nl *nl, int errnum, mnl_cb_t cb, void *data)
{
	struct round r = { .allowed = errnum, .cb = cb, .data = data };

	return transact(nl, &r);
}

/* The answers that are there: the first refusal counts, or the last message's ack. */
static int collect_transaction(struct nl *nl)
{
	_Alignas(struct nlmsghdr) char buf[RECV_BUFSIZE];
	int rc = 0;

	nl->unanswered = true;
	for (;;) {
		ssize_t n = receive(nl, buf, sizeof(buf), MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		for (; msg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (!is_ours(nl, nlh) || nlh->nlmsg_type != NLMSG_ERROR)
				continue;
			nl->unanswered = false;
			if (error_code(nlh) && !rc)
				rc = negative_ack(nl, nlh, error_code(nlh));
		}
	}
	if (nl->unanswered)
		return err_sys(nl->err, "receive from netlink (%s)", nl->what[0]);
	return rc;
}

int nl_transaction(struct nl *nl)
{
	int rc = send_batch(nl);

	nl->unanswered = false;
	if (!rc)
		rc = collect_transaction(nl);
	nl_reset(nl);
	return rc;
}

int nl_commit(struct nl *nl)
{
	return nl_query(nl, NULL, NULL);
}

int nl_commit_allow(struct nl *nl, int errnum)
{
	return nl_query_allow(nl, errnum, NULL, NULL);
}

/* Queue the request again as it was, under a new number. */
static void requeue(struct nl *nl, const void *msg, size_t len, const char *what)
{
	memcpy(nl->buf, msg, len);
	nl->what[0] = what;
	cur(nl)->nlmsg_seq = nl->seq++;
}

int nl_dump(struct nl *nl, mnl_cb_t cb, void (*reset)(void *data), void *data)
{
	char msg[256];
	size_t len = cur(nl)->nlmsg_len;
	const char *what = nl->what[0];

	nl->overflow |= len > sizeof(msg);
	if (!nl->overflow)
		memcpy(msg, nl->buf, len);
	for (int i = 0; i < nl->dump_tries; i++) {
		struct round r = { .cb = cb, .data = data };

		if (i)
			requeue(nl, msg, len, what);
		reset(data);
		if (transact(nl, &r) < 0)
			return -1;
		if (!r.interrupted)
			return 0;
	}
	return err_set(nl->err, ERR_RETRY, "%s: interrupted %d times", what, nl->dump_tries);
}

int nl_watch(struct nl *nl, int group)
{
	if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_sys(nl->err, "join rtnetlink group %d", group);
	return 0;
}

static bool is_refusal(const struct nl *nl, const struct nlmsghdr *nlh)
{
	return is_ours(nl, nlh) && nlh->nlmsg_type == NLMSG_ERROR && error_code(nlh);
}

/* An overrun socket takes nothing, answers neither, until all that is queued has been read. */
static void discard(struct nl *nl)
{
	char byte;

	while (recv(mnl_socket_get_fd(nl->sock), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 ||
	       errno == EINTR || errno == ENOBUFS)
		;
}

/* One datagram of announcements to cb. Returns as nl_wait(), 3 for "go on". */
static int hear(struct nl *nl, mnl_cb_t cb, void *data)
{
	_Alignas(struct nlmsghdr) char buf[RECV_BUFSIZE];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
	ssize_t n = receive(nl, buf, sizeof(buf), 0);
	int left = (int)n;

	if (n < 0 && errno == ENOBUFS) {
		discard(nl);
		return 2;
	}
	if (n < 0)
		return errno == EINTR ? 3 : err_sys(nl->err, "receive from netlink");
	for (; msg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && cb(nlh, data) == MNL_CB_STOP)
			return 0;
	}
	return 3;
}

/* A request that another process sent for us was answered: only a refusal matters. */
static int refusal(struct nl *nl)
{
	_Alignas(struct nlmsghdr) char buf[RECV_BUFSIZE];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
	ssize_t n = receive(nl, buf, sizeof(buf), 0);
	int left = (int)n;

	if (n < 0)
		return errno == EINTR ? 0 : err_sys(nl->err, "receive from netlink");
	for (; msg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (is_refusal(nl, nlh))
			return negative_ack(nl, nlh, error_code(nlh));
	return 0;
}

int nl_wait(struct nl *nl, struct nl *requests, int timeout_ms, mnl_cb_t cb, void *data)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int rc = 3;

	while (rc == 3) {
		struct pollfd fds[] = {
			{ .fd = mnl_socket_get_fd(nl->sock), .events = POLLIN },
			{ .fd = requests ? mnl_socket_get_fd(requests->sock) : -1,
			  .events = POLLIN },
		};
		int64_t left = deadline - clock_ms();
		int n = poll(fds, ARRAY_SIZE(fds), left > 0 ? (int)left : 0);

		if (n < 0 && errno != EINTR)
			return err_sys(nl->err, "wait for rtnetlink");
		if (n == 0)
			return 1;
		if (n > 0 && requests && fds[1].revents && refusal(requests) < 0)
			return -1;
		if (n > 0 && fds[0].revents)
			rc = hear(nl, cb, data);
	}
	return rc;
}

void nl_attr_u32(const struct nlattr *attr, uint32_t *out)
{
	if (mnl_attr_get_payload_len(attr) >= sizeof(*out))
		*out = mnl_attr_get_u32(attr);
}

void nl_attr_int(const struct nlattr *attr, int *out)
{
	if (mnl_attr_get_payload_len(attr) >= sizeof(*out))
		*out = (int)mnl_attr_get_u32(attr);
}

void nl_attr_str(const struct nlattr *attr, char *out, size_t size)
{
	size_t n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (n >= size)
		n = size - 1;
	memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
}

void nl_attr_ip(const struct nlattr *attr, uint8_t family, uint8_t plen, struct ip *out)
{
	struct ip ip = { .family = family, .plen = plen };

	if ((family != AF_INET && family != AF_INET6) ||
	    mnl_attr_get_payload_len(attr) != ip_len(&ip) || plen > ip_bits(&ip))
		return;
	memcpy(ip.bytes, mnl_attr_get_payload(attr), ip_len(&ip));
	*out = ip;
}
