/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/link_wait.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "nl/nl.h"
#include "sys/deferred.h"

/* Of AF_BRIDGE it would say only that the port has left its bridge. */
static int until_gone(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const int *index = data;
	bool gone = nlh->nlmsg_type == RTM_DELLINK &&
		    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ifi) &&
		    ifi->ifi_family == AF_UNSPEC && ifi->ifi_index == *index;

	return gone ? MNL_CB_STOP : MNL_CB_OK;
}

_Noreturn static void send_alone(const struct nl *nl)
{
	int tries = 3; /* a failure is not reported */

	while (send(STDIN_FILENO, nl->buf, nl->used, 0) < 0 && --tries)
		;
	deferred_exit(nl->deferred, 0);
}

/*
 * Only messages of this type about this link pass, and none of AF_BRIDGE. Else a busy host's
 * announcements, and those of each step on the link's way out, would wake us for nothing, and
 * overflow the socket.
 */
static int filter(struct nl *w, uint16_t type, int index)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(type), 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_family)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNSPEC, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)index), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

	if (setsockopt(mnl_socket_get_fd(w->sock), SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)) < 0)
		return err_sys(w->err, "filter announcements");
	return 0;
}

static int open_in(struct nl *nl, int netns_fd, struct err *err)
{
	return netns_fd < 0 ? nl_open(nl, err) : nl_open_at(nl, netns_fd, err);
}

/*
 * A socket of its own, in the current namespace if none is said, that hears of this link only, for
 * nl_wait(). Watch first, then act or look, so that nothing falls between them.
 */
static int watch(struct nl *w, int netns_fd, uint16_t type, int index, struct err *err)
{
	if (open_in(w, netns_fd, err) < 0 || filter(w, type, index) < 0)
		return -1;
	return nl_watch(w, RTNLGRP_LINK);
}

#define DEL_TIMEOUT_MS 10000

static int look_up(int netns_fd, int index, struct link *l, struct err *err)
{
	auto_nl struct nl nl;

	if (open_in(&nl, netns_fd, err) < 0)
		return -1;
	return nl_link_get_index_allow(&nl, index, l);
}

/*
 * Wait for the announcement; when it did not come or some were lost, look for oneself. A refusal
 * with ENODEV means that the link is gone already.
 */
static int wait_gone(struct nl *watcher, struct nl *at, int netns_fd, int index)
{
	struct link l = { .index = index };
	int rc;

	do {
		rc = nl_wait(watcher, at, DEL_TIMEOUT_MS, until_gone, &index);
		if (rc > 0 && look_up(netns_fd, index, &l, watcher->err) < 0)
			return -1;
	} while (rc == 2 && l.index);
	if (rc > 0 && l.index)
		return err_set(watcher->err, ERR_INTERNAL, "delete link %s: not done in %d s",
			       l.name, DEL_TIMEOUT_MS / 1000);
	if (rc >= 0)
		return 0;
	if (watcher->err->sys != ENODEV)
		return -1;
	err_clear(watcher->err);
	return 0;
}

static int del_and_wait(struct nl *at, struct nl *watcher, int netns_fd, int far)
{
	pid_t pid = deferred_fork(at->deferred, mnl_socket_get_fd(at->sock));

	if (pid == 0)
		send_alone(at);
	if (pid < 0) {
		at->used = 0; /* not sealed after all: do it here and wait */
		return nl_commit_allow(at, ENODEV);
	}
	return wait_gone(watcher, at, netns_fd, far);
}

int nl_link_del_announced(struct nl *at, int index, int netns_fd, int far)
{
	auto_nl struct nl watcher;
	int rc = watch(&watcher, netns_fd, RTM_DELLINK, far, at->err);

	nl_link_del(at, index);
	if (!rc)
		rc = nl_seal(at) < 0 ? -1 : del_and_wait(at, &watcher, netns_fd, far);
	nl_reset(at);
	return rc;
}

static int until_up(const struct nlmsghdr *nlh, void *data)
{
	struct link *l = data;

	(void)nl_link_parse(nlh, l);
	return l->operstate == LINK_UP ? MNL_CB_STOP : MNL_CB_OK;
}

/* Watch first, then look, and again where announcements were lost. 1: not in time. */
static int wait_for(struct nl *nl, int netns_fd, int index, bool gone, int timeout_ms,
		    struct link *l)
{
	auto_nl struct nl watcher;
	int rc = watch(&watcher, netns_fd, gone ? RTM_DELLINK : RTM_NEWLINK, index, nl->err);

	if (rc < 0)
		return -1;
	do {
		if (nl_link_find(nl, NULL, index, gone, l) < 0)
			return -1;
		if (gone ? !l->index : l->operstate == LINK_UP)
			return 0;
		rc = gone ? nl_wait(&watcher, NULL, timeout_ms, until_gone, &index)
			  : nl_wait(&watcher, NULL, timeout_ms, until_up, l);
	} while (rc == 2);
	return rc;
}

int nl_link_wait_gone(struct nl *nl, int index, int timeout_ms)
{
	struct link l;

	return wait_for(nl, -1, index, true, timeout_ms, &l);
}

int nl_link_wait_up(struct nl *nl, int netns_fd, int index, int timeout_ms)
{
	struct link l;
	int rc = wait_for(nl, netns_fd, index, false, timeout_ms, &l);

	if (rc == 1)
		return err_set(nl->err, ERR_INTERNAL, "%s is not up after %d ms (operstate %d)",
			       l.name, timeout_ms, l.operstate);
	return rc;
}
