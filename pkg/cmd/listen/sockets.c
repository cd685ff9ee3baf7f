/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/sockets.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "sys/netns.h"

/* What is to be made inside. */
struct job {
	const struct listen_options *opt;
	int flags;
	int *fds;
	struct err *err;
};

/* ---- inside ---------------------------------------------------------------------------------- */

static bool set(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

static bool set_family_options(int fd, const struct listen_address *a)
{
	int v6_only = !a->is_dual;

	if (a->any.sa_family == AF_INET)
		return set(fd, IPPROTO_IP, IP_FREEBIND);
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) == 0 &&
	       set(fd, IPPROTO_IPV6, IPV6_FREEBIND);
}

/* A command does as it likes. What a forwarder accepts inherits TCP_NODELAY and SO_KEEPALIVE. */
static bool prepare(const struct job *j, int fd, const struct listen_address *a)
{
	if (!set_family_options(fd, a))
		return false;
	if (a->type != SOCK_STREAM)
		return true;
	if (j->opt->command)
		return set(fd, SOL_SOCKET, SO_REUSEADDR);
	return set(fd, SOL_SOCKET, SO_REUSEADDR) && set(fd, SOL_SOCKET, SO_KEEPALIVE) &&
	       set(fd, IPPROTO_TCP, TCP_NODELAY);
}

static int open_one(const struct job *j, const struct listen_address *a)
{
	auto_close int fd = socket(a->any.sa_family, a->type | j->flags, 0);

	if (fd < 0 || !prepare(j, fd, a) || bind(fd, &a->any, a->len) < 0 ||
	    (a->type == SOCK_STREAM && listen(fd, j->opt->backlog) < 0))
		return -1;
	return take_fd(&fd);
}

static int open_all(void *arg)
{
	const struct job *j = arg;

	for (size_t i = 0; i < j->opt->n_at; i++)
		j->fds[i] = -1;
	for (size_t i = 0; i < j->opt->n_at; i++) {
		j->fds[i] = open_one(j, &j->opt->at[i]);
		if (j->fds[i] >= 0)
			continue;
		(void)err_sys(j->err, "listen at %s", j->opt->at[i].text);
		while (i > 0)
			drop_fd(&j->fds[--i]);
		return -1;
	}
	return 0;
}

static int open_unconnected(void *arg)
{
	const struct job *j = arg;
	const struct listen_address *to = &j->opt->to;

	auto_close int fd = socket(to->any.sa_family, to->type | j->flags, 0);

	if (fd < 0 || (to->any.sa_family != AF_UNIX && !set(fd, IPPROTO_TCP, TCP_NODELAY)))
		return err_sys(j->err, "create socket");
	*j->fds = take_fd(&fd);
	return 0;
}

/* ---- and back -------------------------------------------------------------------------------- */

/* Where this process lives, and by what it looks whether it is there. */
struct home {
	int namespaces; /* the thread's directory: each walk through /proc is worth sparing */
	struct stat netns;
};

/* NULL: it cannot be told. */
static const struct home *own_home(struct err *err)
{
	static const char path[] = "/proc/thread-self/ns";
	static struct home home = { .namespaces = -1 };
	int fd = netns_home(err);

	if (fd < 0 || home.namespaces >= 0)
		return fd < 0 ? NULL : &home;
	home.namespaces = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home.namespaces >= 0 && fstat(fd, &home.netns) == 0)
		return &home;
	(void)err_sys(err, "open %s", path);
	drop_fd(&home.namespaces);
	return NULL;
}

/* Not only by the kernel's word: to go on in another namespace would be worse than to end. */
static void require_home(const struct home *home)
{
	struct stat here;

	if (fstatat(home->namespaces, "net", &here, 0) < 0 || here.st_dev != home->netns.st_dev ||
	    here.st_ino != home->netns.st_ino)
		abort();
}

static int run_in(const char *path, int (*fn)(void *), struct job *j)
{
	const struct home *home;
	auto_close int fd = -1;
	int rc;

	if (!path)
		return fn(j);
	home = own_home(j->err);
	if (!home || netns_open(path, &fd, NULL, j->err) < 0)
		return -1;
	rc = netns_run(fd, fn, j, j->err);
	require_home(home);
	return rc;
}

int listen_sockets_open(const struct listen_options *opt, const char *path, int *fds,
			struct err *err)
{
	struct job j = { .opt = opt,
			 .flags = SOCK_CLOEXEC | (opt->command ? 0 : SOCK_NONBLOCK),
			 .err = err };

	j.fds = fds;
	if (run_in(path, open_all, &j) < 0)
		return path ? err_wrap(err, "%s", path) : -1;
	return 0;
}

int listen_sockets_to_connect(const struct listen_options *opt, struct err *err)
{
	int fd = -1;
	struct job j = { opt, SOCK_CLOEXEC | SOCK_NONBLOCK, &fd, err };

	return run_in(opt->to_netns, open_unconnected, &j) < 0 ? -1 : fd;
}
