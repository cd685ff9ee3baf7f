/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/targets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "libcni/cache.h"
#include "skel/registry.h"
#include "sys/netns.h"
#include "sys/netns_scan.h"
#include "json/json.h"

/* What is kept of an attachment of the network: by each plugin of ours, and by libcni. */
struct trace {
	const char *id, *ifname, *path;
	const struct identity *identity; /* of its namespace; NULL: libcni knows none */
};

struct search {
	struct listen_targets *found;
	struct arena *arena; /* of what is found */
	uint64_t *inodes;    /* of its namespaces */
	size_t n_inodes;
	const char *network, *boot;
	struct trace *traces; /* by id and interface */
	size_t n_traces;
	struct arena *scratch;
};

/* What is kept of one container. */
struct container {
	const struct trace *traces;
	size_t n;
};

/* ---- is it there? ---------------------------------------------------------------------------- */

static bool is_of_here(const struct search *s, const struct identity *id, uint64_t inode)
{
	return id->netns_inode == inode && !strcmp(id->boot, s->boot);
}

/* A plugin that enters no namespace does not know its cookie; another one of the list does. */
static uint64_t cookie_of(const struct search *s, const struct container *c,
			  const struct identity *id)
{
	uint64_t cookie = id->netns_cookie;

	for (size_t i = 0; !cookie && i < c->n; i++)
		if (c->traces[i].identity && is_of_here(s, c->traces[i].identity, id->netns_inode))
			cookie = c->traces[i].identity->netns_cookie;
	return cookie;
}

/*
 * A path may lead to another namespace than at the ADD: a process id is used again, and so is an
 * inode. *is_proven: our plugins know which one it has to be.
 */
static bool is_its(const struct search *s, const struct container *c, const struct trace *t,
		   uint64_t inode, bool *is_proven)
{
	struct netns_holder there = { .inode = inode, .path = t->path };
	struct netns_scan scan = { .list = &there, .n = 1 };
	struct err ignored = { 0 };

	*is_proven = false;
	for (size_t i = 0; i < c->n; i++) {
		const struct identity *id = c->traces[i].identity;

		if (!id || strcmp(c->traces[i].ifname, t->ifname) != 0)
			continue;
		*is_proven = true;
		if (is_of_here(s, id, inode) &&
		    netns_scan_has(&scan, inode, cookie_of(s, c, id), &ignored))
			return true;
	}
	return !*is_proven;
}

/* The inode of the namespace at the path; 0: there is none, or it is our own. */
static uint64_t inode_at(const char *path)
{
	bool gone = false, is_home = true;
	struct err ignored = { 0 };
	auto_close int fd = -1;
	struct stat st;

	if (netns_open(path, &fd, &gone, &ignored) < 0 || gone ||
	    netns_is_home(fd, &is_home, &ignored) < 0 || is_home || fstat(fd, &st) < 0)
		return 0;
	return st.st_ino;
}

/* ---- each once ------------------------------------------------------------------------------- */

static bool is_found(const struct search *s, uint64_t inode)
{
	for (size_t i = s->n_inodes; i > 0; i--)
		if (s->inodes[i - 1] == inode)
			return true;
	return false;
}

static bool find(struct search *s, const struct container *c, bool proven)
{
	struct listen_targets *found = s->found;
	bool is_proven;

	for (size_t i = 0; i < c->n; i++) {
		const struct trace *t = &c->traces[i];
		uint64_t inode = inode_at(t->path);

		if (!inode || is_found(s, inode) || !is_its(s, c, t, inode, &is_proven) ||
		    is_proven != proven)
			continue;
		*arena_append(s->scratch, s->inodes, s->n_inodes) = inode;
		*arena_append(s->arena, found->list, found->n) =
			(struct listen_netns){ arena_strdup(s->arena, t->id),
					       arena_strdup(s->arena, t->path) };
		return true;
	}
	return false;
}

static struct container container_at(const struct search *s, size_t i)
{
	struct container c = { &s->traces[i], 1 };

	while (i + c.n < s->n_traces && !strcmp(c.traces[c.n].id, c.traces->id))
		c.n++;
	return c;
}

/* A container has one namespace. What is not proven comes last: it may be another one's. */
static void find_all(struct search *s)
{
	struct container c, *left = NULL;
	size_t n_left = 0;

	for (size_t i = 0; i < s->n_traces; i += c.n) {
		c = container_at(s, i);
		if (!find(s, &c, true))
			*arena_append(s->scratch, left, n_left) = c;
	}
	for (size_t i = 0; i < n_left; i++)
		(void)find(s, &left[i], false);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static int compare(const void *x, const void *y)
{
	const struct trace *a = x, *b = y;
	int order = strcmp(a->id, b->id);

	if (!order)
		order = strcmp(a->ifname, b->ifname);
	return order ? order : strcmp(a->path, b->path);
}

static void add(struct search *s, const char *network, const struct trace *t)
{
	if (!strcmp(network, s->network) && *t->path)
		*arena_append(s->scratch, s->traces, s->n_traces) = *t;
}

/* Of our plugins the registry knows, of others' the cache, if their runtime is libcni. */
static int search(struct search *s, struct err *err)
{
	struct registry_list registry;
	struct libcni_cache_list cache;
	struct identity here;

	if (registry_list(&registry, s->scratch, err) < 0 ||
	    libcni_cache_list(LIBCNI_CACHE_DIR, &cache, err) < 0)
		return -1;
	for (size_t i = 0; i < registry.n; i++) {
		const struct registry_entry *e = &registry.entries[i];

		add(s, e->network, &(struct trace){ e->container_id, e->ifname, e->netns, &e->id });
	}
	for (size_t i = 0; i < cache.n; i++) {
		const struct libcni_attachment *a = &cache.entries[i].attachment;

		add(s, cache.entries[i].network,
		    &(struct trace){ a->container_id, a->ifname, a->netns, NULL });
	}
	if (s->n_traces)
		qsort(s->traces, s->n_traces, sizeof(*s->traces), compare);
	identity_own(&here, s->scratch);
	s->boot = here.boot;
	find_all(s);
	return 0;
}

/* What they are known by is of no use afterwards, and much. */
static int find_attachments(struct listen_targets *t, const char *network, struct arena *arena,
			    struct err *err)
{
	struct arena scratch = { 0 }, *before = json_arena();
	struct search s = { .found = t, .arena = arena, .network = network, .scratch = &scratch };
	int rc;

	json_init(&scratch);
	rc = search(&s, err);
	json_init(before);
	arena_free(&scratch);
	return rc;
}

int listen_targets_find(const struct listen_options *opt, struct listen_targets *t,
			struct arena *arena, struct err *err)
{
	static struct listen_netns own = { LISTEN_HOST, NULL };

	*t = (struct listen_targets){ opt->netns, opt->n_netns };
	if (opt->watch || opt->n_netns)
		return 0;
	if (!opt->all_of) {
		*t = (struct listen_targets){ &own, 1 };
		return 0;
	}
	return find_attachments(t, opt->all_of, arena, err);
}
