/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/gc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/describe.h"
#include "cmd/own.h"
#include "cmd/time.h"
#include "libcni/libcni.h"
#include "sys/file.h"
#include "sys/netns.h"

/* Not its path, which may be another namespace's by now. */
#define GONE ""

/* What a plugin holds of no attachment. */
struct held {
	struct node_attachment a; /* first: collect() knows no more */
	const char *plugin;
};

struct gc {
	struct cni_call call; /* first: what the DELs are parts of, own.h gets no more */
	const struct node_attachment *at;
	int *held_fds;  /* of its entries */
	bool overtaken; /* it has been added anew meanwhile */
	bool dry_run, foreign;
	int64_t older_than; /* seconds */
	const char **caches;
	struct node node;
	struct cni_request req;
	size_t removed, failed, alive, unknown;
	struct held *held;
	size_t n_held;
};

typedef int (*remove_fn)(struct cni_call *c, const struct node_attachment *a);

/* ---- one attachment -------------------------------------------------------------------------- */

static void complain(const struct node_attachment *a, const char *what, const struct err *err)
{
	fprintf(stderr, "cnic: %s: %s%s%s%s%s\n", describe_name(a), describe_plain(what),
		*what ? ": " : "", describe_plain(err->msg), *err->details ? "; " : "",
		describe_plain(err->details));
}

/* Of what could not be removed a DEL only tells. */
static int remove_file(const struct node_attachment *a, const char *path)
{
	struct err err = { 0 };

	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	(void)err_sys(&err, "remove %s", path);
	complain(a, "", &err);
	return -1;
}

static bool is_ours(const char *type, const struct json *conf, const char *plugin)
{
	const char *added = json_string(json_get(conf, "type"));

	return added && cni_plugin_named_alike(type, added, plugin);
}

/* Those of ours that a vendor had named are known by what one of them has left. */
static int find(void *ctx, const char *type, const char *dirs, const char **path, struct err *err)
{
	const struct gc *gc = ctx;
	const struct node_attachment *a = gc->at;
	bool ours = false;

	if (gc->overtaken)
		return err_set(err, ERR_RETRY, "it has been added anew meanwhile");
	if (own_find(ctx, type, dirs, path, err) == 0)
		return 0;
	for (size_t i = 0; !ours && i < a->n_entries; i++)
		ours = is_ours(type, a->entries[i]->conf, a->entries[i]->plugin);
	for (size_t i = 0; !ours && i < a->n_records; i++)
		ours = is_ours(type, a->records[i]->conf, a->records[i]->plugin);
	if (!ours)
		return -1;
	err_clear(err);
	*path = OWN_PATH;
	return 0;
}

