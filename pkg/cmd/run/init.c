/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/caps.h"
#include "cmd/run/channel.h"
#include "cmd/run/dev.h"
#include "cmd/run/egress.h"
#include "cmd/run/families.h"
#include "cmd/run/mounts.h"
#include "cmd/run/refused.h"
#include "cmd/run/userns.h"
#include "sys/sysctl.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4 /* uapi/linux/close_range.h; musl 1.2.3 has not heard of it */
#endif

/* ---- what is set up -------------------------------------------------------------------------- */

/*
 * With the process outside; if it has ended already, the channel says so when it is read next.
 * Credentials that change take it back (prctl(2)).
 */
static int die_with_parent(struct err *err)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? err_sys(err, "die with the parent") : 0;
}

/* What is sent before PID 1 dies with its parent, it would find when that is dead already. */
static int become(const struct run_init *in, struct err *err)
{
	const char *nothing;

	(void)setsid();
	/* A session keyring of its own (keyrings(7)); where there are no keys none are shared. */
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (die_with_parent(err) < 0)
		return -1;
	/* The namespaces have been opened outside, and their maps written. */
	if (run_channel_receive(in->channel, &nothing, in->arena, err) < 0)
		return -1;
	if (in->has_user && (run_userns_become(in->o, err) < 0 || die_with_parent(err) < 0))
		return -1;
	return run_channel_send(in->channel, NULL, err);
}

static int set_lo_up(struct err *err)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? err_sys(err, "set lo up") : 0;
}

/* A range ends with a group that the namespace has: one, what newgidmap gives as a rule, or all. */
static int allow_ping(struct err *err)
{
	static const char *const ranges[] = { "0 2147483647", "0 65535", "0 0" };
	static const char path[] = "net/ipv4/ping_group_range";

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		err_clear(err);
		if (sysctl_write(path, ranges[i], err) == 0)
			return 0;
	}
	/* Of groups that begin elsewhere than at 0 none. */
	return err->sys == EINVAL ? (err_clear(err), 0) : -1;
}

static int set_up_net(const struct run_init *in, struct err *err)
{
	if (!in->has_net)
		return 0;
	if (set_lo_up(err) < 0 || allow_ping(err) < 0)
		return -1;
	return sysctl_write("net/ipv4/ip_unprivileged_port_start", "0", err);
}

static int set_hostname(const char *name, struct err *err)
{
	if (name && sethostname(name, strlen(name)) < 0)
		return err_sys(err, "set the host name %s", name);
	return 0;
}

/* Blocks until the networks are attached. */
static int finish_mounts(const struct run_init *in, struct run_mounts *m, struct err *err)
{
	struct run_texts texts;

	if (run_channel_receive(in->channel, &texts.resolv_conf, in->arena, err) < 0 ||
	    run_channel_receive(in->channel, &texts.hosts, in->arena, err) < 0)
		return -1;
	return run_mounts_finish(m, &texts);
}

/* *log: where what is refused is heard of; NULL: nothing is. */
static int limit_egress(const struct run_init *in, struct nl **log, struct err *err)
{
	if ((in->o->has_egress || in->o->net == RUN_NET_NONE) && run_families_limit(err) < 0)
		return -1;
	if (!in->o->has_egress)
		return 0;
	*log = arena_new(in->arena, struct nl);
	if (run_egress_apply(in->o->egress, in->o->n_egress, in->arena, err) < 0)
		return -1;
	return run_refused_open(*log, err);
}

/* *slave: -1 if the command has no terminal. */
static int open_terminal(const struct run_init *in, int *slave, struct err *err)
{
	auto_close int master = -1;

	if (!in->has_terminal)
		return 0;
	*slave = run_dev_open_terminal(&master, err);
	return *slave < 0 ? -1 : run_channel_send_fd(in->channel, master, err);
}

