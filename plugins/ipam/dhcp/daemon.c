/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adopt.h"
#include "base/scope.h"
#include "resume.h"
#include "serve.h"
#include "sys/file.h"

#define SOURCE_SIGNAL 4
#define LOOK_EVERY    15000 /* milliseconds */

struct daemon {
	const char *socket, *pidfile, *prefix; /* "" = not given */
	const char *path;                      /* the socket's, as this process sees it */
	struct attend attend;
	struct serve serve;
	struct manager manager;
	struct {
		int source, fd;
	} signals;
	bool passed; /* the socket is systemd's */
	bool stop;
	struct err err;
};

/* ---- options --------------------------------------------------------------------------------- */

/* As Go's time.ParseDuration has it, of one unit: "10s", "500ms", "2m", "1h"; 0 = it is none. */
static uint32_t parse_time(const char *text)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end;
	double v = strtod(text, &end);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].name) && v > 0 && v * units[i].ms <= INT32_MAX)
			return (uint32_t)(v * units[i].ms);
	return 0;
}

static bool parse_bool(const char *text, bool *out)
{
	*out = !strcmp(text, "true") || !strcmp(text, "1") || !strcmp(text, "t");
	return *out || !strcmp(text, "false") || !strcmp(text, "0") || !strcmp(text, "f");
}

static bool set_option(struct daemon *d, const char *name, size_t len, const char *value)
{
	const struct {
		const char *name;
		const char **text;
		uint32_t *time;
	} options[] = {
		{ "socketpath", &d->socket, NULL },
		{ "pidfile", &d->pidfile, NULL },
		{ "hostprefix", &d->prefix, NULL },
		{ "timeout", NULL, &d->attend.times.first },
		{ "resendmax", NULL, &d->attend.times.most },
		{ "resendtimeout", NULL, &d->attend.times.deadline },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strlen(options[i].name) != len || strncmp(options[i].name, name, len) != 0)
			continue;
		if (options[i].text)
			*options[i].text = value;
		else
			*options[i].time = parse_time(value);
		return options[i].text || *options[i].time;
	}
	return false;
}

/* -x v, -x=v, --x v, --x=v; -broadcast takes a value only behind a =. */
static bool parse(struct daemon *d, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + strspn(argv[i], "-");
		size_t len = strcspn(name, "=");
		const char *value = name[len] ? name + len + 1 : NULL;

		if (name == argv[i] || name - argv[i] > 2)
			return false;
		if (len == strlen("broadcast") && !strncmp(name, "broadcast", len)) {
			if (!parse_bool(value ? value : "true", &d->attend.sockets.broadcast))
				return false;
			continue;
		}
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (!value || !set_option(d, name, len, value))
			return false;
	}
	return !*d->pidfile || *d->pidfile == '/';
}

/* ---- the socket ------------------------------------------------------------------------------ */

/* A socket that nobody listens at is what a daemon that was killed has left. */
static bool is_left(const struct sockaddr_un *at)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	return fd >= 0 && lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 && errno == ECONNREFUSED;
}

static int make_dir_of(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	return file_make_dirs(arena_strndup(json_arena(), path, (size_t)(slash - path)), 0700, err);
}

static int listen_at(struct daemon *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(d->path) >= sizeof(at.sun_path))
		return err_config(&d->err, "%s: too long for a socket", d->path);
	memcpy(at.sun_path, d->path, strlen(d->path));
	if (make_dir_of(d->path, &d->err) < 0)
		return -1;
	if (is_left(&at))
		(void)unlink(at.sun_path);
	d->serve.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->serve.fd < 0 || bind(d->serve.fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    chmod(at.sun_path, 0660) < 0 || listen(d->serve.fd, SOMAXCONN) < 0)
		return err_sys(&d->err, "listen at %s", d->path);
	return 0;
}

/* ---- start and end --------------------------------------------------------------------------- */

static int watch(const struct daemon *d, int fd, void *source, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(d->attend.sockets.epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? err_sys(err, "epoll")
									     : 0;
}

static int take_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	d->signals.source = SOURCE_SIGNAL;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(&d->err, "signals");
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals.fd < 0)
		return err_sys(&d->err, "signals");
	return watch(d, d->signals.fd, &d->signals, &d->err);
}

