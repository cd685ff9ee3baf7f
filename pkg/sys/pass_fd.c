/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/pass_fd.h"

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
