/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/own.h"
#include "cmd/run/attend.h"
#include "cmd/run/files.h"
#include "cmd/run/relay.h"
#include "cmd/run/uplink.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/pass_fd.h"

enum request { ATTACH = 'a', DETACH = 'd', UNDO = 'u' /* be it to be kept */ };

/* What the watcher answers; behind it the texts, without a NUL, and the uplink's descriptor. */
struct reply {
	bool failed, has_resolv_conf, has_hosts, has_uplink;
	struct err err;
	size_t resolv_conf, hosts; /* bytes */
};

/* ---- the watcher ----------------------------------------------------------------------------- */

/* Its end of the channel, 0 to 2, and the descriptor of its own namespace. */
static void close_others(int channel, int home)
{
	int low = channel < home || home < 0 ? channel : home;
	int high = channel < home ? home : channel;

	if (low > 3)
		(void)syscall(SYS_close_range, 3U, (unsigned int)low - 1, 0U);
	if (high > low + 1)
		(void)syscall(SYS_close_range, (unsigned int)low + 1, (unsigned int)high - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned int)high + 1, ~0U, 0U);
}

/*
 * A stdin or stdout of the command's is not held open by it; what it has to say goes to stderr. Its
 * signals are blocked, those of relay.h already: ignored they would be so in each plugin, too.
 */
static void become(int channel)
{
	static const int stopping[] = { SIGTSTP, SIGTTIN, SIGTTOU };
	struct err err;
	sigset_t set;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stopping); i++)
		sigaddset(&set, stopping[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
	}
	close_others(channel, netns_home(&err));
	(void)prctl(PR_SET_NAME, "cnic-watcher");
}

/* Until there is a request, or the end of them. */
static void tell_of_uplink(struct run_uplink *u, int channel)
{
	struct pollfd fds[] = { { .fd = channel, .events = POLLIN },
				{ .fd = u->fd, .events = POLLIN } };

	while (u->fd >= 0 && !fds[0].revents) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			return;
		if (!fds[0].revents && fds[1].revents) {
			fprintf(stderr, "cnic: pasta has ended: there is no way out any more\n");
			run_uplink_stop(u);
		}
	}
}

/*
 * A request, and the descriptor that comes along; 0: there will be no more. Meanwhile nobody waits
 * for what a call has left to a child (sys/deferred.h).
 */
static int receive(struct run_attend *a, int channel, int *fd)
{
	char byte;
	int n;

	(void)signal(SIGCHLD, SIG_IGN);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	tell_of_uplink(&a->uplink, channel);
	n = pass_fd_receive(channel, &byte, fd);
	(void)signal(SIGCHLD, SIG_DFL);
	return n > 0 ? byte : 0;
}

static int send_reply(int channel, const struct reply *r, const struct run_texts *texts, int uplink)
{
	if (file_write_fd(channel, (const char *)r, sizeof(*r)) < 0 ||
	    (r->resolv_conf && file_write_fd(channel, texts->resolv_conf, r->resolv_conf) < 0) ||
	    (r->hosts && file_write_fd(channel, texts->hosts, r->hosts) < 0))
		return -1;
	return r->has_uplink ? pass_fd_send(channel, '\0', uplink, 0) : 0;
}

/* The first error is the one that is told. -1: nobody has been told anything. */
static int attach(struct run_attend *a, int channel, int fd)
{
	struct reply *r = arena_new(json_arena(), struct reply);
	struct run_texts texts = { 0 };
	struct err later = { 0 };

	r->failed = run_attend_attach(a, fd, &r->err) < 0;
	if (r->failed) {
		if (run_attend_detach(a, true, &later) < 0)
			fprintf(stderr, "cnic: %s\n", later.msg);
	} else {
		run_files_make(a->networks, a->results, a->n_results, &texts);
	}
	r->has_resolv_conf = texts.resolv_conf;
	r->has_hosts = texts.hosts;
	r->has_uplink = a->uplink.fd >= 0;
	r->resolv_conf = texts.resolv_conf ? strlen(texts.resolv_conf) : 0;
	r->hosts = texts.hosts ? strlen(texts.hosts) : 0;
	return send_reply(channel, r, &texts, a->uplink.fd);
}

/* An end without a request is one by a signal, or of the channel: nobody reads a reply. */
static void detach(struct run_attend *a, int channel, int request)
{
	struct reply *r = arena_new(json_arena(), struct reply);
	const struct run_texts none = { 0 };

	r->failed = run_attend_detach(a, request == UNDO, &r->err) < 0;
	if (request == DETACH || request == UNDO)
		(void)send_reply(channel, r, &none, -1);
	else if (r->failed)
		fprintf(stderr, "cnic: %s\n", r->err.msg);
}

