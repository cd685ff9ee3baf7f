/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/caps.h"
#include "cmd/run/channel.h"
#include "cmd/run/init.h"
#include "cmd/run/userns.h"
#include "sys/netns.h"
#include "json/json.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct start {
	struct run_init init;
	uint64_t flags;
	int outside; /* our end of the channel, which PID 1 is not to have */
	pid_t pid;
	struct err *err;
};

/* As fork(2); the child is PID 1 and does not come back. */
static int clone_init(void *arg)
{
	struct start *st = arg;
	struct clone_args args = { .flags = st->flags, .exit_signal = SIGCHLD };

	st->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!st->pid) {
		close(st->outside);
		run_init(&st->init);
	}
	return st->pid < 0 ? err_sys(st->err, "make namespaces") : 0;
}

/* user_namespaces(7), and what distributions have added. */
static int explain(const struct start *st)
{
	if (!st->init.has_user)
		return -1;
	if (!st->pid && !run_caps_has(CAP_SYS_ADMIN))
		return err_wrap(st->err, "--netns: only root can be in a namespace that is there");
	switch (st->err->sys) {
	case EPERM:
	case EACCES:
		return err_wrap(
			st->err,
			"user namespaces are off or forbidden here (sysctl "
			"kernel.unprivileged_userns_clone=1, "
			"kernel.apparmor_restrict_unprivileged_userns=0; none within a chroot)");
	case ENOSPC:
	case EUSERS:
		return err_wrap(
			st->err,
			"there are as many namespaces as may be (sysctl user.max_*_namespaces)");
	default:
		return -1;
	}
}

static int open_namespace(pid_t pid, const char *name, int *fd, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys(err, "open %s", path) : 0;
}

/* While PID 1 waits: when it has become another user, nobody but root can open them. */
static int open_namespaces(struct run_sandbox *s, const struct start *st, int join, struct err *err)
{
	if (st->init.has_user && open_namespace(s->pid, "user", &s->userns, err) < 0)
		return -1;
	if (st->init.has_net)
		return open_namespace(s->pid, "net", &s->netns, err);
	s->netns = join < 0 ? -1 : fcntl(join, F_DUPFD_CLOEXEC, 3);
	return join >= 0 && s->netns < 0 ? err_sys(err, "duplicate a descriptor") : 0;
}

static int finish_start(struct run_sandbox *s, const struct start *st, int join, struct err *err)
{
	if (open_namespaces(s, st, join, err) < 0)
		return -1;
	if (st->init.has_user && run_userns_write_maps(s->pid, st->init.o, st->init.arena, err) < 0)
		return -1;
	return run_channel_send(s->channel, NULL, err);
}

int run_sandbox_start(struct run_sandbox *s, const struct run_options *o, int join,
		      const sigset_t *mask, struct arena *arena, struct err *err)
{
	struct start st = { .init = { .o = o,
				      .has_user = o->user || !run_caps_has(CAP_SYS_ADMIN),
				      .has_net = join < 0 && o->net != RUN_NET_HOST,
				      .has_host_root = run_userns_has_host_root(o),
				      .has_terminal = o->tty == RUN_TTY_YES,
				      .mask = *mask,
				      .arena = arena },
			    .err = err };
	auto_close int inside = -1;
	int ends[2], rc;

	if (run_channel_open(ends, err) < 0)
		return -1;
	s->channel = st.outside = ends[0];
	st.init.channel = inside = ends[1];
	st.flags = NAMESPACES | (st.init.has_user ? CLONE_NEWUSER : 0) |
		   (st.init.has_net ? CLONE_NEWNET : 0);
	rc = join < 0 ? clone_init(&st) : netns_run(join, clone_init, &st, err);
	if (rc < 0)
		(void)explain(&st);
	s->pid = rc < 0 ? 0 : st.pid;
	drop_fd(&inside);
	if (rc < 0 || finish_start(s, &st, join, err) < 0) {
		run_sandbox_end(s);
		return -1;
	}
	return 0;
}

/* PID 1 says when it dies with us. Of one that has ended nothing is left to be said. */
static int tell(struct run_sandbox *s, const struct run_options *o, const struct run_texts *texts,
		struct err *err)
{
	const char *nothing;

	if (run_channel_receive(s->channel, &nothing, json_arena(), err) < 0 ||
	    run_channel_send(s->channel, texts->resolv_conf, err) < 0 ||
	    run_channel_send(s->channel, texts->hosts, err) < 0)
		return -1;
	if (o->tty == RUN_TTY_YES)
		return run_channel_receive_fd(s->channel, &s->terminal, err);
	return 0;
}

int run_sandbox_release(struct run_sandbox *s, const struct run_options *o,
			const struct run_texts *texts, struct err *err)
{
	int rc = tell(s, o, texts, err);

	if (rc < 0 && (!err->sys || err->sys == EPIPE || err->sys == ECONNRESET))
		err_clear(err);
	return rc;
}

bool run_sandbox_has_run(const struct run_sandbox *s)
{
	size_t messages = 0;
	char byte;

	while (recv(s->channel, &byte, sizeof(byte), MSG_DONTWAIT) > 0)
		messages++;
	return messages == 1; /* one more says that it could not be executed (init.c) */
}

void run_sandbox_end(struct run_sandbox *s)
{
	if (s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	s->pid = 0;
	drop_fd(&s->netns);
	drop_fd(&s->userns);
	drop_fd(&s->channel);
	drop_fd(&s->terminal);
}
