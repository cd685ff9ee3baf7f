/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - a netlink socket with its batch of messages (nl/nl.h builds them): the batch is sent, its
 * answers, dumps and announcements are received. Must not know any family's messages.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NL_BUFSIZE 16384
#define NL_BATCH   128

/*
 * The kernel's largest dump chunk is 32 KiB, but what one link has to say of itself is told whole:
 * an attribute, as the list of its alternative names, may have 64 KiB (uapi/netlink.h, nla_len).
 */
#define NL_RECVSIZE (192 << 10)

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
	const char **labels; /* per queued message, for error texts: `default_labels`, or more */
	size_t batch;        /* messages that `label` has room for */
	const char *default_labels[NL_BATCH];
	char *in;  /* the datagram being read; of its pages few are touched */
	char *buf; /* `default_buf`, or something larger that its user has */
	size_t size;
	_Alignas(struct nlmsghdr) char default_buf[NL_BUFSIZE];
};

/* How many messages the open batch has. */
static inline uint32_t nl_queued(const struct nl *nl)
{
	return nl->seq - nl->first;
}

/*
 * Send what is queued, collect one ack each, empty the batch whatever happens. rtnetlink runs the
 * messages in order but does not stop at a failure: a batch may hold only what one undo takes back.
 * The first error is reported, with the kernel's extended ack as details.
 */
#define nl_commit(nl)               nl_query_allow((nl), 0, NULL, NULL)
#define nl_commit_allow(nl, errnum) nl_query_allow((nl), (errnum), NULL, NULL) /* no failure */

/* The same; every data message that answers goes to cb (MNL_CB_OK to go on). */
#define nl_query(nl, cb, data) nl_query_allow((nl), 0, (cb), (data))
int nl_query_allow(struct nl *nl, int errnum, mnl_cb_t cb, void *data) NODISCARD;

/*
 * A transaction of nfnetlink: its answers are all there when the request has been taken, and how
 * many there are is up to the kernel. The last message asks for an ack, the others for none.
 */
int nl_transaction(struct nl *nl) NODISCARD;

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
