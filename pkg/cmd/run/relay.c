/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/init.h"

/* Those that a shell stops and continues its jobs by keep their effect on us. */
static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				 SIGUSR2, SIGALRM, SIGIO,   SIGPWR,  SIGVTALRM };
static const int own[] = { SIGCHLD, SIGWINCH, SIGCONT, SIGTTOU };

/* Bytes on their way in one direction. */
struct stream {
	int from, to; /* from -1: nothing more comes; to -1: there is no such direction */
	char buf[4096];
	size_t at, end;
};

struct relay {
	struct run_sandbox *s;
	int signals;
	struct stream in, out;
	bool is_raw;
	struct termios before;
	int status; /* of PID 1; -1: it runs */
	bool done;
};

/* ---- signals --------------------------------------------------------------------------------- */

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(set, forwarded[i]);
}

static void held_signals(sigset_t *set)
{
	ending_signals(set);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigaddset(set, own[i]);
}

int run_relay_hold_signals(sigset_t *before, struct err *err)
{
	sigset_t set;

	held_signals(&set);
	return sigprocmask(SIG_BLOCK, &set, before) < 0 ? err_sys(err, "block signals") : 0;
}

int run_relay_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	(void)sigpending(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		if (sigismember(&set, forwarded[i]) == 1)
			return forwarded[i];
	return 0;
}

int run_relay_pending_fd(void)
{
	sigset_t set;

	ending_signals(&set);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* ---- our terminal ---------------------------------------------------------------------------- */

static void set_raw(struct relay *r)
{
	struct termios raw;

	if (r->s->terminal < 0 || tcgetattr(STDIN_FILENO, &raw) < 0)
		return;
	if (!r->is_raw)
		r->before = raw;
	r->is_raw = true;
	cfmakeraw(&raw);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void set_size(const struct relay *r)
{
	struct winsize size;

	if (r->s->terminal >= 0 && (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 ||
				    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0))
		(void)ioctl(r->s->terminal, TIOCSWINSZ, &size);
}

static void wait_for_init(struct relay *r)
{
	int status;

	if (waitpid(r->s->pid, &status, WNOHANG) != r->s->pid)
		return;
	r->s->pid = 0;
	r->status = WIFSIGNALED(status) ? RUN_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_signal(struct relay *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		wait_for_init(r);
		break;
	case SIGCONT:
		set_raw(r); /* whoever has stopped us has had the terminal meanwhile */
		set_size(r);
		break;
	case SIGWINCH:
		set_size(r);
		break;
	case SIGTTOU:
		break;
	default:
		if (r->s->pid)
			(void)kill(r->s->pid, (int)info.ssi_signo);
		else
			r->done = true; /* the rest of what was printed is not waited for */
	}
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static struct pollfd poll_of(const struct stream *st)
{
	bool is_empty = st->at == st->end;

	return (struct pollfd){ .fd = is_empty ? st->from : st->to,
				.events = is_empty ? POLLIN : POLLOUT };
}

/* The end of what is typed is told as a terminal tells it. */
static void end_of_input(struct stream *st)
{
	struct termios now;

	if (tcgetattr(st->to, &now) == 0)
		st->buf[st->end++] = (char)now.c_cc[VEOF];
	st->from = -1;
}

static void fill(struct stream *st, bool is_input)
{
	ssize_t n = read(st->from, st->buf, sizeof(st->buf));

	st->at = 0;
	st->end = n > 0 ? (size_t)n : 0;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (is_input)
		end_of_input(st);
	else
		st->from = -1; /* EIO: nobody has the other side open */
}

/* Nobody takes it any more: what comes is thrown away. */
static void drain(struct stream *st)
{
	ssize_t n = write(st->to, st->buf + st->at, st->end - st->at);

	if (n > 0)
		st->at += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		st->at = st->end;
}

static void move(struct stream *st, short happened, bool is_input)
{
	if (!happened)
		return;
	if (st->at == st->end)
		fill(st, is_input);
	else
		drain(st);
}

/* ---- until the end --------------------------------------------------------------------------- */

/*
 * When PID 1 has ended, what is printed already is all there will be, however long it takes whoever
 * reads it.
 */
static int step(struct relay *r, struct err *err)
{
	struct pollfd fds[] = { { .fd = r->signals, .events = POLLIN },
				poll_of(&r->in),
				poll_of(&r->out) };
	bool has_rest = r->out.at < r->out.end;
	int n = poll(fds, ARRAY_SIZE(fds), r->status < 0 || has_rest ? -1 : 0);

	if (n < 0)
		return errno == EINTR ? 0 : err_sys(err, "poll");
	if (fds[0].revents)
		on_signal(r);
	move(&r->in, fds[1].revents, true);
	move(&r->out, fds[2].revents, false);
	r->done |= r->status >= 0 && !fds[2].revents && !has_rest;
	return 0;
}

static int begin(struct relay *r, struct err *err)
{
	int terminal = r->s->terminal;
	sigset_t set;

	held_signals(&set);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0)
		return err_sys(err, "signalfd");
	r->in.to = r->out.from = terminal;
	r->in.from = terminal < 0 ? -1 : STDIN_FILENO;
	r->out.to = terminal < 0 ? -1 : STDOUT_FILENO;
	if (terminal >= 0 && fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, "prepare the terminal");
	set_size(r);
	set_raw(r);
	return 0;
}

int run_relay(struct run_sandbox *s, int *status, struct err *err)
{
	struct relay r = { .s = s, .signals = -1, .status = -1 };
	int rc = begin(&r, err);

	while (!rc && !r.done)
		rc = step(&r, err);
	if (r.is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r.before);
	drop_fd(&r.signals);
	*status = r.status;
	return rc;
}
