/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/registry.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "skel/attfile.h"
#include "skel/instance.h"
#include "skel/record.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "json/text.h"

/* ---- the file -------------------------------------------------------------------------------- */

static const char *path_of(struct arena *arena, const char *name)
{
	return arena_printf(arena, REGISTRY_DIR "/%s", name);
}

static const char *own_path(struct cni_call *c)
{
	return path_of(c->arena, record_name_of(c->arena, c->plugin->name, c->req->net.name,
						c->req->ifname, c->req->container_id));
}

/*
 * In one write(2): who is killed over it leaves all of it, or an empty file. A power cut may leave
 * a part, which is passed over.
 */
static int store(const char *path, const char *text, size_t len, int flags, struct err *err)
{
	auto_close int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0600);

	if (fd < 0 || file_write_fd(fd, text, len) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

/* A gc that is at an entry of this name is waited for: what it removes would be this ADD's. */
static int store_held(const char *path, const struct json_buf *b, struct err *err)
{
	auto_close int fd = -1;

	if (lock_path(path, O_WRONLY | O_CREAT | O_NOFOLLOW, &fd, err) < 0)
		return -1;
	if (ftruncate(fd, 0) < 0 || file_write_fd(fd, b->text, b->len) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

static int store_new(const char *path, const struct json_buf *b, struct err *err)
{
	if (store_held(path, b, err) == 0)
		return 0;
	if (err->sys != ENOENT)
		return -1;
	if (file_make_dirs(REGISTRY_DIR, 0700, err) < 0)
		return -1;
	return store_held(path, b, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The configuration behind all else, as it was given. */
static void make_entry(struct json_buf *b, struct cni_call *c)
{
	const struct cni_request *req = c->req;
	struct json *o = json_object();
	const char *text;

	json_add_str(o, "plugin", c->plugin->name);
	json_add_str(o, "network", req->net.name);
	json_add_str(o, "containerID", req->container_id);
	json_add_str(o, "ifname", req->ifname);
	json_add_str(o, "netns", req->netns);
	json_add_str(o, "args", req->args);
	json_add_str(o, "path", req->path);
	identity_add(c, o);
	text = json_print(o);
	json_buf_add_text(b, (struct json_text){ text, strlen(text) - 1 });
	json_buf_pair_text(b, "config", json_text_own(req->stdin_text));
	json_buf_add(b, "}\n");
}

static void remove_file(const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		fprintf(stderr, "remove %s: %s; cnic gc removes it\n", path, strerror(errno));
}

struct before {
	const char *path, *text; /* text NULL: there was none */
	size_t len;
};

static void undo_add(struct cni_call *c, void *arg)
{
	const struct before *b = arg;

	if (!b->text)
		remove_file(b->path);
	else if (store(b->path, b->text, b->len, O_CREAT | O_TRUNC, c->err) < 0)
		fprintf(stderr, "rollback: %s\n", c->err->msg);
}

static void complain(const struct err *err)
{
	fprintf(stderr, "%s; cnic will not know of this attachment\n", err->msg);
}

void registry_add(struct cni_call *c)
{
	struct before *before = arena_new(c->arena, struct before);
	struct json_buf b = { 0 };
	struct err err = { 0 };

	before->path = own_path(c);
	if (file_read(before->path, ATTFILE_MAX, c->arena, &before->text, &before->len, &err) < 0)
		before->text = NULL;
	make_entry(&b, c);
	undo_push(c, undo_add, before);
	err_clear(&err);
	if (store_new(before->path, &b, &err) < 0)
		complain(&err);
}

static bool may_have_entry(const struct cni_plugin *p)
{
	return p->registers || p->registers_rules;
}

/* By any plugin of ours but this one, whose entry is written anew. */
static bool has_other_entry(struct cni_call *c)
{
	const char *own = own_path(c);
	size_t len = strlen(own) - strlen(c->plugin->name);

	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		if (*p != c->plugin && may_have_entry(*p) &&
		    access(arena_printf(c->arena, "%.*s%s", (int)len, own, (*p)->name), F_OK) == 0)
			return true;
	return false;
}

/* The sandbox's socket is opened for the namespace's cookie: an inode alone may be used again. */
void registry_add_first(struct cni_call *c)
{
	if (has_other_entry(c))
		return;
	if (cni_sandbox(c) < 0)
		err_clear(c->err);
	registry_add(c);
}

void registry_add_link(struct cni_call *c)
{
	struct json_buf b = { 0 };
	struct err err = { 0 };

	if (!c->host_link)
		return;
	json_buf_add_str(&b, c->host_link);
	json_buf_add(&b, "\n");
	if (store(own_path(c), b.text, b.len, O_APPEND, &err) < 0)
		complain(&err);
}

void registry_remove(struct cni_call *c)
{
	remove_file(own_path(c));
}

void registry_gc(struct cni_call *c)
{
	struct instance_set valid;
	struct err ignored;
	const char **names;
	size_t n;

	if (record_names_in(REGISTRY_DIR, &names, &n, c->arena, &ignored) < 0)
		return;
	instance_set_init(&valid, c);
	for (size_t i = 0; i < n; i++)
		if (instance_match_stale(names[i], &valid) &&
		    !strcmp(names[i] + INSTANCE_ID_LEN + 1, c->plugin->name))
			remove_file(path_of(c->arena, names[i]));
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct json_field entry_fields[] = {
	F_STR("plugin", struct registry_entry, plugin, .required = true),
	F_STR("network", struct registry_entry, network, .required = true),
	F_STR("containerID", struct registry_entry, container_id, .required = true,
	      .max = ATTFILE_MAX),
	F_STR("ifname", struct registry_entry, ifname, .required = true),
	F_STR("netns", struct registry_entry, netns),
	F_STR("args", struct registry_entry, args, .max = ATTFILE_MAX),
	F_STR("path", struct registry_entry, path, .max = ATTFILE_MAX),
	IDENTITY_FIELDS(struct registry_entry, id),
	F_MAP("config", struct registry_entry, conf, .required = true),
	F_END
};

/* A line that is torn says nothing. */
static const char *host_link_of(const char *line)
{
	const char *name = NULL;
	struct err ignored;
	struct json_text t;

	if (json_text(line, strlen(line), &t, &ignored) == 0)
		name = json_text_string(t);
	return name ? name : "";
}

static const char *name_of(const struct registry_entry *e, struct arena *arena)
{
	return record_name_of(arena, e->plugin, e->network, e->ifname, e->container_id);
}

/* The entry is an object, and a link's name has no brace: the last one is the entry's end. */
static int parse(const char *name, const char *text, struct registry_entry *e, struct arena *arena,
		 struct err *err)
{
	const char *brace = strrchr(text, '}');
	size_t len = brace ? (size_t)(brace - text) + 1 : strlen(text);
	const char *entry = arena_strndup(arena, text, len);
	const struct json *v;
	struct json_text raw;

	*e = (struct registry_entry){ .netns = "", .args = "", .path = "", .id.boot = "" };
	if (json_parse_max(entry, len, ATTFILE_MAX, &v, err) < 0 ||
	    json_decode(v, entry_fields, "", e, err) < 0)
		return -1;
	raw = json_text_member(json_text_own(entry), "config");
	e->conf_text = raw.at ? arena_strndup(arena, raw.at, raw.len) : "{}";
	e->host_link = host_link_of(text + len);
	return strcmp(name, name_of(e, arena)) != 0 ? err_set(err, ERR_DECODE, "of another name")
						    : 0;
}

static int load(const char *name, struct registry_entry *e, struct arena *arena, struct err *err)
{
	const char *path = path_of(arena, name), *text;
	struct stat st = { 0 };
	size_t len;

	if (file_read(path, ATTFILE_MAX, arena, &text, &len, err) < 0 ||
	    parse(name, text, e, arena, err) < 0)
		return -1;
	(void)stat(path, &st);
	e->time = st.st_mtime;
	e->text = text;
	return 0;
}

int registry_list(struct registry_list *list, struct arena *arena, struct err *err)
{
	const char **names;
	size_t n;

	*list = (struct registry_list){ 0 };
	if (record_names_in(REGISTRY_DIR, &names, &n, arena, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };
		struct registry_entry e;

		if (load(names[i], &e, arena, &why) == 0)
			*arena_append(arena, list->entries, list->n) = e;
		else if (why.sys != ENOENT)
			*arena_append(arena, list->faults, list->n_faults) =
				(struct registry_fault){ path_of(arena, names[i]),
							 arena_strdup(arena, why.msg) };
	}
	return 0;
}

/* Its writer has its lock, and looks for it again when it has waited for that. */
static void remove_empty(const char *path)
{
	auto_close int fd = -1;
	struct err ignored = { 0 };
	struct stat st;

	if (stat(path, &st) == 0 && !st.st_size &&
	    lock_path(path, O_RDONLY | O_NOFOLLOW, &fd, &ignored) == 0 && fstat(fd, &st) == 0 &&
	    !st.st_size)
		(void)unlink(path);
}

void registry_remove_empty(struct arena *arena)
{
	struct err ignored = { 0 };
	const char **names;
	size_t n;

	if (record_names_in(REGISTRY_DIR, &names, &n, arena, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		remove_empty(path_of(arena, names[i]));
}

const char *registry_path(const struct registry_entry *e, struct arena *arena)
{
	return path_of(arena, name_of(e, arena));
}

void registry_forget(const char *network, const char *container_id, const char *ifname,
		     struct arena *arena)
{
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		if (may_have_entry(*p))
			remove_file(path_of(arena, record_name_of(arena, (*p)->name, network,
								  ifname, container_id)));
}

void registry_restore(const struct registry_entry *e, struct arena *arena)
{
	const char *path = registry_path(e, arena);
	const struct timespec times[] = { { .tv_sec = e->time }, { .tv_sec = e->time } };
	struct err err = { 0 };

	if (store(path, e->text, strlen(e->text), O_CREAT | O_EXCL, &err) == 0)
		(void)utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
	else if (err.sys != EEXIST)
		complain(&err);
}

bool registry_hold(const struct registry_entry *e, int *fd, struct arena *arena)
{
	const char *name = name_of(e, arena);
	struct registry_entry now;
	struct err ignored = { 0 };

	return lock_path(path_of(arena, name), O_RDONLY | O_NOFOLLOW, fd, &ignored) == 0 &&
	       load(name, &now, arena, &ignored) == 0 && identity_is_same(&now.id, &e->id);
}
