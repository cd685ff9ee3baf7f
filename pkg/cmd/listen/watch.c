/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/scope.h"
#include "cmd/listen/say.h"

#define BUFFER_SIZE 16384

struct listen_watch_name {
	struct listen_watch_name *next;
	char name[];
};

/* ---- not yet namespaces ---------------------------------------------------------------------- */

static void drop_pending(struct listen_watch *w, const char *name)
{
	struct listen_watch_name **at = &w->pending;

	while (*at) {
		struct listen_watch_name *n = *at;

		if (name && strcmp(n->name, name) != 0) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free(n);
	}
}

static void add_pending(struct listen_watch *w, const char *name)
{
	size_t len = strlen(name) + 1;
	struct listen_watch_name *n = malloc(sizeof(*n) + len);

	if (!n) {
		listen_say("%s: out of memory", name);
		return;
	}
	memcpy(n->name, name, len);
	n->next = w->pending;
	w->pending = n;
}

/* A name that is not among the pending ones: to look for it there costs as much as there are. */
static void come(struct listen_watch *w, const char *name)
{
	if (!w->come(w->ctx, name))
		add_pending(w, name);
}

void listen_watch_on_mounts(struct listen_watch *w)
{
	struct listen_watch_name *n = w->pending, *next;

	w->pending = NULL;
	for (; n; n = next) {
		next = n->next;
		come(w, n->name);
		free(n);
	}
}

/* ---- the directory --------------------------------------------------------------------------- */

static int come_all(struct listen_watch *w, struct err *err)
{
	auto_dir DIR *d = opendir(w->dir);
	const struct dirent *e;

	if (!d)
		return err_sys(err, "open %s", w->dir);
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			come(w, e->d_name);
	return 0;
}

static void start_over(struct listen_watch *w)
{
	struct err err;

	w->check(w->ctx);
	drop_pending(w, NULL);
	if (come_all(w, &err) < 0)
		listen_say("%s", err.msg);
}

static void on_event(struct listen_watch *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		start_over(w);
	else if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
		listen_say("%s is gone, no namespace will come any more", w->dir);
	else if (e->mask & (IN_CREATE | IN_MOVED_TO)) {
		drop_pending(w, e->name);
		come(w, e->name);
	} else if (e->mask & (IN_DELETE | IN_MOVED_FROM)) {
		drop_pending(w, e->name);
		w->go(w->ctx, e->name);
	}
}

void listen_watch_on_files(struct listen_watch *w)
{
	_Alignas(struct inotify_event) char buf[BUFFER_SIZE];
	ssize_t n = read(w->inotify, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		at += (ssize_t)(sizeof(*e) + e->len);
		on_event(w, e);
	}
}

int listen_watch_open(struct listen_watch *w, struct err *err)
{
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
			      IN_MOVE_SELF | IN_ONLYDIR;

	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0 || inotify_add_watch(w->inotify, w->dir, mask) < 0)
		return err_sys(err, "watch %s", w->dir);
	w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->mounts < 0)
		return err_sys(err, "open /proc/self/mountinfo");
	return come_all(w, err);
}

void listen_watch_close(struct listen_watch *w)
{
	drop_pending(w, NULL);
	drop_fd(&w->inotify);
	drop_fd(&w->mounts);
}
