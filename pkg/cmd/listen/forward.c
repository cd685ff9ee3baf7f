/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/forward.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"
#include "cmd/listen/events.h"
#include "cmd/listen/follow.h"
#include "cmd/listen/link.h"
#include "cmd/listen/say.h"
#include "cmd/listen/trim.h"

#define EVENTS    256
#define ACCEPTS   64    /* of one socket until it is another's turn */
#define RESERVE   32    /* descriptors besides those of connections and pipes */
#define PIPES     256   /* at most, and a 16th of all descriptors */
#define ANSWER_MS 30000 /* a server takes to answer */
#define REST_MS   50    /* until connections are accepted again that could not be */

struct forward {
	struct listen_hub hub;
	struct listen_follow follow;
	int signals;
	size_t n_files;
	int64_t rest_until; /* 0: connections are accepted */
	int64_t drain_end;  /* 0: not draining; by clock_ms(), INT64_MAX = no limit */
	bool ends;
};

/* ---- accepting ------------------------------------------------------------------------------- */

static bool has_room(const struct forward *f)
{
	const struct listen_hub *h = &f->hub;
	size_t taken = RESERVE + 2 * h->pipes.n_max + h->gates.n_sockets + 2 * h->conns.n;

	return taken + 2 <= f->n_files;
}

static int watch_gates(struct listen_hub *h, struct err *err)
{
	return listen_events_add(h->epoll, h->gates.epoll, EPOLLIN, &h->gates, err);
}

/* What comes meanwhile waits in the sockets' queues. */
static void rest(struct forward *f)
{
	if (!f->rest_until)
		(void)epoll_ctl(f->hub.epoll, EPOLL_CTL_DEL, f->hub.gates.epoll, NULL);
	f->rest_until = f->hub.now + REST_MS;
}

static void resume(struct forward *f)
{
	struct err err;

	f->rest_until = 0;
	if (watch_gates(&f->hub, &err) < 0)
		rest(f);
}

/* False: no more can be had for now. */
static bool accept_some(struct forward *f, const struct listen_gate *gate)
{
	for (int i = 0; i < ACCEPTS; i++) {
		if (!has_room(f))
			return false;
		if (!listen_link_accept(&f->hub, gate))
			return errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
			       errno != ENOBUFS;
	}
	return true;
}

