/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/lock.h"

#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/time.h>

#include "base/clock.h"

static void on_alarm(int sig)
{
	(void)sig;
}

/* flock(2) has no timeout; a timer that interrupts it does. It ticks on after the deadline, in case
 * the first tick fell just before the call. */
static int lock_until(int fd, int64_t deadline)
{
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -1;
		if (clock_ms() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

int lock_fd(int fd, const char *name, struct err *err)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval tick = { .it_interval.tv_sec = 1,
				  .it_value.tv_sec = LOCK_TIMEOUT_MS / 1000 };
	int rc, saved;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, "lock %s", name);
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &tick, NULL);
	rc = lock_until(fd, clock_ms() + LOCK_TIMEOUT_MS);
	saved = errno;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	sigaction(SIGALRM, &old, NULL);
	errno = saved;
	if (!rc)
		return 0;
	err_fill(err, ERR_RETRY, errno, "lock %s, held by another process", name);
	return -1;
}
