/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"

#define NO_WAITER ((off_t)-1)
#define ASKED_MAX (INT32_MAX / 2) /* a byte of any off_t, with room behind it */
#define QUEUE_MAX 4096

/* Order is kept so long: a waiter that is stopped would stop all behind it. */
#define ORDER_MS 5000

static void on_alarm(int sig)
{
	(void)sig;
}

/* The predecessor's byte is locked until its descriptor is closed. */
static bool is_next(int fd, off_t ahead, int command)
{
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = ahead, .l_len = 1
	};

	return ahead == NO_WAITER || fcntl(fd, command, &lock) == 0;
}

static bool try_lock(int fd, off_t ahead)
{
	if (!is_next(fd, ahead, F_OFD_SETLK) && errno == EWOULDBLOCK)
		return false;
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* The queue is for order alone: what fails there, but for the timer, is passed over. */
static int wait_lock(int fd, off_t ahead)
{
	if (!is_next(fd, ahead, F_OFD_SETLKW) && errno == EINTR)
		return -1;
	return flock(fd, LOCK_EX);
}

/*
 * Locks have no timeout; a timer that interrupts them does. It ticks on, in case a tick falls just
 * before the call.
 */
static int wait_in_time(int fd, off_t ahead)
{
	int64_t asked = clock_ms();

	while (wait_lock(fd, ahead) < 0) {
		if (errno != EINTR)
			return -1;
		if (clock_ms() >= asked + ORDER_MS)
			ahead = NO_WAITER;
		if (clock_ms() >= asked + LOCK_TIMEOUT_MS) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

static int lock_after(int fd, off_t ahead, const char *name, struct err *err)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval tick = { .it_interval.tv_sec = 1, .it_value.tv_sec = ORDER_MS / 1000 };
	sigset_t alarm, mask;
	int rc, saved;

	if (try_lock(fd, ahead))
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, "lock %s", name);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &act, &old);
	sigprocmask(SIG_UNBLOCK, &alarm, &mask);
	setitimer(ITIMER_REAL, &tick, NULL);
	rc = wait_in_time(fd, ahead);
	saved = errno;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &old, NULL);
	errno = saved;
	if (!rc)
		return 0;
	err_fill(err, ERR_RETRY, errno, "lock %s, held by another process", name);
	return -1;
}

int lock_fd(int fd, const char *name, struct err *err)
{
	return lock_after(fd, NO_WAITER, name, err);
}

/*
 * The n-th to ask holds byte n of the file. How many have asked is written at its start, as a hint
 * where to look for a byte that is free: two that read the same find out by the byte. A wrong one
 * costs the order, never the lock.
 */
static off_t queue_up(int fd)
{
	struct flock own = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int64_t asked = 0;

	if (pread(fd, &asked, sizeof(asked), 0) != sizeof(asked) || asked < 0 || asked > ASKED_MAX)
		asked = 0;
	for (int i = 0; i < QUEUE_MAX; i++) {
		own.l_start = (off_t)++asked;
		if (fcntl(fd, F_OFD_SETLK, &own) == 0) {
			(void)!pwrite(fd, &asked, sizeof(asked), 0);
			return (off_t)asked - 1;
		}
		if (errno != EAGAIN)
			break;
	}
	return NO_WAITER;
}

int lock_fd_fifo(int fd, const char *name, struct err *err)
{
	return lock_after(fd, queue_up(fd), name, err);
}

int lock_path(const char *path, int flags, int *fd, struct err *err)
{
	struct stat st = { 0 };

	*fd = -1;
	while (!st.st_nlink) {
		auto_close int f = open(path, O_CLOEXEC | O_NONBLOCK | flags, 0600);

		if (f < 0)
			return err_sys(err, "open %s", path);
		if (lock_fd(f, path, err) < 0)
			return -1;
		if (fstat(f, &st) < 0)
			return err_sys(err, "stat %s", path);
		if (st.st_nlink)
			*fd = take_fd(&f);
	}
	return 0;
}
