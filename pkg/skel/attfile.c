/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/attfile.h"

#include <dirent.h>
#include <string.h>

#include "sys/file.h"

static const char *path_of(struct cni_call *c, const char *dir, const char *suffix)
{
	return arena_printf(c->arena, "%s/%s-%s%s", dir, c->req->container_id, c->req->ifname,
			    suffix);
}

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

int attfile_write(struct cni_call *c, const char *dir, const char *suffix, const struct json *v)
{
	if (file_make_dirs(dir, 0700, c->err) < 0)
		return -1;
	return attfile_store(path_of(c, dir, suffix), v, c->arena, c->err);
}

static const struct json *read_file(struct cni_call *c, const char *path)
{
	struct err ignored = { 0 };
	const struct json *v;

	return attfile_load(path, c->arena, &v, &ignored) < 0 ? NULL : v;
}

const struct json *attfile_read(struct cni_call *c, const char *dir, const char *suffix)
{
	return read_file(c, path_of(c, dir, suffix));
}

int attfile_remove(struct cni_call *c, const char *dir, const char *suffix)
{
	return file_remove(path_of(c, dir, suffix), c->arena, c->err);
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), len = strlen(suffix);

	return n >= len && !strcmp(name + n - len, suffix);
}

/* A name cannot be taken apart: both halves may hold dashes. */
static bool is_valid(struct cni_call *c, const char *name, const char *suffix)
{
	for (size_t i = 0; i < c->req->net.n_attachments; i++) {
		const struct cni_attachment *a = &c->req->net.attachments[i];
		size_t id = strlen(a->container_id), ifname = strlen(a->ifname);

		if (!strncmp(name, a->container_id, id) && name[id] == '-' &&
		    !strncmp(name + id + 1, a->ifname, ifname) &&
		    !strcmp(name + id + 1 + ifname, suffix))
			return true;
	}
	return false;
}

#define DRAFT ".tmp" /* of one that an earlier version of ours was killed over: NAME.PID.tmp */

int attfile_gc(struct cni_call *c, const char *dir, const char *suffix,
	       bool (*mine)(struct cni_call *c, const struct json *v))
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(c->err, "open %s", dir);
	file_sweep(dir, c->arena);
	while (!rc && (e = readdir(d))) {
		const char *path = arena_printf(c->arena, "%s/%s", dir, e->d_name);
		const struct json *v;

		if (!ends_with(e->d_name, suffix) || file_is_draft(e->d_name) ||
		    is_valid(c, e->d_name, suffix))
			continue;
		v = read_file(c, path);
		if (v ? mine(c, v) : ends_with(e->d_name, DRAFT))
			rc = file_remove(path, c->arena, c->err);
	}
	closedir(d);
	return rc;
}
