/* SPDX-License-Identifier: Apache-2.0 */
#include "manager.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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

void manager_open(struct manager *m, int epoll)
{
	const char *variable = getenv("LISTEN_FDNAMES");
	char *names = arena_strdup(json_arena(), variable ? variable : ""), *name;
	long n = number_of("LISTEN_FDS");

	*m = (struct manager){
		.source = MANAGER_SOURCE, .epoll = epoll, .fd = -1, .end = &m->first
	};
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

void manager_give_back(struct manager *m, const char *name, int fd)
{
	for (size_t i = 0; i < m->n && fd >= 0; i++)
		if (m->passed[i].fd < 0 && !strcmp(m->passed[i].name, name))
			m->passed[i].fd = take_fd(&fd);
	close_fd(&fd);
}

/* ---- telling it ------------------------------------------------------------------------------ */

struct manager_message {
	struct manager_message *next;
	int fd; /* a copy; -1: none goes along */
	char text[];
};

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

static void drop_message(struct manager *m, struct manager_message **at)
{
	struct manager_message *v = *at;

	*at = v->next;
	if (m->end == &v->next)
		m->end = at;
	close_fd(&v->fd);
	free(v);
}

void manager_end(struct manager *m)
{
	while (m->first)
		drop_message(m, &m->first);
	drop_fd(&m->fd);
}

static bool is_for_now(int errnum)
{
	static const int passing[] = { EAGAIN, ENOBUFS, ENOMEM, EMFILE, ENFILE, ETOOMANYREFS };

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (errnum == passing[i])
			return true;
	return false;
}

/* Edges: one that a full queue has refused is told of when there is room. */
static int connect_to(struct manager *m)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET, .data.ptr = m };
	struct sockaddr_un to;
	socklen_t size;

	errno = EINVAL;
	if (!address_of(getenv("NOTIFY_SOCKET"), &to, &size))
		return -1;
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || connect(m->fd, (const struct sockaddr *)&to, size) < 0)
		return -1;
	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->fd, &e);
}

static int send_message(const struct manager *m, struct manager_message *v)
{
	struct iovec iov = { v->text, strlen(v->text) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union pass_fd room;

	pass_fd_put(&h, &room, v->fd);
	return sendmsg(m->fd, &h, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* What it refuses for good is as if there were none. */
void manager_event(struct manager *m)
{
	if (m->first && m->fd < 0 && connect_to(m) < 0) {
		if (is_for_now(errno))
			drop_fd(&m->fd);
		else
			manager_end(m);
	}
	while (m->first && m->fd >= 0 && (send_message(m, m->first) == 0 || !is_for_now(errno)))
		drop_message(m, &m->first);
	if (!m->first)
		drop_fd(&m->fd);
}

/* Where there is no memory, or descriptor, it is as if there were no manager. */
static void tell(struct manager *m, const char *text, int fd)
{
	size_t size = strlen(text) + 1;
	struct manager_message *v = getenv("NOTIFY_SOCKET") ? malloc(sizeof(*v) + size) : NULL;

	if (!v)
		return;
	v->next = NULL;
	v->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (v->fd < 0 && fd >= 0) {
		free(v);
		return;
	}
	memcpy(v->text, text, size);
	*m->end = v;
	m->end = &v->next;
	manager_event(m);
}

void manager_ready(struct manager *m)
{
	tell(m, "READY=1", -1);
}

static const char *store_text(const char *name)
{
	return arena_printf(json_arena(), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
}

void manager_store(struct manager *m, const char *name, int fd)
{
	tell(m, store_text(name), fd);
}

/* What it was not told to keep yet is closed at once. */
void manager_remove(struct manager *m, const char *name)
{
	const char *text = store_text(name);

	for (struct manager_message **at = &m->first; *at;)
		if (!strcmp((*at)->text, text))
			drop_message(m, at);
		else
			at = &(*at)->next;
	tell(m, arena_printf(json_arena(), "FDSTOREREMOVE=1\nFDNAME=%s", name), -1);
}

void manager_close(struct manager *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->passed[i].fd < 0)
			continue;
		drop_fd(&m->passed[i].fd);
		if (*m->passed[i].name)
			manager_remove(m, m->passed[i].name);
	}
}
