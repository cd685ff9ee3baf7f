/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "base/str.h"
#include "ipam/store.h"

struct scan {
	struct store *s;
	const struct cni_inventory *to;
	bool lies;
};

static const char *path_of(const struct scan *scan, const struct reservation *r)
{
	return arena_printf(scan->s->arena, "%s/%s", scan->s->path, r->name);
}

static int64_t time_of(const struct scan *scan, const struct reservation *r)
{
	struct stat st;

	return fstatat(scan->s->dir, r->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mtime;
}

/* An address that the index has as free would be tried for the next container. */
static void look_at_index(struct scan *scan, const struct reservation *r)
{
	struct ip free;

	if (scan->lies || !scan->s->index.usable ||
	    !index_next_free(&scan->s->index, &r->ip, &r->ip, &free))
		return;
	scan->lies = true;
	scan->to->fault(scan->to->ctx,
			arena_printf(scan->s->arena, "the index of network %s has %s as free",
				     scan->s->name, r->name),
			arena_printf(scan->s->arena, "rm -r %s/.cnic/%s", scan->s->data_dir,
				     scan->s->name));
}

static int on_reservation(const struct reservation *r, void *arg)
{
	struct scan *scan = arg;
	const char *path = path_of(scan, r);

	if (r->state == RESERVATION_HELD) {
		scan->to->holding(
			scan->to->ctx,
			&(struct cni_holding){
				.plugin = "host-local",
				.network = scan->s->name,
				.container_id = r->holder.id,
				.ifname = r->holder.ifname,
				.what = arena_printf(scan->s->arena, "address %s of network %s",
						     r->name, scan->s->name),
				.advice = arena_printf(scan->s->arena, "rm %s", path),
				.time = time_of(scan, r),
			});
		look_at_index(scan, r);
	} else if (r->state != RESERVATION_NONE) {
		scan->to->fault(scan->to->ctx,
				arena_printf(scan->s->arena, "%s is no reservation", path),
				arena_printf(scan->s->arena, "rm %s", path));
	}
	return 0;
}

/* A file beside the stores is in nobody's way. */
static int not_opened(struct cni_call *c, const char *dir, const char *name,
		      const struct cni_inventory *to)
{
	const char *path = arena_printf(c->arena, "%s/%s", dir, name);

	if (c->err->sys != ENOTDIR)
		return -1;
	err_clear(c->err);
	to->fault(to->ctx, arena_printf(c->arena, "%s is no directory of reservations", path),
		  arena_printf(c->arena, "rm %s", path));
	return 0;
}

static int look_at_store(struct cni_call *c, const char *dir, const char *name,
			 const struct cni_inventory *to)
{
	auto_store struct store s;
	struct scan scan = { .s = &s, .to = to };

	if (store_open(&s, STORE_READ, dir, name, c->arena, c->err) < 0)
		return not_opened(c, dir, name, to);
	if (s.dir < 0)
		return 0;
	return reservation_scan(s.dir, on_reservation, &scan, c->err);
}

int inventory_stores(struct cni_call *c, const char *dir, const struct cni_inventory *to)
{
	auto_dir DIR *d = opendir(dir);
	struct cni_steps steps = { 0 };
	const struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(c->err, "open %s", dir);
	while ((e = readdir(d)))
		if (str_is_cni_name(e->d_name))
			cni_step(c, &steps, look_at_store(c, dir, e->d_name, to));
	return cni_steps_end(c, &steps);
}
