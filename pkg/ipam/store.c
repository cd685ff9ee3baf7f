/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/lock.h"

/* ---- opening --------------------------------------------------------------------------------- */

static int open_dir(struct store *s, enum store_use use)
{
	if (use == STORE_ADD && file_make_dirs(s->path, 0755, s->err) < 0)
		return -1;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir >= 0 || (errno == ENOENT && use != STORE_ADD))
		return 0;
	return err_sys(s->err, "open %s", s->path);
}

static int take_lock(struct store *s)
{
	s->lock = openat(s->dir, "lock", O_RDONLY | O_CREAT | FILE_SAFE, 0750);
	if (s->lock < 0)
		return err_sys(s->err, "open %s/lock", s->path);
	return lock_fd(s->lock, s->path, s->err);
}

/* A directory that was removed while we waited for its lock is tried again by its name. */
static int enter(struct store *s, enum store_use use, struct stat *st)
{
	for (int tries = 0; tries < 10; tries++) {
		if (open_dir(s, use) < 0)
			return -1;
		if (s->dir < 0)
			return 0;
		if (use != STORE_READ && take_lock(s) < 0)
			return -1;
		if (fstat(s->dir, st) < 0)
			return err_sys(s->err, "stat %s", s->path);
		if (st->st_nlink)
			return 0;
		drop_fd(&s->lock);
		drop_fd(&s->dir);
	}
	return err_set(s->err, ERR_RETRY, "%s is removed again and again", s->path);
}

int store_open(struct store *s, enum store_use use, const char *data_dir, const char *name,
	       struct arena *arena, struct err *err)
{
	struct stat st;

	*s = (struct store){ .dir = -1, .lock = -1, .arena = arena, .err = err };
	s->data_dir = data_dir;
	s->name = name;
	s->path = arena_printf(arena, "%s/%s", data_dir, name);
	index_init(&s->index);
	if (!str_is_cni_name(name))
		return err_config(err, "name: \"%.80s\" cannot name a directory", name);
	if (enter(s, use, &st) < 0)
		return -1;
	if (s->dir < 0)
		return 0;
	index_open(&s->index, data_dir, name, &st, use != STORE_READ);
	if (use == STORE_READ || s->index.usable)
		return 0;
	return store_rebuild(s);
}

/* The seal comes before the lock goes. */
void store_close(struct store *s)
{
	if (s->dir >= 0)
		index_seal(&s->index, s->dir);
	index_close(&s->index);
	drop_fd(&s->lock);
	drop_fd(&s->dir);
}

/* ---- rebuilding the index -------------------------------------------------------------------- */

bool store_is_of_key(const struct store *s, const struct ip *ip, const struct index_holder_key *key)
{
	struct index_holder_key other;
	struct reservation r;

	if (reservation_read(s->dir, ip, &r) != RESERVATION_HELD)
		return false;
	index_holder_key(&s->index, &r.holder, &other);
	return !strcmp(other.path, key->path);
}

/* An entry of ours keeps its boot, unless another program has made the reservation anew since. */
static void add_holder(struct store *s, const struct reservation *r)
{
	struct index_holder_entry e;
	struct index_holder_key key;

	index_holder_key(&s->index, &r->holder, &key);
	if (index_holder_get(&s->index, &key, &e) && index_holder_entry_has(&e, &r->ip) &&
	    !(index_is_earlier_boot(&s->index, e.boot) &&
	      index_holder_predates(&s->index, &key, s->dir, r->name)))
		return;
	snprintf(e.boot, sizeof(e.boot), INDEX_NO_BOOT);
	if (!index_holder_entry_has(&e, &r->ip))
		index_holder_entry_add(&e, &r->ip);
	index_holder_put(&s->index, &key, &e);
}

static int add_reservation(const struct reservation *r, void *arg)
{
	struct store *s = arg;

	if (r->state == RESERVATION_TORN)
		return reservation_remove(s->dir, &r->ip, s->err);
	index_mark(&s->index, &r->ip, true);
	if (r->state == RESERVATION_HELD)
		add_holder(s, r);
	return 0;
}

/* Entries of holders that are gone. */
static void gc_holder(const struct index_holder_key *key, const struct index_holder_entry *e,
		      void *arg)
{
	struct store *s = arg;
	const char *at = e->ips;
	struct ip ip;

	if (e->more)
		return;
	while (index_holder_entry_next(&at, &ip))
		if (store_is_of_key(s, &ip, key))
			return;
	index_holder_drop(&s->index, key);
}

/*
 * Nothing is in it but the lock: every reservation leaves a last_reserved_ip, the reference's as
 * well.
 */
static bool is_unused(const struct store *s)
{
	auto_dir DIR *d = file_entries(s->dir, ".");
	const struct dirent *e;
	bool unused = d;

	while (unused && (e = readdir(d)))
		unused = *e->d_name == '.' || !strcmp(e->d_name, "lock");
	return unused;
}

int store_rebuild(struct store *s)
{
	index_begin(&s->index, s->data_dir, s->name, is_unused(s));
	if (!s->index.usable)
		return 0;
	if (reservation_scan(s->dir, add_reservation, s, s->err) < 0)
		return err_wrap(s->err, "%s", s->path);
	index_holder_each(&s->index, gc_holder, s);
	if (s->index.broken)
		s->index.usable = false;
	return 0;
}

/* ---- is there a place for it? ---------------------------------------------------------------- */

/* The directory that a missing one would be made in. */
static void parent_of(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(path, 2, ".");
	else if (slash == path)
		path[1] = '\0';
	else
		*slash = '\0';
}

int store_usable(const char *data_dir, const char *name, struct arena *arena, struct err *err)
{
	char *path = arena_printf(arena, "%s/%s", data_dir, name);
	struct stat st;
	int rc;

	while ((rc = stat(path, &st)) < 0 && errno == ENOENT && strcmp(path, ".") != 0)
		parent_of(path);
	if (rc < 0)
		return err_sys(err, "%s", path);
	errno = ENOTDIR;
	if (!S_ISDIR(st.st_mode) || faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys(err, "%s", path);
	return 0;
}