/* A socket for each lease. */
static void allow_many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int write_pidfile(struct daemon *d)
{
	const char *text = arena_printf(json_arena(), "%d", getpid());

	return *d->pidfile
		       ? file_replace(d->pidfile, text, strlen(text), 0644, json_arena(), &d->err)
		       : 0;
}

static int start(struct daemon *d)
{
	allow_many_files();
	d->attend.sockets.closer = wire_closer();
	d->attend.sockets.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->attend.sockets.epoll < 0)
		return err_sys(&d->err, "epoll");
	manager_open(&d->manager, d->attend.sockets.epoll);
	d->attend.sockets.manager = &d->manager;
	d->serve.fd = manager_take_listener(&d->manager);
	d->passed = d->serve.fd >= 0;
	if (take_signals(d) < 0 || resume_files(&d->attend, &d->err) < 0 ||
	    (!d->passed && listen_at(d) < 0) || watch(d, d->serve.fd, &d->serve, &d->err) < 0 ||
	    write_pidfile(d) < 0)
		return -1;
	d->serve.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	adopt_cached(&d->attend, d->socket);
	lease_log("listens at %s; %zu leases", d->path, d->attend.leases.n);
	manager_ready(&d->manager);
	return 0;
}

static void finish(struct daemon *d)
{
	if (!d->passed)
		(void)unlink(d->path);
	if (*d->pidfile)
		(void)unlink(d->pidfile);
	serve_end(&d->serve);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void on_signal(struct daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals.fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				continue;
		else
			d->stop = true;
}

static void on_event(struct daemon *d, void *of)
{
	switch (*(const int *)of) {
	case LEASE_SOURCE:
		attend_event(&d->attend, of);
		break;
	case LEASE6_SOURCE:
		attend_event6(&d->attend, of);
		break;
	case SERVE_LISTEN:
		serve_accept(&d->serve);
		break;
	case SERVE_CONNECTION:
		serve_event(of);
		break;
	case SOURCE_SIGNAL:
		on_signal(d);
		break;
	case MANAGER_SOURCE:
		manager_event(of);
		break;
	}
}

/* One event at a time: what it frees is nobody else's. */
static void go_once(struct daemon *d, int64_t *look)
{
	struct lease *first = lease_first(&d->attend.leases);
	int64_t now = lease_now(), until = first && first->wake < *look ? first->wake : *look;
	struct epoll_event e;

	if (epoll_wait(d->attend.sockets.epoll, &e, 1, until > now ? (int)(until - now) : 0) > 0)
		on_event(d, e.data.ptr);
	now = lease_now();
	first = lease_first(&d->attend.leases);
	if (first && first->wake <= now)
		attend_wake(&d->attend, first);
	if (now < *look)
		return;
	resume_unread(&d->attend);
	if (attend_has_resumed(&d->attend)) /* all have their sockets */
		manager_close(&d->manager);
	manager_event(&d->manager);
	attend_end_gone(&d->attend);
	serve_end_idle(&d->serve, now);
	serve_give_signs(&d->serve);
	*look = now + LOOK_EVERY;
}

static void run(struct daemon *d)
{
	int64_t look = lease_now() + LOOK_EVERY;

	while (!d->stop) {
		struct arena arena = { 0 };

		json_init(&arena);
		go_once(d, &look);
		arena_free(&arena);
	}
}

int dhcp_daemon(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct daemon *d = arena_new(&arena, struct daemon);
	int rc;

	json_init(&arena);
	d->socket = "/run/cni/dhcp.sock";
	d->pidfile = d->prefix = "";
	d->attend.times = lease_times;
	d->attend.answer = serve_answer;
	d->serve.source = SERVE_LISTEN;
	d->serve.spare = -1;
	d->serve.attend = &d->attend;
	if (!parse(d, argc, argv)) {
		arena_free(&arena);
		return -1;
	}
	d->attend.sockets.prefix = d->prefix;
	d->path = arena_printf(&arena, "%s%s", d->prefix, d->socket);
	rc = start(d);
	if (!rc)
		run(d);
	else
		fprintf(stderr, "dhcp: %s\n", d->err.msg);
	if (!rc)
		finish(d);
	manager_end(&d->manager);
	lease_free_all(&d->attend.leases);
	arena_free(&arena);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
