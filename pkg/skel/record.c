/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "base/str.h"
#include "cni/version.h"
#include "skel/attfile.h"
#include "skel/instance.h"
#include "sys/file.h"
#include "sys/lock.h"

/* ---- names ----------------------------------------------------------------------------------- */

/* H1-H2-plugin, H1-H2 as in the comments of its rules. */
const char *record_name_of(struct arena *arena, const char *plugin, const char *network,
			   const char *ifname, const char *container_id)
{
	struct instance o;

	instance_init(&o, network, ifname, container_id);
	return arena_printf(arena, "%.*s-%s", INSTANCE_ID_LEN, o.comment, plugin);
}

static const char *own_name(struct cni_call *c)
{
	return record_name_of(c->arena, c->plugin->name, c->req->net.name, c->req->ifname,
			      c->req->container_id);
}

static const char *path_of(struct arena *arena, const char *name)
{
	return arena_printf(arena, RECORD_DIR "/%s", name);
}

/* No plugin's name has a dot; that of a file being written has. All others are not ours. */
static bool is_record(const char *name)
{
	return strlen(name) > INSTANCE_ID_LEN && name[INSTANCE_ID_LEN] == '-' &&
	       !name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz-")];
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct json_field record_fields[] = {
	F_STR("plugin", struct record, plugin, .required = true),
	F_STR("network", struct record, network, .required = true),
	F_STR("containerID", struct record, container_id, .required = true, .max = ATTFILE_MAX),
	F_STR("ifname", struct record, ifname, .required = true),
	F_STR("netns", struct record, netns, .required = true),
	IDENTITY_FIELDS(struct record, id),
	F_STR("args", struct record, args, .required = true, .max = ATTFILE_MAX),
	F_STR("note", struct record, extra),
	F_MAP("config", struct record, conf, .required = true),
	F_MAP("prevResult", struct record, result, .required = true),
	F_END
};

static int parse(const char *name, struct arena *arena, struct record **out, struct err *err)
{
	struct record *r = arena_new(arena, struct record);
	const struct json *v;

	r->extra = r->id.boot = "";
	*out = NULL;
	if (attfile_load(path_of(arena, name), arena, &v, err) < 0 ||
	    json_decode(v, record_fields, "", r, err) < 0)
		return -1;
	if (!str_is_cni_name(r->network) || !str_is_cni_name(r->container_id) ||
	    str_ifname_fault(r->ifname) ||
	    strcmp(name,
		   record_name_of(arena, r->plugin, r->network, r->ifname, r->container_id)) != 0)
		return err_set(err, ERR_DECODE, "of another name");
	if (cni_result_parse(r->result, CNI_VERSION_LATEST, false, "prevResult", &r->prev, err) < 0)
		return -1;
	*out = r;
	return 0;
}

/* *fd is -1 if there is none. */
static int hold(const char *path, int *fd, struct err *err)
{
	struct err why = { 0 };

	if (lock_path(path, O_RDONLY, fd, &why) == 0 || why.sys == ENOENT)
		return 0;
	*err = why;
	return -1;
}

int record_load(const char *name, int *fd, struct arena *arena, struct record **r, struct err *err)
{
	*r = NULL;
	if (hold(path_of(arena, name), fd, err) < 0)
		return -1;
	return *fd < 0 ? 0 : parse(name, arena, r, err);
}

int record_peek(const char *name, struct arena *arena, struct record **r, struct err *err)
{
	if (parse(name, arena, r, err) == 0 || err->sys == ENOENT)
		return 0;
	return -1;
}

static int hold_own(struct cni_call *c, const char *path)
{
	drop_fd(&c->record_fd);
	return hold(path, &c->record_fd, c->err);
}

int record_hold(struct cni_call *c)
{
	return hold_own(c, path_of(c->arena, own_name(c)));
}

static void pass_over(const char *name, const struct err *err)
{
	fprintf(stderr, "cnic: " RECORD_DIR "/%s: %s; ignored\n", name, err->msg);
}

int record_read(struct cni_call *c, struct record **r)
{
	const char *name = own_name(c);
	struct err err = { 0 };

	*r = NULL;
	if (hold_own(c, path_of(c->arena, name)) < 0)
		return -1;
	if (c->record_fd >= 0 && parse(name, c->arena, r, &err) < 0)
		pass_over(name, &err);
	if (c->record_fd < 0 && c->req->command == CNI_DEL)
		file_remove_draft(path_of(c->arena, name), c->arena);
	return 0;
}

bool record_exists(const struct cni_call *c)
{
	return c->record_fd >= 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Lossless: the newest shape, whatever the configuration's version is. */
static int add_result(struct cni_call *c, struct json *record)
{
	const struct cni_result *r = &c->result;
	struct json *v;

	if (!r->n_interfaces && !r->n_ips && c->req->prev)
		r = c->req->prev;
	if (cni_result_json(r, CNI_VERSION_LATEST, &v, c->err) < 0)
		return -1;
	json_add(record, "prevResult", v);
	return 0;
}

static int content_of(struct cni_call *c, struct json *record, const char *extra)
{
	struct json *conf;

	json_add_str(record, "plugin", c->plugin->name);
	json_add_str(record, "network", c->req->net.name);
	json_add_str(record, "containerID", c->req->container_id);
	json_add_str(record, "ifname", c->req->ifname);
	json_add_str(record, "netns", c->req->netns);
	identity_add(c, record);
	json_add_str(record, "args", c->req->args);
	if (extra)
		json_add_str(record, "note", extra);
	conf = json_add_object(record, "config");
	json_for_each(v, c->req->net.raw)
		if (strcasecmp(json_key(v), "prevResult") != 0)
			json_add_copy(conf, json_key(v), v);
	return add_result(c, record);
}

struct before {
	const char *path;
	const struct json *content; /* NULL: there was none */
};

static void undo_write(struct cni_call *c, void *arg)
{
	const struct before *b = arg;
	int rc = b->content ? attfile_store(b->path, b->content, c->arena, c->err)
			    : file_remove(b->path, c->arena, c->err);

	if (rc < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

/* One that is there may be held by a program of a call that was killed: it is waited for. */
int record_write(struct cni_call *c, const char *extra)
{
	struct before *b = arena_new(c->arena, struct before);
	struct json *record = json_object();
	struct err ignored = { 0 };

	b->path = path_of(c->arena, own_name(c));
	if (file_make_dirs(NETNS_LOCK_DIR, 0700, c->err) < 0 ||
	    file_make_dirs(RECORD_DIR, 0700, c->err) < 0 ||
	    (!record_exists(c) && hold_own(c, b->path) < 0))
		return -1;
	if (attfile_load(b->path, c->arena, &b->content, &ignored) < 0)
		b->content = NULL;
	if (content_of(c, record, extra) < 0 ||
	    attfile_store(b->path, record, c->arena, c->err) < 0)
		return -1;
	undo_push(c, undo_write, b);
	return hold_own(c, b->path);
}

int record_remove(struct cni_call *c)
{
	return file_remove(path_of(c->arena, own_name(c)), c->arena, c->err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

int record_names_in(const char *dir, const char ***names, size_t *n, struct arena *arena,
		    struct err *err)
{
	return file_names(dir, is_record, arena, names, n, err);
}

int record_names(const char ***names, size_t *n, struct arena *arena, struct err *err)
{
	return record_names_in(RECORD_DIR, names, n, arena, err);
}

/* By the name alone: nothing of a valid attachment, another network or another plugin is opened. */
static int stale_names(struct cni_call *c, const char ***names, size_t *n)
{
	struct instance_set valid;
	size_t kept = 0;

	if (record_names(names, n, c->arena, c->err) < 0)
		return -1;
	instance_set_init(&valid, c);
	for (size_t i = 0; i < *n; i++)
		if (instance_match_stale((*names)[i], &valid) &&
		    !strcmp((*names)[i] + INSTANCE_ID_LEN + 1, c->plugin->name))
			(*names)[kept++] = (*names)[i];
	*n = kept;
	return 0;
}

int record_each_stale(struct cni_call *c, record_fn fn)
{
	struct cni_steps steps = { 0 };
	const char **names;
	size_t n;

	if (stale_names(c, &names, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_close int held = -1;
		struct err err = { 0 };
		struct record *r;

		if (record_load(names[i], &held, c->arena, &r, &err) < 0 && held < 0) {
			*c->err = err;
			cni_step(c, &steps, -1);
		} else if (!r && held >= 0) {
			pass_over(names[i], &err);
		} else if (r) {
			cni_step(c, &steps, fn(c, r));
		}
	}
	return cni_steps_end(c, &steps);
}

/*
 * What is gone by now, or no record, is none; what cannot be read is an error, since a DEL can be
 * repeated.
 */
static int load_other(struct cni_call *c, const char *name, const char *text, struct record **r)
{
	struct err err = { 0 };
	const char *content = "";
	size_t len;
	int rc = 0;

	*r = NULL;
	if (text)
		rc = file_read(path_of(c->arena, name), ATTFILE_MAX, c->arena, &content, &len,
			       &err);
	if (!rc && (!text || strstr(content, text)))
		rc = parse(name, c->arena, r, &err);
	if (!rc || !err.sys || err.sys == ENOENT)
		return 0;
	*c->err = err;
	return -1;
}

int record_each_other(struct cni_call *c, const char *text, cni_record_visit fn, void *data)
{
	const char **names, *own = own_name(c);
	struct instance_set valid;
	size_t n;
	int rc = 0;

	if (record_names(&names, &n, c->arena, c->err) < 0)
		return -1;
	instance_set_init(&valid, c);
	for (size_t i = 0; !rc && i < n; i++) {
		struct record *r;

		if (strcmp(names[i] + INSTANCE_ID_LEN + 1, c->plugin->name) != 0 ||
		    !strcmp(names[i], own) ||
		    (c->req->command == CNI_GC && instance_match_stale(names[i], &valid)))
			continue;
		rc = load_other(c, names[i], text, &r);
		if (r)
			rc = fn(c, r, data);
	}
	return rc < 0 ? -1 : 0;
}

int record_gc(struct cni_call *c)
{
	const char **names;
	size_t n;

	if (stale_names(c, &names, &n) < 0)
		return -1;
	file_remove_drafts(RECORD_DIR, c->arena);
	for (size_t i = 0; i < n; i++)
		if (file_remove(path_of(c->arena, names[i]), c->arena, c->err) < 0)
			return -1;
	return 0;
}
