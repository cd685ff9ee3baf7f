/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl.h - netlink over libmnl: a socket per namespace, messages built in place, one commit per
 * batch.
 *
 * Knows no JSON and no CNI. A namespace is a socket passed as argument: a socket belongs for ever
 * to the namespace it was opened in.
 */
#ifndef CNIC_NL_NL_H
#define CNIC_NL_NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/ip.h"

#define NL_BUFSIZE  16384
#define NL_RECVSIZE 32768 /* the kernel's largest dump chunk */
#define NL_BATCH    128

struct deferred;

struct nl {
	struct mnl_socket *sock;
	struct err *err;           /* where this socket reports */
	struct deferred *deferred; /* for children that end what is slow; NULL = none, waits */
	uint32_t seq, first;       /* next sequence number; first of the open batch */
	size_t used;               /* bytes queued before the message being built */
	bool overflow;             /* sticky: a message did not fit */
	bool ack_lost;             /* the last commit was sent, what came of it is not known */
	int dump_tries;            /* how often an interrupted dump is begun anew */
	const char **what;         /* per queued message, for error texts: `own_what`, or more */
	size_t batch;              /* messages that `what` has room for */
	const char *own_what[NL_BATCH];
	char *buf; /* `own`, or something larger that its user has */
	size_t size;
	_Alignas(struct nlmsghdr) char own[NL_BUFSIZE];
	_Alignas(struct nlmsghdr) char in[NL_RECVSIZE]; /* the datagram being read */
};

/* How many messages the open batch has. */
static inline uint32_t nl_queued(const struct nl *nl)
{
	return nl->seq - nl->first;
}

/* rtnetlink socket in the current network namespace; reports to err from now on. */
int nl_open(struct nl *nl, struct err *err) NODISCARD;
/* The same on another bus, NETLINK_NETFILTER. */
int nl_open_bus(struct nl *nl, int bus, struct err *err) NODISCARD;
/* The same in the namespace netns_fd refers to. */
int nl_open_at(struct nl *nl, int netns_fd, struct err *err) NODISCARD;
void nl_close(struct nl *nl);
#define auto_nl __attribute__((cleanup(nl_close)))

/*
 * Building. Nothing here fails: a message that outgrows the buffer poisons the batch and
 * nl_commit() says so. `what` is for the error text and must outlive the commit ("create veth").
 */
void nl_msg(struct nl *nl, uint16_t type, uint16_t flags, const void *hdr, size_t len,
	    const char *what);
void nl_put(struct nl *nl, uint16_t type, const void *data, size_t len);
void nl_header(struct nl *nl, const void *hdr, size_t len); /* a protocol header inside a nest */
void nl_str(struct nl *nl, uint16_t type, const char *s);
void nl_u8(struct nl *nl, uint16_t type, uint8_t v);
void nl_u32(struct nl *nl, uint16_t type, uint32_t v);
void nl_ack(struct nl *nl,
	    bool wanted); /* of the message being built; it is, unless told otherwise */
void nl_ip(struct nl *nl, uint16_t type, const struct ip *ip);
struct nlattr *nl_nest_begin(struct nl *nl, uint16_t type);
struct nlattr *nl_nest_end(struct nl *nl, struct nlattr *nest);

/* nl_nest(nl, IFLA_LINKINFO) { ... }: the block is the nested attribute; never leave it early. */
#define nl_nest(nl, type)      NL_NEST_(nl, type, __COUNTER__)
#define NL_NEST_(nl, type, id) NL_NEST__(nl, type, id)
#define NL_NEST__(nl, type, id)                                                 \
	for (struct nlattr *nest_##id = nl_nest_begin((nl), (type)); nest_##id; \
	     nest_##id = nl_nest_end((nl), nest_##id))

/*
 * Send what is queued, collect one ack each, empty the batch whatever happens. rtnetlink runs the
 * messages in order but does not stop at a failure: a batch may hold only what one undo takes back.
 * The first error is reported, with the kernel's extended ack as details.
 */
int nl_commit(struct nl *nl) NODISCARD;
int nl_commit_allow(struct nl *nl, int errnum) NODISCARD; /* that errno is no failure */

/* The same; every data message that answers goes to cb (MNL_CB_OK to go on). */
int nl_query(struct nl *nl, mnl_cb_t cb, void *data) NODISCARD;
int nl_query_allow(struct nl *nl, int errnum, mnl_cb_t cb, void *data) NODISCARD;

/*
 * A transaction of nfnetlink: its answers are all there when the request has been taken, and how
 * many there are is up to the kernel. The last message asks for an ack, the others for none.
 */
int nl_transaction(struct nl *nl) NODISCARD;

/*
 * For a request that somebody else sends: nl_seal() completes the batch in buf[0..used), nl_reset()
 * empties it once the answer does not matter any more.
 */
int nl_seal(struct nl *nl) NODISCARD;
void nl_reset(struct nl *nl);

/*
 * Dumps: build one message with NLM_F_DUMP, then this. `reset` is called before each try, since a
 * dump the kernel calls interrupted (NLM_F_DUMP_INTR) is repeated, dump_tries times.
 */
int nl_dump(struct nl *nl, mnl_cb_t cb, void (*reset)(void *data), void *data) NODISCARD;

/*
 * Watching. After nl_watch() the kernel's announcements of that group (RTNLGRP_*) queue up on this
 * socket, which must not send requests any more: announcements could crowd out the answers.
 * nl_wait() hands each to cb until cb returns MNL_CB_STOP (0), the deadline passes (1), or it fails
 * (-1). Lost announcements (ENOBUFS) are 2: look again. Also returns -1, with the error, as soon as
 * a negative answer to a request sent on `requests` (may be NULL) arrives.
 */
int nl_watch(struct nl *nl, int group) NODISCARD;
int nl_wait(struct nl *nl, struct nl *requests, int timeout_ms, mnl_cb_t cb, void *data) NODISCARD;

/*
 * Reading attributes whose length the kernel should have got right, without relying on it: one that
 * is too short leaves *out as it is.
 */
void nl_attr_u32(const struct nlattr *attr, uint32_t *out);
void nl_attr_int(const struct nlattr *attr, int *out);
void nl_attr_str(const struct nlattr *attr, char *out, size_t size);
void nl_attr_ip(const struct nlattr *attr, uint8_t family, uint8_t plen, struct ip *out);

#endif