static bool is_unlinked(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/*
 * By its entries it is known to be dead the next time, too, whatever becomes of this one. A plugin
 * that was executed may have removed its own; an ADD that was quicker has one by now.
 */
static void restore(void *ctx, const struct libcni_step *s)
{
	struct gc *gc = ctx;

	(void)s;
	for (size_t i = 0; i < gc->at->n_entries; i++) {
		registry_restore(gc->at->entries[i], json_arena());
		if (!is_unlinked(gc->held_fds[i]))
			continue;
		drop_fd(&gc->held_fds[i]);
		gc->overtaken |= !registry_hold(gc->at->entries[i], &gc->held_fds[i], json_arena());
	}
}

static int del_list(struct cni_call *c, const struct node_attachment *a,
		    const struct libcni_cached *cached)
{
	const struct libcni libcni = {
		.path = node_cni_path(a),
		.cache_dir = cached->dir,
		.timeout_ms = c->req->timeout_ms,
		.del_all = true,
		.find = find,
		.exec = own_exec,
		.step = restore,
		.ctx = c,
	};
	struct libcni_attachment of = cached->attachment;
	struct libcni_list list;
	struct err err = { 0 };

	of.netns = GONE;
	if (libcni_list_parse(cached->config, cached->config_len, &list, &err) < 0 ||
	    libcni_del(&libcni, &list, &of, &err) < 0) {
		complain(a, "", &err);
		return -1;
	}
	if (((const struct gc *)c)->overtaken)
		return -1;
	return remove_file(a, cached->path); /* it may have another name than libcni's */
}

/* DEL of one plugin. */
static int del_one(struct cni_call *c, const struct node_attachment *a, const char *name,
		   const char *args, const char *conf)
{
	const struct libcni_exec x = {
		.type = name,
		.command = CNI_DEL,
		.container_id = a->container_id,
		.netns = GONE,
		.ifname = a->ifname,
		.args = args,
		.cni_path = node_cni_path(a),
		.in = conf,
		.in_len = strlen(conf),
		.timeout_ms = c->req->timeout_ms,
	};
	const struct cni_plugin *plugin = cni_plugin_named(name);
	struct err err = { 0 };

	if (!plugin)
		(void)err_config(&err, "this executable has no such plugin");
	else if (own_run(c, plugin, &x, NULL, &err) == 0)
		return 0;
	complain(a, name, &err);
	return -1;
}

static const char *least_conf(const struct node_attachment *a, const char *type)
{
	struct json *o = json_object();

	json_add_str(o, "cniVersion", "1.0.0");
	json_add_str(o, "name", a->network);
	json_add_str(o, "type", type);
	return json_print(o);
}

/*
 * What no cache knows: in the order of a DEL, what was added last first. Some plugins keep on the
 * host what no record tells of; their DEL finds it by the attachment's name.
 */
static int del_plugins(struct cni_call *c, const struct node_attachment *a)
{
	int rc = 0;

	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		if ((*p)->host_state)
			rc |= del_one(c, a, (*p)->name, "", least_conf(a, (*p)->name));
	for (size_t i = 0; i < a->n_records; i++)
		rc |= del_one(c, a, a->records[i]->plugin, a->records[i]->args,
			      json_print(a->records[i]->conf));
	for (size_t i = 0; i < a->n_entries; i++)
		rc |= del_one(c, a, a->entries[i]->plugin, a->entries[i]->args,
			      a->entries[i]->conf_text);
	return rc;
}

/*
 * The cache's list does not name what another list had added under the same name. The entries go
 * when all else has: what fails, or is interrupted, is found by them.
 */
static int del(struct cni_call *c, const struct node_attachment *a)
{
	const struct gc *gc = (const struct gc *)c;
	int rc = a->cached ? del_list(c, a, a->cached) : 0;

	for (size_t i = 0; i < a->n_older; i++)
		rc |= del_list(c, a, a->older[i]);
	if (gc->overtaken)
		return -1;
	rc |= del_plugins(c, a);
	for (size_t i = 0; !rc && i < a->n_entries; i++)
		rc = remove_file(a, registry_path(a->entries[i], json_arena()));
	return rc;
}

static bool is_current(const struct node_attachment *a, const struct record *was)
{
	const char *name =
		record_name_of(json_arena(), was->plugin, a->network, a->ifname, a->container_id);
	struct err ignored = { 0 };
	struct record *now;

	return record_peek(name, json_arena(), &now, &ignored) == 0 && now &&
	       identity_is_same(&now->id, &was->id);
}

/* Not if a runtime has been at it, while we were at others. */
static bool hold(const struct node_attachment *a, int *fds)
{
	bool current = true;

	for (size_t i = 0; i < a->n_entries; i++) {
		fds[i] = -1;
		current &= registry_hold(a->entries[i], &fds[i], json_arena());
	}
	for (size_t i = 0; current && i < a->n_records; i++)
		current = is_current(a, a->records[i]);
	return current;
}

static void collect_held(struct gc *gc, const struct node_attachment *a, remove_fn remove)
{
	bool failed;

	gc->at = a;
	failed = !gc->dry_run && remove(&gc->call, a) < 0;
	printf("%s %s %s: %s%s\n", describe_plain(a->network), describe_plain(a->container_id),
	       describe_plain(a->ifname), a->why,
	       gc->dry_run ? ""
	       : failed    ? "; not all could be removed"
			   : "; removed");
	gc->failed += failed;
	gc->removed += !failed;
}

static void collect(struct gc *gc, const struct node_attachment *a, remove_fn remove)
{
	int *fds = arena_array(json_arena(), int, a->n_entries + 1);

	gc->held_fds = fds;
	gc->overtaken = false;
	if (hold(a, fds))
		collect_held(gc, a, remove);
	else
		gc->unknown++;
	for (size_t i = 0; i < a->n_entries; i++)
		drop_fd(&fds[i]);
}

static bool is_young(const struct gc *gc, const struct node_attachment *a)
{
	return gc->older_than && a->time > (int64_t)time(NULL) - gc->older_than;
}

/* By the clock: only where the administrator says so. */
static bool is_before_boot(int64_t when)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return when && when < now.tv_sec - up.tv_sec;
}

/* A namespace at its path outweighs a clock that may have been wrong. */
static bool is_at_path(const struct node_attachment *a)
{
	auto_close int fd = -1;
	bool gone = false;
	struct err ignored;

	return netns_open(a->netns, &fd, &gone, &ignored) < 0 || !gone;
}

static bool is_old_foreign(const struct gc *gc, const struct node_attachment *a)
{
	return gc->foreign && !a->n_entries && !a->n_records && is_before_boot(a->time) &&
	       !is_at_path(a);
}

