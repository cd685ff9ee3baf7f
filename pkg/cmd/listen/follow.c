/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/follow.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "cmd/listen/events.h"
#include "cmd/listen/say.h"
#include "cmd/listen/targets.h"
#include "libcni/cache.h"
#include "skel/registry.h"
#include "sys/file.h"
#include "sys/netns.h"

#define CACHE_DIR LIBCNI_CACHE_DIR "/results"
#define SETTLE_MS 100 /* of many attachments that change at once, all are looked at together */

/* ---- one namespace --------------------------------------------------------------------------- */

/* The sockets keep theirs alive, and with it its inode. */
static bool is_same(const struct listen_group *group, const char *path)
{
	auto_close int own = ioctl(group->gates[0].fd, SIOCGSKNS);
	auto_close int other = -1;
	bool gone = false;
	struct stat a, b;
	struct err err;

	if (own < 0 || netns_open(path, &other, &gone, &err) < 0)
		return true; /* we could not look */
	return !gone && fstat(own, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static void go(struct listen_follow *f, struct listen_group *group)
{
	listen_say("%s has gone", group->name);
	listen_link_close(f->hub, group);
}

/* False: there is no namespace yet. What else fails is said. */
static bool come(struct listen_follow *f, const struct listen_netns *netns)
{
	struct listen_group *group = NULL;
	struct err err = { 0 };

	if (f->is_open)
		group = listen_gates_find(&f->hub->gates, netns->name);
	if (group && is_same(group, netns->path))
		return true;
	if (group)
		go(f, group);
	if (listen_gates_open(&f->hub->gates, netns, &err) == 0) {
		if (f->is_open)
			listen_say("%s has come", netns->name);
		return true;
	}
	if (err.code == ERR_NETNS && (!err.sys || err.sys == ENOENT))
		return false;
	listen_say("%s", err.msg);
	return true;
}

/* ---- a directory ----------------------------------------------------------------------------- */

static bool on_come(void *ctx, const char *name)
{
	struct listen_follow *f = ctx;
	struct arena arena = { 0 };
	struct listen_netns netns = { name, arena_printf(&arena, "%s/%s", f->watch.dir, name) };
	bool is_there = come(f, &netns);

	arena_free(&arena);
	return is_there;
}

static void on_go(void *ctx, const char *name)
{
	struct listen_follow *f = ctx;
	struct listen_group *group = listen_gates_find(&f->hub->gates, name);

	if (group)
		go(f, group);
}

static void on_check(void *ctx)
{
	struct listen_follow *f = ctx;
	struct listen_group *group = f->hub->gates.first, *next;
	struct arena arena = { 0 };

	for (; group; group = next) {
		next = group->next;
		if (!group->is_closed &&
		    !is_same(group, arena_printf(&arena, "%s/%s", f->watch.dir, group->name)))
			go(f, group);
	}
	arena_free(&arena);
}

/* ---- a network ------------------------------------------------------------------------------- */

static bool is_among(const struct listen_targets *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->list[i].name, name))
			return true;
	return false;
}

static void compare(struct listen_follow *f, const struct listen_targets *t)
{
	struct listen_group *group = f->hub->gates.first, *next;

	for (; group; group = next) {
		next = group->next;
		if (!group->is_closed && !is_among(t, group->name))
			go(f, group);
	}
	for (size_t i = 0; i < t->n; i++)
		(void)come(f, &t->list[i]);
}

static void look(struct listen_follow *f)
{
	struct listen_targets targets;
	struct arena arena = { 0 };
	struct err err = { 0 };

	if (listen_targets_find(f->hub->opt, &targets, &arena, &err) < 0)
		listen_say("%s", err.msg);
	else
		compare(f, &targets);
	arena_free(&arena);
}

/* An event of the same batch as the one that has closed it may still come. */
static void on_change(struct listen_follow *f)
{
	char buf[4096];

	while (read(f->attachments, buf, sizeof(buf)) > 0)
		continue;
	if (f->attachments >= 0 && !f->due)
		f->due = f->hub->now + SETTLE_MS;
}

void listen_follow_on_time(struct listen_follow *f)
{
	if (!f->due || f->due > f->hub->now)
		return;
	f->due = 0;
	look(f);
}

/* Made where nothing has been kept yet, as an ADD does. */
static int watch_dir(const struct listen_follow *f, const char *dir, struct err *err)
{
	const uint32_t mask = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE;

	if (file_make_dirs(dir, 0700, err) < 0)
		return -1;
	if (inotify_add_watch(f->attachments, dir, mask) < 0)
		return err_sys(err, "watch %s", dir);
	return 0;
}

static int open_network(struct listen_follow *f, struct err *err)
{
	f->attachments = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->attachments < 0)
		return err_sys(err, "create inotify");
	if (watch_dir(f, REGISTRY_DIR, err) < 0 || watch_dir(f, CACHE_DIR, err) < 0)
		return -1;
	look(f);
	return listen_events_add(f->hub->epoll, f->attachments, EPOLLIN, &f->attachments, err);
}

/* ---- both ------------------------------------------------------------------------------------ */

static int open_dir(struct listen_follow *f, struct err *err)
{
	struct listen_watch *w = &f->watch;
	int epoll = f->hub->epoll;

	if (listen_watch_open(w, err) < 0 ||
	    listen_events_add(epoll, w->inotify, EPOLLIN, &w->inotify, err) < 0)
		return -1;
	return listen_events_add(epoll, w->mounts, EPOLLPRI | EPOLLET, &w->mounts, err);
}

int listen_follow_open(struct listen_follow *f, struct listen_hub *hub, struct err *err)
{
	*f = (struct listen_follow){
		.hub = hub,
		.watch = { .dir = hub->opt->watch,
			   .inotify = -1,
			   .mounts = -1,
			   .come = on_come,
			   .go = on_go,
			   .check = on_check,
			   .ctx = f },
		.attachments = -1,
	};
	if (hub->opt->all_of && open_network(f, err) < 0)
		return -1;
	if (hub->opt->watch && open_dir(f, err) < 0)
		return -1;
	f->is_open = true;
	return 0;
}

bool listen_follow_event(struct listen_follow *f, const void *of)
{
	if (of == &f->watch.inotify)
		listen_watch_on_files(&f->watch);
	else if (of == &f->watch.mounts)
		listen_watch_on_mounts(&f->watch);
	else if (of == &f->attachments)
		on_change(f);
	else
		return false;
	return true;
}

void listen_follow_close(struct listen_follow *f)
{
	listen_watch_close(&f->watch);
	drop_fd(&f->attachments);
	f->due = 0;
}
