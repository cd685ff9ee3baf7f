/* SPDX-License-Identifier: Apache-2.0 */
#include "ifbfile.h"

#include <stdio.h>
#include <string.h>

#include "skel/attfile.h"
#include "skel/instance.h"
#include "sys/file.h"

#define PREFIX   "bwp"
#define NAME_LEN (IFNAMSIZ - 1)

/* ---- names ----------------------------------------------------------------------------------- */

static const char *path_of(struct cni_call *c, const char *name)
{
	return arena_printf(c->arena, IFBFILE_DIR "/%s", name);
}

static void set_name(struct ifbfile *f, const char *network, const char *id)
{
	*f = (struct ifbfile){ 0 };
	instance_hash_name(f->name, NAME_LEN, PREFIX, network, id);
}

static void first_name(struct ifbfile *f, const char *network, const char *container_id)
{
	set_name(f, network, container_id);
}

/* No container id has a slash. */
static void second_name(struct cni_call *c, struct ifbfile *f, const char *network,
			const char *container_id, const char *ifname)
{
	set_name(f, network, arena_printf(c->arena, "%s/%s", container_id, ifname));
}

/* ---- content --------------------------------------------------------------------------------- */

struct content {
	const char *network, *container_id, *ifname;
	bool inside, sent, received;
};

static bool parse(const struct json *v, struct content *t)
{
	t->network = json_string(json_get(v, "network"));
	t->container_id = json_string(json_get(v, "containerID"));
	t->ifname = json_string(json_get(v, "ifname"));
	t->inside = json_get(v, "inside");
	t->sent = json_get(v, "sent");
	t->received = json_get(v, "received");
	return t->network && t->container_id && t->ifname;
}

/* Is it a name of the attachment that the content tells of? */
static bool names_fit(struct cni_call *c, const char *name, const struct content *t)
{
	struct ifbfile first, second;

	first_name(&first, t->network, t->container_id);
	second_name(c, &second, t->network, t->container_id, t->ifname);
	return !strcmp(name, first.name) || !strcmp(name, second.name);
}

/* *exists is false if there is none, or none that can be used; what cannot be read is an error. */
static int load(struct cni_call *c, const char *name, struct content *t, bool *exists)
{
	const struct json *v;

	*t = (struct content){ 0 };
	*exists = attfile_load(path_of(c, name), c->arena, &v, c->err) == 0 && parse(v, t) &&
		  names_fit(c, name, t);
	if (!*exists && c->err->sys && c->err->sys != ENOENT)
		return -1;
	err_clear(c->err);
	return 0;
}

/* One of its name. */
static int look(struct cni_call *c, struct ifbfile *f)
{
	struct content t;
	bool exists;

	if (load(c, f->name, &t, &exists) < 0)
		return -1;
	f->free = !exists;
	f->ours = exists && !strcmp(t.network, c->req->net.name) &&
		  !strcmp(t.container_id, c->req->container_id) &&
		  !strcmp(t.ifname, c->req->ifname);
	f->inside = f->ours && t.inside;
	f->sent = f->ours && t.sent;
	f->received = f->ours && t.received;
	return 0;
}

void ifbfile_second(struct cni_call *c, struct ifbfile *f)
{
	second_name(c, f, c->req->net.name, c->req->container_id, c->req->ifname);
	f->free = true;
}