/* Memory, and the children that end what is slow, of one at a time. */
static void collect_apart(struct gc *gc, const struct node_attachment *a, remove_fn remove)
{
	struct arena *all = json_arena(), one = { 0 };

	json_init(&one);
	collect(gc, a, remove);
	json_init(all);
	arena_free(&one);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static void collect_all(struct gc *gc)
{
	for (size_t i = 0; i < gc->node.n; i++) {
		const struct node_attachment *a = &gc->node.list[i];

		if (a->life == NODE_ALIVE)
			gc->alive++;
		else if ((a->life == NODE_UNKNOWN && !is_old_foreign(gc, a)) || is_young(gc, a))
			gc->unknown++;
		else
			collect_apart(gc, a, del);
	}
}

/* ---- of other plugins ------------------------------------------------------------------------ */

/* A reservation of the reference's tells no namespace; the plugin that reads it releases it. */
static int release(struct cni_call *c, const struct node_attachment *a)
{
	const char *plugin = ((const struct held *)a)->plugin;
	struct json *o = json_object();

	json_add_str(o, "cniVersion", "1.0.0");
	json_add_str(o, "name", a->network);
	json_add_str(o, "type", plugin);
	json_add_str(json_add_object(o, "ipam"), "type", plugin);
	return del_one(c, a, plugin, "", json_print(o));
}

static void on_holding(void *ctx, const struct cni_holding *h)
{
	struct gc *gc = ctx;
	struct arena *arena = gc->node.arena;

	if (node_has(&gc->node, h->network, h->container_id, h->ifname))
		return;
	if (!is_before_boot(h->time)) {
		gc->unknown++;
		return;
	}
	*arena_append(arena, gc->held, gc->n_held) = (struct held){
		.a.network = arena_strdup(arena, h->network),
		.a.container_id = arena_strdup(arena, h->container_id),
		.a.ifname = *h->ifname ? arena_strdup(arena, h->ifname) : "eth0",
		.a.why = arena_printf(arena, "%s, from before this boot", h->what),
		.plugin = h->plugin,
	};
}

static void on_fault(void *ctx, const char *what, const char *advice)
{
	(void)ctx;
	fprintf(stderr, "cnic: %s; %s\n", describe_plain(what), describe_plain(advice));
}

static void collect_holdings(struct gc *gc)
{
	const struct cni_inventory to = { gc, on_holding, on_fault };
	struct err err = { 0 };

	if (node_inventory(&to, &err) < 0)
		fprintf(stderr, "cnic: %s\n", describe_plain(err.msg));
	for (size_t i = 0; i < gc->n_held; i++)
		collect_apart(gc, &gc->held[i].a, release);
}

/* ---- of writers that were killed ------------------------------------------------------------- */

static void remove_drafts(const char *const *caches)
{
	struct arena *arena = json_arena();

	registry_remove_empty(arena);
	file_remove_drafts(RECORD_DIR, arena);
	file_remove_drafts(LIBCNI_CACHE_DIR "/results", arena);
	for (; *caches; caches++)
		file_remove_drafts(arena_printf(arena, "%s/results", *caches), arena);
}

/* ---- the command line ------------------------------------------------------------------------ */

static int parse(struct gc *gc, int argc, char **argv)
{
	gc->caches = node_take_caches(&argc, argv);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--dry-run")) {
			gc->dry_run = true;
		} else if (!strcmp(argv[i], "--foreign")) {
			gc->foreign = true;
		} else if (!strcmp(argv[i], "--older-than") && value) {
			int64_t ms = time_parse(value);

			if (ms < 0)
				return -1;
			gc->older_than = ms / 1000;
			i++;
		} else if (!strcmp(argv[i], "--timeout") && value) {
			gc->req.timeout_ms = time_parse(value);
			if (gc->req.timeout_ms < 0)
				return -1;
			i++;
		} else {
			return -1;
		}
	}
	return 0;
}

int gc_run(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct gc gc = { .req = { .timeout_ms = OWN_TIMEOUT, .keep_entry = true } };
	int rc;

	json_init(&arena);
	gc.call = (struct cni_call)CNI_CALL_INIT(.req = &gc.req, .arena = &arena, .err = &err);
	rc = parse(&gc, argc, argv);
	if (rc < 0) {
		arena_free(&arena);
		return -1;
	}
	if (!gc.dry_run)
		remove_drafts(gc.caches);
	rc = node_load(&gc.node, gc.caches, &arena, &err);
	if (rc < 0)
		fprintf(stderr, "cnic: %s\n", describe_plain(err.msg));
	else
		node_complain(&gc.node);
	if (!rc)
		collect_all(&gc);
	if (!rc && gc.foreign)
		collect_holdings(&gc);
	cni_close(&gc.call);
	printf("%zu %s, %zu failed, %zu alive, %zu not known to be dead\n", gc.removed,
	       gc.dry_run ? "would be removed" : "removed", gc.failed, gc.alive, gc.unknown);
	arena_free(&arena);
	return rc < 0 || gc.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
