/* SPDX-License-Identifier: Apache-2.0 */
#include "manager.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/scope.h"
#include "sys/pass_fd.h"
#include "json/json.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define MOST  65536

static long number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : 0;
}

void manager_open(struct manager *m)
{
	const char *variable = getenv("LISTEN_FDNAMES");
	char *names = arena_strdup(json_arena(), variable ? variable : ""), *name;
	long n = number_of("LISTEN_FDS");

	*m = (struct manager){ 0 };
	if (number_of("LISTEN_PID") != getpid() || n < 1 || n > MOST)
		return;
	m->passed = json_list(typeof(*m->passed), (size_t)n);
	m->n = (size_t)n;
	for (size_t i = 0; i < m->n; i++) {
		name = strsep(&names, ":");
		m->passed[i].name = name ? name : "";
		m->passed[i].fd = FIRST + (int)i;
		(void)fcntl(m->passed[i].fd, F_SETFD, FD_CLOEXEC);
		(void)fcntl(m->passed[i].fd, F_SETFL, O_NONBLOCK);
	}
}

static bool listens(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

int manager_take_listener(struct manager *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->passed[i].fd >= 0 && listens(m->passed[i].fd))
			return take_fd(&m->passed[i].fd);
	return -1;
}

int manager_take(struct manager *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->passed[i].fd >= 0 && !strcmp(m->passed[i].name, name))
			return take_fd(&m->passed[i].fd);
	return -1;
}

/* ---- telling it ------------------------------------------------------------------------------ */

/* An abstract name begins with @. */
static bool address_of(const char *path, struct sockaddr_un *to, socklen_t *size)
{
	size_t len = path ? strlen(path) : 0;

	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len || len > sizeof(to->sun_path) || (*path != '/' && *path != '@'))
		return false;
	memcpy(to->sun_path, path, len);
	if (*path == '@')
		*to->sun_path = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

/* What it does not hear of is as if there were none. fd -1: none goes along. */
static void tell(char *text, int fd)
{
	struct iovec iov = { text, strlen(text) };
	struct sockaddr_un to;
	struct msghdr h = { .msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1 };
	auto_close int s = -1;
	union pass_fd room;

	if (!address_of(getenv("NOTIFY_SOCKET"), &to, &h.msg_namelen))
		return;
	pass_fd_put(&h, &room, fd);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s >= 0)
		(void)!sendmsg(s, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void manager_ready(void)
{
	tell(arena_strdup(json_arena(), "READY=1"), -1);
}

void manager_store(const char *name, int fd)
{
	tell(arena_printf(json_arena(), "FDSTORE=1\nFDNAME=%s", name), fd);
}

void manager_remove(const char *name)
{
	tell(arena_printf(json_arena(), "FDSTOREREMOVE=1\nFDNAME=%s", name), -1);
}

void manager_close(struct manager *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->passed[i].fd < 0)
			continue;
		drop_fd(&m->passed[i].fd);
		if (*m->passed[i].name)
			manager_remove(m->passed[i].name);
	}
}
