/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
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
	char last;      /* that has been read; 0: nothing has */
	bool is_broken; /* a pipe that nobody has open on its other side */
};

struct relay {
	struct run_sandbox *s;
	int signals;
	struct stream in, out;
	bool is_raw;
	struct termios before, raw;
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

/* Then it is the shell's, or another job's: SIGTTOU does not stop us, who hold it. */
static bool is_in_background(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	return foreground >= 0 && foreground != getpgrp();
}

static void set_raw(struct relay *r)
{
	struct termios now;

	if (r->s->terminal < 0 || is_in_background() || tcgetattr(STDIN_FILENO, &now) < 0)
		return;
	if (!r->is_raw)
		r->before = now;
	r->is_raw = true;
	r->raw = now;
	cfmakeraw(&r->raw);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r->raw);
}

/* In the background only if nobody else has set it since. */
static void restore(const struct relay *r)
{
	struct termios now;

	if (!r->is_raw || tcgetattr(STDIN_FILENO, &now) < 0)
		return;
	if (!is_in_background() || (now.c_lflag == r->raw.c_lflag && now.c_iflag == r->raw.c_iflag))
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &r->before);
}

/*
 * In the background this stops us as a read(2) would, which is where we would be held up once
 * continued: what was typed has gone to another. If nothing has stopped us, a read fails.
 */
static bool may_read(struct relay *r)
{
	sigset_t pending;

	if (!is_in_background()) {
		if (!r->is_raw)
			set_raw(r); /* a shell that takes us to the foreground says nothing */
		return true;
	}
	(void)kill(0, SIGTTIN);
	sigemptyset(&pending);
	(void)sigpending(&pending);
	return sigismember(&pending, SIGCONT) != 1;
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

/*
 * The end of what is typed is told as a terminal tells it: on a line that is begun by a second one
 * (termios(3), VEOF).
 */
static void end_of_input(struct stream *st)
{
	struct termios now;

	st->from = -1;
	if (tcgetattr(st->to, &now) < 0)
		return;
	if (!strchr("\r\n", st->last) && st->last != (char)now.c_cc[VEOF])
		st->buf[st->end++] = (char)now.c_cc[VEOF];
	st->buf[st->end++] = (char)now.c_cc[VEOF];
}

static void fill(struct stream *st, bool is_input)
{
	ssize_t n = read(st->from, st->buf, sizeof(st->buf));

	st->at = 0;
	st->end = n > 0 ? (size_t)n : 0;
	if (n > 0)
		st->last = st->buf[n - 1];
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (is_input)
		end_of_input(st);
	else
		st->from = -1; /* EIO: nobody has the other side open */
}

/* What nobody takes any more is thrown away. */
static void drain(struct stream *st)
{
	ssize_t n = write(st->to, st->buf + st->at, st->end - st->at);

	if (n > 0)
		st->at += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		st->at = st->end;
	st->is_broken = n < 0 && errno == EPIPE;
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

/* The command, which would end by SIGPIPE without a terminal, ends by SIGHUP. */
static void hang_up(struct relay *r)
{
	drop_fd(&r->s->terminal);
	r->in.from = r->out.from = -1;
	r->in.at = r->in.end;
	r->out.is_broken = false;
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
	if (fds[1].revents && (fds[1].events == POLLOUT || may_read(r)))
		move(&r->in, fds[1].revents, true);
	move(&r->out, fds[2].revents, false);
	if (r->out.is_broken)
		hang_up(r);
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
	restore(&r);
	drop_fd(&r.signals);
	*status = r.status;
	return rc;
}
