/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/attfile.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys/file.h"

int attfile_store(const char *path, const struct json *v, struct arena *arena, struct err *err)
{
	const char *text = json_print(v);
	const struct json *again;

	if (json_parse_max(text, strlen(text), ATTFILE_MAX, &again, err) < 0)
		return err_wrap(err, "what is written of the attachment could not be read again");
	return file_replace(path, text, strlen(text), 0600, arena, err);
}

int attfile_load(const char *path, struct arena *arena, const struct json **v, struct err *err)
{
	const char *text;
	size_t len;

	if (file_read(path, ATTFILE_MAX, arena, &text, &len, err) < 0 ||
	    json_parse_max(text, len, ATTFILE_MAX, v, err) < 0)
		return -1;
	return json_is_object(*v) ? 0 : err_set(err, ERR_DECODE, "expected an object");
}

/* ---- of an attachment ------------------------------------------------------------------------ */

const char *attfile_path(struct cni_call *c, const struct attfile_place *p)
{
	return arena_printf(c->arena, "%s/%s%s%s%s", p->dir, c->req->container_id, p->separator,
			    c->req->ifname, p->suffix);
}

int attfile_write(struct cni_call *c, const struct attfile_place *p, const struct json *v)
{
	if (file_make_dirs(p->dir, 0700, c->err) < 0)
		return -1;
	return attfile_store(attfile_path(c, p), v, c->arena, c->err);
}

/* There is none of a name that no file can have. */
static int load(struct cni_call *c, const char *path, const struct json **v)
{
	if (attfile_load(path, c->arena, v, c->err) == 0)
		return 0;
	*v = NULL;
	if (c->err->sys && c->err->sys != ENOENT && c->err->sys != ENAMETOOLONG)
		return -1;
	err_clear(c->err);
	return 0;
}

int attfile_read(struct cni_call *c, const struct attfile_place *p, const struct json **v)
{
	return load(c, attfile_path(c, p), v);
}

int attfile_remove(struct cni_call *c, const struct attfile_place *p)
{
	return file_remove(attfile_path(c, p), c->arena, c->err);
}

/* ---- GC -------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), len = strlen(suffix);

	return n >= len && !strcmp(name + n - len, suffix);
}

/* A name cannot be taken apart: both halves may hold the separator. */
static bool is_valid(struct cni_call *c, const char *name, const struct attfile_place *p)
{
	char valid[NAME_MAX + 2];

	for (size_t i = 0; i < c->req->net.n_attachments; i++) {
		const struct cni_attachment *a = &c->req->net.attachments[i];

		snprintf(valid, sizeof(valid), "%s%s%s%s", a->container_id, p->separator, a->ifname,
			 p->suffix);
		if (!strcmp(name, valid))
			return true;
	}
	return false;
}

#define DRAFT ".tmp" /* of one that an earlier version of ours was killed over: NAME.PID.tmp */

/* One that cannot be read stays. */
static bool is_garbage(struct cni_call *c, const struct attfile_place *p, const char *name,
		       const char *path, attfile_mine mine)
{
	const struct json *v;

	if (!ends_with(name, p->suffix) || file_is_draft(name) || is_valid(c, name, p))
		return false;
	if (load(c, path, &v) < 0)
		err_clear(c->err);
	return v ? mine(c, p, v) : ends_with(name, DRAFT);
}

int attfile_gc(struct cni_call *c, const struct attfile_place *p, attfile_mine mine)
{
	const struct dirent *e;
	int rc = 0;
	DIR *d;

	if (!c->req->net.has_attachments)
		return 0;
	d = opendir(p->dir);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(c->err, "open %s", p->dir);
	file_remove_drafts(p->dir, c->arena);
	while (!rc && (e = readdir(d))) {
		const char *path = arena_printf(c->arena, "%s/%s", p->dir, e->d_name);

		if (is_garbage(c, p, e->d_name, path, mine))
			rc = file_remove(path, c->arena, c->err);
	}
	closedir(d);
	return rc;
}
