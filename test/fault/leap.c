/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leap.c - LD_PRELOAD: who waits for what will not come need not wait. When a message arrives at
 * LEAP_FD, the next poll() that finds nothing else leaps: it times out at once, and the clock goes
 * on by as much as it was to wait. The milliseconds are the answer to the message. See peer.c.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define API      __attribute__((visibility("default")))
#define MAX_POLL 8

/* The next definition behind this library. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int signals = -1;
static unsigned int leapt_ms;

__attribute__((constructor)) static void start(void)
{
	const char *fd = getenv("LEAP_FD");

	if (!fd)
		return;
	signals = atoi(fd);
	fcntl(signals, F_SETFD, FD_CLOEXEC);
	unsetenv("LEAP_FD");
}

API int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct pollfd more[MAX_POLL + 1];
	unsigned int ms = (unsigned int)timeout;
	char ignored;
	int rc;

	if (signals < 0 || timeout <= 0 || n > MAX_POLL)
		return NEXT(poll)(fds, n, timeout);
	memcpy(more, fds, n * sizeof(*fds));
	more[n] = (struct pollfd){ .fd = signals, .events = POLLIN };
	rc = NEXT(poll)(more, n + 1, timeout);
	memcpy(fds, more, n * sizeof(*fds));
	if (rc <= 0 || !more[n].revents)
		return rc;
	if (rc > 1 || recv(signals, &ignored, 1, 0) != 1)
		return rc - 1;
	leapt_ms += ms;
	(void)!send(signals, &ms, sizeof(ms), MSG_NOSIGNAL);
	return 0;
}

API int clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = NEXT(clock_gettime)(clock, now);

	if (rc || clock != CLOCK_MONOTONIC)
		return rc;
	now->tv_nsec += leapt_ms % 1000 * 1000000L;
	now->tv_sec += leapt_ms / 1000 + now->tv_nsec / 1000000000;
	now->tv_nsec %= 1000000000;
	return 0;
}
