/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/io.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "nl/nl.h"

#define MAX_ERRNO 4095 /* the kernel's own limit */

/* The kernel's own words (extended ack, uapi/netlink.h) become the error's details. */
static void extack(struct err *err, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = nlh->nlmsg_type == NLMSG_DONE ? sizeof(e->error) : sizeof(*e);
	const struct nlattr *msg;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < skip)
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR && !(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (skip >= mnl_nlmsg_get_payload_len(nlh))
		return;
	msg = nl_attrs_of_msg(nlh, skip).of[NLMSGERR_ATTR_MSG];
	if (msg && mnl_attr_validate(msg, MNL_TYPE_NUL_STRING) == 0)
		snprintf(err->details, sizeof(err->details), "%s", mnl_attr_get_str(msg));
}

/* Is this an answer to a request of the open batch? Others are leftovers or announcements. */
static bool is_ours(const struct nl *nl, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_seq - nl->first < nl_queued(nl);
}

static int negative_ack(struct nl *nl, const struct nlmsghdr *nlh, int code)
{
	err_fill(nl->err, ERR_INTERNAL, -code, "%s", nl->labels[nlh->nlmsg_seq - nl->first]);
	extack(nl->err, nlh);
	return -1;
}

/* State of one round: how many answers are still to come and what the first failure was. */
struct round {
	uint32_t left;
	int rc;
	int allowed; /* an errno that is no failure, 0 = none */
	bool interrupted;
	bool at_once; /* what answers there are, be it less than `left`, come with the sending */
	mnl_cb_t cb;
	void *data;
};

/*
 * NLMSG_ERROR and NLMSG_DONE both begin with a negative errno or 0; a cut-short one is a failure.
 */
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

static void handle_msg(struct nl *nl, struct round *r, const struct nlmsghdr *nlh)
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
 * One datagram of the kernel's. Any process of the namespace can write to our port as well, in the
 * container's namespace the container: a datagram from another port than 0 is dropped.
 */
static ssize_t receive(struct nl *nl, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(mnl_socket_get_fd(nl->sock), nl->in, NL_RECVSIZE,
				     MSG_TRUNC | flags, (struct sockaddr *)&from, &len);

		if (n >= 0 && (from.nl_pid || len != sizeof(from)))
			continue;
		if (n > NL_RECVSIZE) {
			errno = EMSGSIZE;
			return -1;
		}
		return n;
	}
}

static const struct nlmsghdr *received(const struct nl *nl)
{
	return (const struct nlmsghdr *)(const void *)nl->in;
}

/*
 * An error may be the one answer to all of a datagram: without CAP_NET_ADMIN nfnetlink looks no
 * further than its first message. The kernel answers while it is asked, so behind an error nothing
 * is waited for.
 */
static int collect(struct nl *nl, struct round *r)
{
	while (r->left) {
		ssize_t n = receive(nl, r->rc || r->at_once ? MSG_DONTWAIT : 0);
		const struct nlmsghdr *nlh = received(nl);
		int left = (int)n;

		/* ENOBUFS: announcements were lost, answers are still to come */
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0 && r->at_once && r->left < nl_queued(nl))
			break;
		if (n < 0) {
			nl->ack_lost = true;
			return r->rc ? r->rc
				     : err_sys(nl->err, "receive from netlink (%s)", nl->labels[0]);
		}
		for (; msg_ok(nlh, left) && r->left; nlh = mnl_nlmsg_next(nlh, &left))
			handle_msg(nl, r, nlh);
	}
	return r->rc;
}

/* Root of a user namespace has no larger socket buffer than anyone. */
static int not_sent(struct nl *nl)
{
	if (errno == ECONNREFUSED) /* no part of the kernel listens */
		errno = EPROTONOSUPPORT;
	if (errno == EMSGSIZE)
		return err_set(
			nl->err, ERR_INTERNAL,
			"send to netlink (%s): %zu bytes are more than net.core.wmem_max allows",
			nl->labels[0], nl->used);
	return err_sys(nl->err, "send to netlink (%s)", nl->labels[0]);
}

/* The one way out of a batch: whatever happens, it is empty afterwards. */
static int transact(struct nl *nl, struct round *r)
{
	int rc = 0;

	r->left = nl_queued(nl);
	nl->ack_lost = false;
	if (r->left && nl_seal(nl) < 0)
		rc = -1;
	else if (r->left && mnl_socket_sendto(nl->sock, nl->buf, nl->used) < 0)
		rc = not_sent(nl);
	else if (r->left)
		rc = collect(nl, r);
	nl_reset(nl);
	return rc;
}

int nl_query_allow(struct nl *nl, int errnum, mnl_cb_t cb, void *data)
{
	struct round r = { .allowed = errnum, .cb = cb, .data = data };

	return transact(nl, &r);
}

int nl_transaction(struct nl *nl)
{
	struct round r = { .at_once = true };

	return transact(nl, &r);
}

/* The batch of one stays in the buffer: it is queued again as it was, under a new number. */
int nl_dump(struct nl *nl, mnl_cb_t cb, void (*reset)(void *data), void *data)
{
	struct nlmsghdr *request = (struct nlmsghdr *)(void *)nl->buf;

	for (int i = 0; i < nl->dump_tries; i++) {
		struct round r = { .cb = cb, .data = data };

		if (i)
			request->nlmsg_seq = nl->seq++;
		reset(data);
		if (transact(nl, &r) < 0)
			return -1;
		if (!r.interrupted)
			return 0;
	}
	return err_set(nl->err, ERR_RETRY, "%s: interrupted %d times", nl->labels[0],
		       nl->dump_tries);
}

int nl_watch(struct nl *nl, int group)
{
	if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_sys(nl->err, "join rtnetlink group %d", group);
	return 0;
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
static int recv_event(struct nl *nl, mnl_cb_t cb, void *data)
{
	const struct nlmsghdr *nlh = received(nl);
	ssize_t n = receive(nl, 0);
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
static int read_nack(struct nl *nl)
{
	const struct nlmsghdr *nlh = received(nl);
	ssize_t n = receive(nl, 0);
	int left = (int)n;

	if (n < 0)
		return errno == EINTR ? 0 : err_sys(nl->err, "receive from netlink");
	for (; msg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (is_ours(nl, nlh) && nlh->nlmsg_type == NLMSG_ERROR && error_code(nlh))
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
		if (n > 0 && requests && fds[1].revents && read_nack(requests) < 0)
			return -1;
		if (n > 0 && fds[0].revents)
			rc = recv_event(nl, cb, data);
	}
	return rc;
}
