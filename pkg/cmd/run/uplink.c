/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/uplink.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/netns.h"

#define PASTA     "pasta"
#define TUN       "/dev/net/tun"
#define PATH_ELSE "/usr/local/bin:/usr/bin:/bin"

/* ---- whether --------------------------------------------------------------------------------- */

static bool has_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN));
}

/* ioctl_ns(2): the owner is shown to those who are in it, or in one of its ancestors. */
bool run_uplink_is_needed(void)
{
	struct err ignored;
	int home = netns_home(&ignored);
	auto_close int owner = home < 0 ? -1 : ioctl(home, NS_GET_USERNS);

	return owner < 0 || !has_net_admin();
}

static const char *find_pasta(struct arena *arena)
{
	const char *path = getenv("PATH");
	char *dirs = arena_strdup(arena, path && *path ? path : PATH_ELSE), *dir;

	while ((dir = strsep(&dirs, ":"))) {
		const char *file = arena_printf(arena, "%s/" PASTA, dir);

		if (*dir && access(file, X_OK) == 0)
			return file;
	}
	return NULL;
}

static const char *unsupported(const struct run_options *o)
{
	return o->net == RUN_NET_NAMED ? "--net NAME"
	       : o->n_ips              ? "--ip"
	       : o->mac                ? "--mac"
	       : o->keep               ? "--keep"
				       : NULL;
}

static int check_publishes(const struct run_options *o, struct err *err)
{
	for (size_t i = 0; i < o->n_publishes; i++)
		if (!strcmp(o->publishes[i].protocol, "sctp"))
			return err_config(err, "--publish: no sctp without root: " PASTA
					       " carries tcp and udp");
	return 0;
}

int run_uplink_check(const struct run_options *o, struct err *err)
{
	struct arena arena = { 0 };
	bool has_pasta = find_pasta(&arena);
	auto_close int tun = open(TUN, O_RDWR | O_CLOEXEC);

	arena_free(&arena);
	if (unsupported(o))
		return err_config(err,
				  "%s: for root alone; without root there is " PASTA
				  ", --net none, and --net host",
				  unsupported(o));
	if (!has_pasta)
		return err_config(err, "without root the network is made by " PASTA
				       ", which is not installed (Debian: apt install passt); or "
				       "--net none, or --net host");
	if (tun < 0) {
		err_fill(err, ERR_CONFIG, errno,
			 PASTA " needs " TUN ", which may not be opened (root can allow it: chmod "
			       "0666 " TUN "); or --net none, or --net host");
		return -1;
	}
	return check_publishes(o, err);
}

/* ---- starting it ----------------------------------------------------------------------------- */

/* pasta(1): [ADDRESS/]PORT:PORT */
static const char *spec(const struct run_publish *p, struct arena *arena)
{
	char ip[IP_STRLEN];

	if (p->ip.family == AF_UNSPEC)
		return arena_printf(arena, "%u:%u", p->host, p->container);
	return arena_printf(arena, "%s/%u:%u", ip_str(&p->ip, ip), p->host, p->container);
}

struct args {
	const char **list;
	size_t n;
	struct arena *arena;
};

static void add(struct args *a, const char *arg)
{
	*arena_append(a->arena, a->list, a->n) = arg;
}

static void add_ports(struct args *a, const struct run_options *o, const char *protocol,
		      const char *option)
{
	bool any = false;

	for (size_t i = 0; i < o->n_publishes; i++) {
		if (strcmp(o->publishes[i].protocol, protocol) != 0)
			continue;
		add(a, option);
		add(a, spec(&o->publishes[i], a->arena));
		any = true;
	}
	if (!any) {
		add(a, option);
		add(a, "none");
	}
}

/*
 * In the foreground, so that it is our child; the host's loopback is not the gateway's, and nothing
 * of the host's is forwarded unasked. It writes its pid, to its stdout, when all is set up. It
 * closes what it inherits but for stdio, and opens the network namespace when it is in the user
 * namespace already, from where our descriptors are out of reach: that one is its stdin.
 */
static const char **make_args(const struct run_options *o, int userns, struct arena *arena)
{
	static const char *const fixed[] = { PASTA, "-q",          "-f",          "--config-net",
					     "-T",  "none",        "-U",          "none",
					     "-P",  "/dev/stdout", "--no-map-gw", "-I",
					     "eth0" };
	struct args a = { .arena = arena };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		add(&a, fixed[i]);
	add_ports(&a, o, "tcp", "-t");
	add_ports(&a, o, "udp", "-u");
	add(&a, "--userns");
	add(&a, arena_printf(arena, "/proc/%d/fd/%d", getpid(), userns));
	add(&a, "--netns");
	add(&a, "/proc/self/fd/0");
	add(&a, NULL);
	return a.list;
}

_Noreturn static void execute(const char *path, const char **args, int netns, int out)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(netns, STDIN_FILENO) == STDIN_FILENO && dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
		execv(path, (char *const *)(void *)args);
	_exit(127);
}

/* The first byte of its pid, or the end of it. */
static bool is_ready(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* The fd makes certain that it is killed, and nobody else who has its pid later. */
static int start(const char *path, const char **args, int netns, struct run_uplink *u,
		 struct err *err)
{
	auto_close int reading = -1, writing = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe");
	reading = fds[0];
	writing = fds[1];
	u->pid = fork();
	if (u->pid < 0)
		return err_sys(err, "fork");
	if (!u->pid)
		execute(path, args, netns, writing);
	drop_fd(&writing);
	u->fd = (int)syscall(SYS_pidfd_open, u->pid, 0U);
	if (u->fd < 0) {
		(void)err_sys(err, "watch " PASTA);
		(void)kill(u->pid, SIGKILL);
		reap(u->pid);
		return -1;
	}
	if (is_ready(reading))
		return 0;
	run_uplink_stop(u);
	return err_set(err, ERR_INTERNAL, PASTA " has failed; it says why on stderr");
}

int run_uplink_start(const struct run_options *o, int netns_fd, struct run_uplink *u,
		     struct arena *arena, struct err *err)
{
	auto_close int userns = ioctl(netns_fd, NS_GET_USERNS);
	const char *path = find_pasta(arena);

	if (userns < 0)
		return err_sys(err, "find the owner of the network namespace");
	if (!path)
		return err_config(err, PASTA " is not there any more");
	return start(path, make_args(o, userns, arena), netns_fd, u, err);
}

void run_uplink_kill(int fd)
{
	(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0U);
}

void run_uplink_stop(struct run_uplink *u)
{
	if (u->fd < 0)
		return;
	run_uplink_kill(u->fd);
	reap(u->pid);
	drop_fd(&u->fd);
}