static int set_up(const struct run_init *in, int *slave, struct nl **log, struct err *err)
{
	struct run_mounts mounts = { .o = in->o,
				     .has_user = in->has_user,
				     .has_host_root = in->has_host_root,
				     .arena = in->arena,
				     .err = err };

	if (become(in, err) < 0 || set_up_net(in, err) < 0 ||
	    set_hostname(in->o->hostname, err) < 0)
		return -1;
	if (run_mounts_make(&mounts) < 0 || finish_mounts(in, &mounts, err) < 0 ||
	    limit_egress(in, log, err) < 0 || open_terminal(in, slave, err) < 0)
		return -1;
	/* What is ours below /proc/1, the executable above all, is none of the command's. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, "hide the descriptors of PID 1");
	return run_caps_limit(in->o->caps, err);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int take_terminal(int slave)
{
	if (slave < 0)
		return setpgid(0, 0);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(slave, fd) < 0)
			return -1;
	return 0;
}

/* All are closed when the command is executed, but 0-2 and those it was to have. */
static int choose_descriptors(const struct run_options *o)
{
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	for (size_t i = 0; i < o->n_fds; i++)
		if (fcntl(o->fds[i], F_SETFD, 0) < 0)
			return -1;
	return 0;
}

/*
 * In PID 1's session, which has no terminal, but not in its process group. Not in a session of its
 * own without need: under load a process that begins one waits some milliseconds for its turn
 * (sched(7), autogroup). Signals that we ignore are default again.
 */
static void execute(const struct run_init *in, int slave)
{
	char **argv = in->o->argv;
	struct err ignored = { 0 };
	int error;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (take_terminal(slave) < 0 || choose_descriptors(in->o) < 0) {
		fprintf(stderr, "cnic: prepare %s: %s\n", argv[0], strerror(errno));
		(void)!run_channel_send(in->channel, NULL, &ignored); /* it does not run */
		_exit(RUN_EXIT_OURS);
	}
	(void)sigprocmask(SIG_SETMASK, &in->mask, NULL);
	(void)execvp(argv[0], argv);
	error = errno;
	(void)!run_channel_send(in->channel, NULL, &ignored); /* it does not run */
	fprintf(stderr, "cnic: %s: %s\n", argv[0], strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? RUN_EXIT_NOT_FOUND : RUN_EXIT_NOT_EXECUTABLE);
}

/* Reaps all that have ended; the exit status if the command is among them, else -1. */
static int reap(pid_t command)
{
	int found = -1, status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command)
			found = WIFSIGNALED(status) ? RUN_EXIT_SIGNAL + WTERMSIG(status)
						    : WEXITSTATUS(status);
	return found;
}

/*
 * Of what was open, stdio and the log are of use to PID 1. The terminal is its stdin: to the other
 * side it ends when nobody has it open, but the command may open it again.
 */
static void close_all_but(struct nl *log, int slave)
{
	int fd = log ? mnl_socket_get_fd(log->sock) : STDERR_FILENO;

	if (slave >= 0)
		(void)dup2(slave, STDIN_FILENO);
	if (fd > STDERR_FILENO + 1)
		(void)syscall(SYS_close_range, 3U, (unsigned int)fd - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned int)fd + 1, ~0U, 0U);
}

/* The next signal; what is logged meanwhile is printed. */
static int wait_signal(const sigset_t *all, int signals, struct nl *log)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
				{ .fd = log ? mnl_socket_get_fd(log->sock) : -1,
				  .events = POLLIN } };

	while (signals >= 0 && !fds[0].revents && poll(fds, ARRAY_SIZE(fds), -1) >= 0)
		if (fds[1].revents)
			run_refused_print(log, STDERR_FILENO, signals);
	return sigwaitinfo(all, NULL);
}

/* The kernel kills what the command has left, when PID 1 ends. */
static int serve(pid_t command, const sigset_t *all, struct nl *log)
{
	auto_close int signals = log ? signalfd(-1, all, SFD_CLOEXEC) : -1;
	int status = -1;

	while (status < 0) {
		int sig = wait_signal(all, signals, log);

		if (sig == SIGCHLD)
			status = reap(command);
		else if (sig > 0)
			(void)kill(command, sig);
	}
	if (log)
		run_refused_print(log, STDERR_FILENO, signals);
	return status;
}

void run_init(const struct run_init *in)
{
	struct err err = { 0 };
	struct nl *log = NULL;
	int slave = -1;
	sigset_t all;
	pid_t command;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (set_up(in, &slave, &log, &err) < 0) {
		fprintf(stderr, "cnic: %s\n", err.msg);
		_exit(RUN_EXIT_OURS);
	}
	command = fork();
	if (command < 0) {
		perror("cnic: fork");
		_exit(RUN_EXIT_OURS);
	}
	if (!command)
		execute(in, slave);
	(void)!run_channel_send(in->channel, NULL, &err); /* it runs */
	close_all_but(log, slave);
	_exit(serve(command, &all, log));
}
