/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - namespaces that come to a directory and go from it, as ip-netns(8) and container
 * runtimes have them: a file is made, and a namespace mounted on it a moment later. inotify(7)
 * tells of the file, a poll of /proc/self/mountinfo of the mount (proc_pid_mountinfo(5)); nothing
 * is asked again and again.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct listen_watch_name;

struct listen_watch {
	const char *dir;
	int inotify;                       /* becomes readable */
	int mounts;                        /* tells by EPOLLPRI */
	struct listen_watch_name *pending; /* files that are no namespaces yet */
	/* False: it is no namespace yet. For one that is there already, nothing is to be done. */
	bool (*come)(void *ctx, const char *name);
	void (*go)(void *ctx, const char *name);
	/* Events were lost: go() for each that is not there any more. */
	void (*check)(void *ctx);
	void *ctx;
};

/* dir and the functions are set. Those that are there have come when it returns. */
int listen_watch_open(struct listen_watch *w, struct err *err) NODISCARD;
void listen_watch_on_files(struct listen_watch *w);
void listen_watch_on_mounts(struct listen_watch *w);
void listen_watch_close(struct listen_watch *w);