int ifbfile_find(struct cni_call *c, struct ifbfile *f)
{
	struct ifbfile second;

	first_name(f, c->req->net.name, c->req->container_id);
	ifbfile_second(c, &second);
	if (look(c, f) < 0 || look(c, &second) < 0)
		return -1;
	if (!f->ours && (second.ours || !f->free))
		*f = second;
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int store(struct cni_call *c, const struct ifbfile *f)
{
	struct json *v = json_object();

	json_add_str(v, "network", c->req->net.name);
	json_add_str(v, "containerID", c->req->container_id);
	json_add_str(v, "ifname", c->req->ifname);
	if (f->inside)
		json_add_bool(v, "inside", true);
	if (f->sent)
		json_add_bool(v, "sent", true);
	if (f->received)
		json_add_bool(v, "received", true);
	return attfile_store(path_of(c, f->name), v, c->arena, c->err);
}

static void undo_write(struct cni_call *c, void *arg)
{
	const struct ifbfile *before = arg;

	if ((before->ours ? store(c, before) : ifbfile_remove(c, before)) < 0)
		fprintf(stderr, "rollback: bandwidth: %s\n", c->err->msg);
}

int ifbfile_write(struct cni_call *c, const struct ifbfile *before, const struct ifbfile *f)
{
	struct ifbfile *kept = arena_new(c->arena, struct ifbfile);

	*kept = *before;
	if (file_make_dirs(IFBFILE_DIR, 0700, c->err) < 0 || store(c, f) < 0)
		return -1;
	undo_push(c, undo_write, kept);
	return 0;
}

int ifbfile_remove(struct cni_call *c, const struct ifbfile *f)
{
	return file_remove(path_of(c, f->name), c->arena, c->err);
}

/* ---- GC -------------------------------------------------------------------------------------- */

static int gc_one(struct cni_call *c, const char *name, ifbfile_fn remove)
{
	struct ifbfile f = { .ours = true };
	struct content t;
	bool exists;

	if (load(c, name, &t, &exists) < 0)
		return -1;
	if (!exists || strcmp(t.network, c->req->net.name) != 0 ||
	    cni_gc_is_valid(&c->req->net, t.container_id, t.ifname))
		return 0;
	snprintf(f.name, sizeof(f.name), "%s", name);
	f.inside = t.inside;
	return remove(c, &f) < 0 ? -1 : ifbfile_remove(c, &f);
}

static bool is_name(const char *name)
{
	return strlen(name) == NAME_LEN && !strncmp(name, PREFIX, strlen(PREFIX));
}

int ifbfile_gc(struct cni_call *c, ifbfile_fn remove)
{
	struct cni_steps steps = { 0 };
	const char **names;
	size_t n;

	if (!c->req->net.has_attachments)
		return 0;
	file_remove_drafts(IFBFILE_DIR, c->arena);
	if (file_names(IFBFILE_DIR, is_name, c->arena, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		cni_step(c, &steps, gc_one(c, names[i], remove));
	return cni_steps_end(c, &steps);
}

/* ---- inventory ------------------------------------------------------------------------------- */

static int look_at_file(struct cni_call *c, const char *name, const struct cni_inventory *to)
{
	const char *path = path_of(c, name);
	struct content t;
	bool exists;

	if (load(c, name, &t, &exists) < 0)
		return -1;
	if (exists)
		to->holding(to->ctx,
			    &(struct cni_holding){
				    .plugin = "bandwidth",
				    .network = t.network,
				    .container_id = t.container_id,
				    .ifname = t.ifname,
				    .what = arena_printf(c->arena, "ifb %s, by %s,", name, path),
				    .advice = arena_printf(c->arena, "ip link del %s; rm %s", name,
							   path),
			    });
	else
		to->fault(to->ctx, arena_printf(c->arena, "%s is no file of bandwidth", path),
			  arena_printf(c->arena, "rm %s", path));
	return 0;
}

static int look_at_files(struct cni_call *c, const struct cni_inventory *to)
{
	const char **names;
	size_t n;

	if (file_names(IFBFILE_DIR, is_name, c->arena, &names, &n, c->err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (look_at_file(c, names[i], to) < 0)
			return -1;
	return 0;
}

int ifbfile_inventory(struct cni_call *c, const struct cni_inventory *to)
{
	struct link_list links = { .arena = c->arena };

	if (look_at_files(c, to) < 0 || cni_host(c) < 0 || nl_link_list(c->host, &links) < 0)
		return -1;
	for (size_t i = 0; i < links.n_link; i++) {
		const char *name = links.link[i].name;

		if (!strcmp(links.link[i].kind, "ifb") && is_name(name) &&
		    access(path_of(c, name), F_OK) < 0)
			to->fault(to->ctx,
				  arena_printf(c->arena, "ifb %s is of no attachment", name),
				  arena_printf(c->arena, "ip link del %s", name));
	}
	return 0;
}
