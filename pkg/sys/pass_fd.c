/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/pass_fd.h"

#include <errno.h>
#include <string.h>

void pass_fd_put(struct msghdr *m, union pass_fd *room, int fd)
{
	if (fd < 0)
		return;
	*room = (union pass_fd){ 0 };
	m->msg_control = room;
	m->msg_controllen = sizeof(*room);
	room->header.cmsg_level = SOL_SOCKET;
	room->header.cmsg_type = SCM_RIGHTS;
	room->header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&room->header), &fd, sizeof(int));
}

/* CMSG_SPACE() would leave room for two. */
void pass_fd_expect(struct msghdr *m, union pass_fd *room)
{
	m->msg_control = room;
	m->msg_controllen = CMSG_LEN(sizeof(int));
}

int pass_fd_take(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int pass_fd_send(int s, char byte, int fd, int flags)
{
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	union pass_fd room;

	pass_fd_put(&m, &room, fd);
	return sendmsg(s, &m, flags | MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int pass_fd_receive(int s, char *byte, int *fd)
{
	char got = 0;
	struct iovec io = { &got, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	union pass_fd room;
	ssize_t n;

	pass_fd_expect(&m, &room);
	do
		n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*fd = n > 0 ? pass_fd_take(&m) : -1;
	*byte = got;
	return (int)n;
}