_Noreturn static void watch(const struct run_networks *n, int channel)
{
	struct run_attend a = { .networks = n, .netns_fd = -1, .uplink = RUN_UPLINK_INIT };
	int request, fd;

	become(channel);
	do
		request = receive(&a, channel, &fd);
	while (request == ATTACH && attach(&a, channel, fd) == 0);
	detach(&a, channel, request);
	_exit(EXIT_SUCCESS);
}

/* ---- seen from `cnic run` -------------------------------------------------------------------- */

int run_watcher_start(struct run_watcher *w, const struct run_networks *n, struct err *err)
{
	auto_close int own = -1, its = -1;
	int fds[2];

	*w = (struct run_watcher)RUN_WATCHER_INIT;
	w->networks = n;
	if (n->kind == RUN_UPLINK_NONE && !n->keep)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, "make a channel to the watcher");
	own = fds[0];
	its = fds[1];
	w->pid = fork();
	if (w->pid < 0) {
		w->pid = 0;
		return err_sys(err, "fork the watcher");
	}
	if (!w->pid) {
		drop_fd(&own);
		watch(n, its);
	}
	w->channel = take_fd(&own);
	return 0;
}

static int is_gone(const struct run_watcher *w, struct err *err)
{
	const char *then = "cnic gc removes what it has left";

	if (w->networks->kind == RUN_UPLINK_PASTA)
		then = w->uplink < 0 ? "a pasta that it has started goes on" : "pasta goes, too";
	return err_set(err, ERR_INTERNAL, "the watcher has been killed; %s", then);
}

static int send_request(struct run_watcher *w, char byte, int fd, struct err *err)
{
	return pass_fd_send(w->channel, byte, fd, 0) < 0 ? is_gone(w, err) : 0;
}

static int read_text(struct run_watcher *w, bool has, size_t len, const char **text)
{
	char *buf;

	if (!has)
		return 0;
	buf = arena_alloc(json_arena(), len + 1);
	*text = buf;
	return file_read_fd(w->channel, buf, len) == (ssize_t)len ? 0 : -1;
}

#define HURRY_MS 2000

/* A plugin that does not end, be it asked to by a signal, is the watcher's alone. */
static int abandon(struct run_watcher *w, struct err *err)
{
	drop_fd(&w->channel);
	w->pid = 0;
	return err_set(err, ERR_INTERNAL,
		       "a plugin does not end; what it has made is removed when it has, within "
		       "%d s",
		       OWN_TIMEOUT / 1000);
}

/* The signals that end us are held (relay.h): from the first on there is little time. */
static int wait_reply(struct run_watcher *w, struct err *err)
{
	auto_close int signals = run_relay_pending_fd();
	struct pollfd fds[] = { { .fd = w->channel, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	int n, timeout = -1;

	while (!fds[0].revents) {
		n = poll(fds, ARRAY_SIZE(fds), timeout);
		if (n == 0)
			return abandon(w, err);
		if (n < 0 && errno != EINTR)
			return 0; /* to wait for it all the same */
		if (n > 0 && fds[1].revents) {
			fds[1].fd = -1;
			timeout = HURRY_MS;
		}
	}
	return 0;
}

static int read_reply(struct run_watcher *w, struct run_texts *texts, struct err *err)
{
	struct reply *r = arena_new(json_arena(), struct reply);
	char byte;

	*texts = (struct run_texts){ 0 };
	if (wait_reply(w, err) < 0)
		return -1;
	if (file_read_fd(w->channel, (char *)r, sizeof(*r)) != sizeof(*r) ||
	    read_text(w, r->has_resolv_conf, r->resolv_conf, &texts->resolv_conf) < 0 ||
	    read_text(w, r->has_hosts, r->hosts, &texts->hosts) < 0 ||
	    (r->has_uplink && pass_fd_receive(w->channel, &byte, &w->uplink) != 1))
		return is_gone(w, err);
	if (r->failed)
		*err = r->err;
	return r->failed ? -1 : 0;
}

int run_watcher_attach(struct run_watcher *w, const struct run_sandbox *s, struct run_texts *texts,
		       struct err *err)
{
	if (!w->pid) {
		run_files_make(w->networks, NULL, 0, texts);
		return 0;
	}
	return send_request(w, ATTACH, s->netns, err) < 0 ? -1 : read_reply(w, texts, err);
}

int run_watcher_detach(struct run_watcher *w, bool has_run, struct err *err)
{
	struct run_texts none;
	int rc;

	if (!w->pid)
		return 0;
	rc = send_request(w, has_run ? DETACH : UNDO, -1, err) < 0 ? -1 : read_reply(w, &none, err);
	if (w->uplink >= 0)
		run_uplink_kill(w->uplink);
	drop_fd(&w->uplink);
	drop_fd(&w->channel);
	while (w->pid && waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	w->pid = 0;
	return rc;
}
