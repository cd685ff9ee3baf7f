/* SPDX-License-Identifier: Apache-2.0 */
/* pass_fd.h - a descriptor along with a message of a UNIX socket (SCM_RIGHTS, unix(7)). */
#pragma once

#include <sys/socket.h>

#include "base/attr.h"

/* Beside the message, as long as that is used. */
union pass_fd {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* To be sent; the descriptor stays the caller's. -1: none goes along. */
void pass_fd_put(struct msghdr *m, union pass_fd *room, int fd);

/* To be received: there is room for one. Then the one that has come, the caller's; -1: none. */
void pass_fd_expect(struct msghdr *m, union pass_fd *room);
int pass_fd_take(struct msghdr *m);

/* A message of one byte, and the descriptor (-1: none). 0; -1: errno says why. */
int pass_fd_send(int s, char byte, int fd, int flags) NODISCARD;

/* 1; 0: the other end is gone; -1: errno says why. *fd is the caller's, -1: none has come. */
int pass_fd_receive(int s, char *byte, int *fd) NODISCARD;
