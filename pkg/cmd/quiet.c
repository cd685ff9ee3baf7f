/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/quiet.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "libcni/cache.h"
#include "skel/record.h"
#include "skel/registry.h"
#include "sys/file.h"

#define QUIET_MS 1000 /* a plugin of a list that takes longer is slow */
#define MOST_MS  3000

/* A list leaves a trace in one of them between one of its plugins and another. */
static const char *const dirs[] = { LIBCNI_CACHE_DIR "/results", REGISTRY_DIR, RECORD_DIR };

/* Milliseconds since the last change; a clock that has been set back says: a moment ago. */
static int64_t age(void)
{
	int64_t youngest = QUIET_MS;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int64_t ms = stat(dirs[i], &st) < 0 ? QUIET_MS : file_age(&st);

		youngest = ms < youngest ? ms : youngest;
	}
	return youngest > 0 ? youngest : 0;
}

void quiet_wait(void)
{
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
	int64_t now = clock_ms(), until = now + MOST_MS, quiet;
	_Alignas(struct inotify_event) char events[4096];
	struct pollfd changed = { .fd = fd, .events = POLLIN };

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(dirs); i++)
		(void)inotify_add_watch(fd, dirs[i], mask);
	for (quiet = now + QUIET_MS - age(); now < quiet && now < until; now = clock_ms()) {
		int64_t end = quiet < until ? quiet : until;

		if (poll(&changed, fd < 0 ? 0 : 1, (int)(end - now)) <= 0)
			continue;
		while (read(fd, events, sizeof(events)) > 0)
			continue;
		quiet = clock_ms() + QUIET_MS;
	}
}
