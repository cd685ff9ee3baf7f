/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/sys/lock: who has waited comes before who has just come. All on one CPU: nobody runs till
 * another waits.
 */
#include "sys/lock.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

static char path[] = "/tmp/test_lock-XXXXXX";
static struct err err;
static int trace[2]; /* a pipe: the names of those who had the lock, in order */
static int64_t deadline;

/* Of all that is awaited here. */
static void in_time(void)
{
	if (clock_ms() > deadline)
		abort();
}

static int take(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || lock_fd_fifo(fd, path, &err) < 0)
		abort();
	return fd;
}

static int64_t asked(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t n = 0;

	if (read(fd, &n, sizeof(n)) < 0)
		abort();
	close(fd);
	return n;
}

static bool blocks_alarm(void)
{
	sigset_t mask;

	return sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGALRM);
}

/*
 * A process that takes the lock and leaves its name; it has asked when this returns. The lock is a
 * descriptor's.
 */
static pid_t waiter(char name, int held)
{
	int64_t before = asked();
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (!pid) {
		bool blocked = blocks_alarm();

		close(held);
		take();
		_exit(write(trace[1], &name, 1) == 1 && blocked == blocks_alarm() ? 0 : 1);
	}
	while (asked() == before) {
		in_time();
		sched_yield();
	}
	return pid;
}

static const char *names(void)
{
	static char seen[16];
	ssize_t n = read(trace[0], seen, sizeof(seen) - 1);

	seen[n > 0 ? n : 0] = '\0';
	return seen;
}

static bool is_done(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void check_order(void)
{
	int fd = take();
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = waiter((char)('a' + i), fd);
	is_str(names(), "", "nobody gets what another holds");
	close(fd);
	fd = take();
	is_str(names(), "abc",
	       "who gives it up and asks again comes after those who wait, in their order");
	for (int i = 0; i < 3; i++)
		ok(is_done(pids[i]), "waiter %c ends well", 'a' + i);
	close(fd);
}

/*
 * Is the process waiting for the flock itself? A line "1: -> FLOCK ADVISORY WRITE PID ..." says so.
 */
static bool waits_for_flock(pid_t pid)
{
	char line[256], want[64];
	FILE *f = fopen("/proc/locks", "re");
	bool found = false;

	snprintf(want, sizeof(want), "-> FLOCK  ADVISORY  WRITE %d ", (int)pid);
	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, want) != NULL;
	if (f)
		fclose(f);
	return found;
}

static void check_death(void)
{
	int fd = take();
	pid_t first = waiter('a', fd), second = waiter('b', fd);

	kill(first, SIGKILL);
	ok(!is_done(first), "a waiter dies");
	while (!waits_for_flock(second)) {
		in_time();
		sched_yield();
	}
	is_str(names(), "", "the next one waits for the lock all the same");
	close(fd);
	ok(is_done(second), "and gets it");
	is_str(names(), "b", "as the only one");
}

static void check_stopped(void)
{
	int fd = take();
	pid_t first = waiter('a', fd), second = waiter('b', fd);

	kill(first, SIGSTOP);
	close(fd);
	ok(is_done(second), "who is stopped while he waits does not stop all behind him for good");
	is_str(names(), "b", "he has not had it");
	kill(first, SIGCONT);
	ok(is_done(first), "and gets it when he goes on");
	is_str(names(), "a", "after all");
}

/* The timer's signal is the caller's to block; the wait has its bound all the same. */
static void check_blocked(void)
{
	sigset_t alarm, mask;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &mask);
	check_stopped();
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static const struct {
	const char *what;
	int64_t n;
	size_t len;
} hints[] = {
	{ "no number", 0, 0 },
	{ "half a number", 7, 3 },
	{ "a negative number", -2, 8 },
	{ "a number too large", INT64_MAX, 8 },
	{ "a number of earlier days", 0, 8 },
};

static void check_hints(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		int fd = take();
		pid_t pid;

		if (ftruncate(fd, 0) < 0 ||
		    pwrite(fd, &hints[i].n, hints[i].len, 0) != (ssize_t)hints[i].len)
			abort();
		pid = waiter('a', fd);
		is_str(names(), "", hints[i].what);
		close(fd);
		ok(is_done(pid), "whoever asks gets it");
		is_str(names(), "a", "once");
	}
}

static void check_readonly(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ok(lock_fd_fifo(fd, path, &err) == 0, "who cannot queue gets it, if it is free");
	close(fd);
}

int main(void)
{
	cpu_set_t one;

	deadline = clock_ms() + 60000;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	close(mkostemp(path, O_CLOEXEC));
	if (sched_setaffinity(0, sizeof(one), &one) < 0 || pipe2(trace, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	check_order();
	check_death();
	check_stopped();
	check_blocked();
	check_hints();
	check_readonly();
	unlink(path);
	return done_testing();
}
