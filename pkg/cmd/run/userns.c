/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/userns.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/caps.h"
#include "sys/spawn.h"

/* One of the two maps. */
struct map {
	const char *file, *program; /* uid_map, newuidmap */
	const struct run_id_map *list;
	size_t n;
	uint32_t caller; /* the caller's id */
	int capability;
};

static struct map uid_map_of(const struct run_options *o)
{
	return (struct map){ "uid_map",     "newuidmap", o->uid_maps,
			     o->n_uid_maps, geteuid(),   CAP_SETUID };
}

static struct map gid_map_of(const struct run_options *o)
{
	return (struct map){ "gid_map",     "newgidmap", o->gid_maps,
			     o->n_gid_maps, getegid(),   CAP_SETGID };
}

void run_userns_complete_maps(struct run_options *o)
{
	if (!o->n_gid_maps && run_caps_has(CAP_SETGID)) {
		o->gid_maps = o->uid_maps;
		o->n_gid_maps = o->n_uid_maps;
	}
	if (!o->n_uid_maps && run_caps_has(CAP_SETUID)) {
		o->uid_maps = o->gid_maps;
		o->n_uid_maps = o->n_gid_maps;
	}
}

/* ---- from outside ---------------------------------------------------------------------------- */

/* new_idmap_permitted() in kernel/user_namespace.c */
static bool may_write(const struct map *m)
{
	return run_caps_has(m->capability) || !m->n ||
	       (m->n == 1 && m->list->count == 1 && m->list->outside == m->caller);
}

/* A file of /proc is written in one piece. */
static int write_file(pid_t pid, const char *name, const char *text, struct err *err)
{
	char path[64];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(err, "write \"%.*s\" to %s", (int)strcspn(text, "\n"), text, name);
	return 0;
}

static int write_map(pid_t pid, const struct map *m, struct arena *arena, struct err *err)
{
	const char *text = m->n ? "" : arena_printf(arena, "0 %u 1\n", m->caller);

	for (size_t i = 0; i < m->n; i++)
		text = arena_printf(arena, "%s%u %u %u\n", text, m->list[i].inside,
				    m->list[i].outside, m->list[i].count);
	if (write_file(pid, m->file, text, err) == 0)
		return 0;
	/* verify_root_map() in kernel/user_namespace.c: as in a container. */
	if (err->sys == EPERM && !run_caps_has(CAP_SETFCAP))
		return err_wrap(err, "root may not be mapped without CAP_SETFCAP (inside another "
				     "cnic run: run that with --cap-add setfcap)");
	return -1;
}

/* As execvp(3) would find it. NULL: it is not installed. */
static const char *find_program(const char *name, struct arena *arena)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *path = arena_printf(arena, "%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static int run_program(pid_t pid, const struct map *m, struct arena *arena, struct err *err)
{
	const char *path = find_program(m->program, arena);
	const char **argv = arena_array(arena, const char *, 3 + 3 * m->n), **at = argv;
	struct spawn_result res;
	struct spawn s = {
		.path = path, .argv = argv, .envp = (char *[]){ NULL }, .in = "", .listen = true
	};

	if (!path)
		return err_set(
			err, ERR_INTERNAL,
			"%s is not installed (Debian: the package uidmap), and without root no ids but the caller's own are mapped else",
			m->program);
	*at++ = m->program;
	*at++ = arena_printf(arena, "%d", (int)pid);
	for (size_t i = 0; i < m->n; i++) {
		*at++ = arena_printf(arena, "%u", m->list[i].inside);
		*at++ = arena_printf(arena, "%u", m->list[i].outside);
		*at++ = arena_printf(arena, "%u", m->list[i].count);
	}
	if (spawn(&s, &res, arena, err) < 0)
		return -1;
	return spawn_succeeded(m->program, &res, err);
}

static int map_ids(pid_t pid, const struct map *m, struct arena *arena, struct err *err)
{
	return may_write(m) ? write_map(pid, m, arena, err) : run_program(pid, m, arena, err);
}

int run_userns_write_maps(pid_t pid, const struct run_options *o, struct arena *arena,
			  struct err *err)
{
	struct map uids = uid_map_of(o), gids = gid_map_of(o);

	if (map_ids(pid, &uids, arena, err) < 0)
		return -1;
	/* Whoever may not set groups outside must not drop one inside (CVE-2014-8989). */
	if (!run_caps_has(CAP_SETGID) && may_write(&gids) &&
	    write_file(pid, "setgroups", "deny", err) < 0)
		return -1;
	return map_ids(pid, &gids, arena, err);
}

/* ---- from inside ----------------------------------------------------------------------------- */

/* 0 if it is mapped, else the lowest; *outside is what it is outside. */
static uint32_t first_id(const struct map *m, uint32_t *outside)
{
	const struct run_id_map *first = m->list;

	for (size_t i = 1; i < m->n; i++)
		if (m->list[i].inside < first->inside)
			first = &m->list[i];
	*outside = m->n ? first->outside : m->caller;
	return m->n ? first->inside : 0;
}

int run_userns_become(const struct run_options *o, struct err *err)
{
	struct map uids = uid_map_of(o), gids = gid_map_of(o);
	uint32_t outside;
	uid_t uid = first_id(&uids, &outside);
	gid_t gid = first_id(&gids, &outside);

	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_sys(err, "setgroups");
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_sys(err, "become user %u, group %u", uid, gid);
	return 0;
}

/*
 * 0 may be anybody if we are in a user namespace; the kernel says who may write a sysctl by nothing
 * but that (test_perm() in fs/proc/proc_sysctl.c). EROFS: it is protected where we are.
 */
bool run_userns_has_host_root(const struct run_options *o)
{
	struct map uids = uid_map_of(o);
	uint32_t outside;

	(void)first_id(&uids, &outside);
	return !outside && (access("/proc/sys/kernel/core_pattern", W_OK) == 0 || errno == EROFS);
}