static void accept_all(struct forward *f)
{
	struct epoll_event ev[ACCEPTS];
	int n = epoll_wait(f->hub.gates.epoll, ev, ACCEPTS, 0);
	bool can_go_on = true;

	for (int i = 0; can_go_on && i < n; i++) {
		can_go_on = accept_some(f, ev[i].data.ptr);
		if (f->drain_end)
			listen_gates_shut_empty(&f->hub.gates, ev[i].data.ptr);
	}
	if (!can_go_on)
		rest(f);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Whoever has been answered by the kernel gets a connection yet, as soon as there is room. */
static void drain(struct forward *f)
{
	const struct listen_options *opt = f->hub.opt;

	f->drain_end = opt->drain_ms ? f->hub.now + opt->drain_ms : INT64_MAX;
	listen_gates_drain(&f->hub.gates);
	listen_follow_close(&f->follow);
}

/* Without a connection no room comes for those that wait. */
static bool is_drained(const struct forward *f)
{
	return f->drain_end && !f->hub.conns.n && (!f->hub.gates.n_sockets || !has_room(f));
}

static void on_signal(struct forward *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGINT || f->drain_end)
		f->ends = true;
	else
		drain(f);
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t limit_of(const struct forward *f, enum listen_conn_state state)
{
	if (state == LISTEN_CONN_LINGERING)
		return 0; /* listen_link_look() has its own */
	return state == LISTEN_CONN_OPEN ? f->hub.opt->idle_ms : ANSWER_MS;
}

static void expire(struct forward *f, enum listen_conn_state state)
{
	struct listen_conn *c = f->hub.conns.list[state].first, *next;
	int64_t limit = limit_of(f, state);

	for (; limit && c && c->since + limit <= f->hub.now; c = next) {
		next = c->next;
		listen_link_abort(&f->hub, c);
	}
}

static void on_time(struct forward *f)
{
	for (enum listen_conn_state s = 0; s < LISTEN_CONN_DEAD; s++)
		expire(f, s);
	if (f->hub.retry_at && f->hub.retry_at <= f->hub.now)
		listen_link_retry(&f->hub);
	if (f->hub.look_at && f->hub.look_at <= f->hub.now)
		listen_link_look(&f->hub);
	if (f->rest_until && f->rest_until <= f->hub.now)
		resume(f);
	listen_follow_on_time(&f->follow);
	if (f->drain_end && f->drain_end <= f->hub.now)
		f->ends = true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a && a < b ? a : b;
}

/* For epoll_wait(2), in milliseconds. */
static int time_left(const struct forward *f)
{
	int64_t at = sooner(f->rest_until, sooner(f->drain_end, INT64_MAX));

	at = sooner(f->follow.due, sooner(f->hub.retry_at, sooner(f->hub.look_at, at)));
	if (f->hub.busy)
		return 0;
	for (enum listen_conn_state s = 0; s < LISTEN_CONN_DEAD; s++) {
		const struct listen_conn *c = f->hub.conns.list[s].first;

		if (c && limit_of(f, s))
			at = sooner(c->since + limit_of(f, s), at);
	}
	if (at == INT64_MAX)
		return -1;
	return at > f->hub.now ? (int)(at - f->hub.now) : 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void on_event(struct forward *f, const struct epoll_event *ev)
{
	if (ev->data.ptr == &f->signals)
		on_signal(f);
	else if (ev->data.ptr == &f->hub.gates)
		accept_all(f);
	else if (!listen_follow_event(&f->follow, ev->data.ptr))
		listen_link_event(&f->hub, ev->data.ptr, ev->events);
}

static int loop(struct forward *f, struct err *err)
{
	struct epoll_event ev[EVENTS];

	while (!f->ends && !is_drained(f)) {
		int n = epoll_wait(f->hub.epoll, ev, EVENTS, time_left(f));

		if (n < 0 && errno != EINTR)
			return err_sys(err, "wait for events");
		f->hub.now = clock_ms();
		for (int i = 0; i < n; i++)
			on_event(f, &ev[i]);
		on_time(f);
		listen_link_run_busy(&f->hub);
		listen_conns_reuse(&f->hub.conns);
	}
	return 0;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int open_signals(struct forward *f, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f->signals < 0)
		return err_sys(err, "create signalfd");
	return listen_events_add(f->hub.epoll, f->signals, EPOLLIN, &f->signals, err);
}

static int begin(struct forward *f, const struct listen_targets *t, struct err *err)
{
	struct listen_hub *h = &f->hub;

	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		return err_sys(err, "create epoll");
	if (listen_gates_init(&h->gates, h->opt, err) < 0 || watch_gates(h, err) < 0 ||
	    open_signals(f, err) < 0)
		return -1;
	for (size_t i = 0; !h->opt->all_of && i < t->n; i++)
		if (listen_gates_open(&h->gates, &t->list[i], err) < 0)
			return -1;
	if (listen_follow_open(&f->follow, h, err) < 0)
		return -1;
	listen_say("%zu sockets in %zu namespaces", h->gates.n_sockets, h->gates.n_groups);
	return 0;
}

static void finish(struct forward *f)
{
	struct listen_hub *h = &f->hub;
	size_t n = h->conns.n + listen_gates_count_waiting(&h->gates);

	for (enum listen_conn_state s = 0; s < LISTEN_CONN_DEAD; s++)
		while (h->conns.list[s].first)
			listen_link_abort(h, h->conns.list[s].first);
	if (n)
		listen_say("%zu connections were cut off", n);
	listen_follow_close(&f->follow);
	listen_conns_free(&h->conns);
	listen_pipes_close(&h->pipes);
	listen_gates_free(&h->gates);
	drop_fd(&f->signals);
	drop_fd(&h->epoll);
}

int listen_forward(const struct listen_options *opt, const struct listen_targets *targets,
		   size_t n_files, struct err *err)
{
	struct forward f = {
		.hub = { .opt = opt, .epoll = -1, .gates.epoll = -1, .now = clock_ms() },
		.follow = { .watch = { .inotify = -1, .mounts = -1 }, .attachments = -1 },
		.signals = -1,
		.n_files = n_files,
	};
	int rc;

	f.hub.busy_end = &f.hub.busy;
	f.hub.serial = (uint64_t)time(NULL) << 32;
	f.hub.pipes.n_max = n_files / 32 < PIPES ? n_files / 32 : PIPES;
	rc = begin(&f, targets, err);
	if (!rc) {
		listen_trim();
		rc = loop(&f, err);
	}
	finish(&f);
	return rc;
}
