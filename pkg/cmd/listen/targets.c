/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/targets.h"

#include <string.h>

#include "base/scope.h"
#include "libcni/cache.h"
#include "skel/registry.h"
#include "sys/netns.h"
#include "json/json.h"

/* Attachments of one network. */
struct search {
	struct listen_targets *found;
	const char *network;
	struct arena *arena; /* of what is found */
};

static bool is_found(const struct listen_targets *t, const char *path)
{
	for (size_t i = t->n; i > 0; i--)
		if (!strcmp(t->list[i - 1].path, path))
			return true;
	return false;
}

static bool is_there(const char *path)
{
	auto_close int fd = -1;
	bool gone = false;
	struct err ignored;

	return *path && netns_open(path, &fd, &gone, &ignored) == 0 && !gone;
}

/* The plugins of a list are an entry each, and a container may have several interfaces. */
static void add(struct search *s, const char *network, const char *id, const char *path)
{
	struct listen_targets *t = s->found;

	if (strcmp(network, s->network) != 0 || is_found(t, path) || !is_there(path))
		return;
	*arena_append(s->arena, t->list, t->n) =
		(struct listen_netns){ arena_strdup(s->arena, id), arena_strdup(s->arena, path) };
}

/* Of our plugins the registry knows, of others' the cache, if their runtime is libcni. */
static int search(struct search *s, struct arena *scratch, struct err *err)
{
	struct registry_list registry;
	struct libcni_cache_list cache;

	if (registry_list(&registry, scratch, err) < 0 ||
	    libcni_cache_list(LIBCNI_CACHE_DIR, &cache, err) < 0)
		return -1;
	for (size_t i = 0; i < registry.n; i++)
		add(s, registry.entries[i].network, registry.entries[i].container_id,
		    registry.entries[i].netns);
	for (size_t i = 0; i < cache.n; i++)
		add(s, cache.entries[i].network, cache.entries[i].attachment.container_id,
		    cache.entries[i].attachment.netns);
	return 0;
}

/* What they are known by is of no use afterwards, and much. */
static int find_attachments(struct listen_targets *t, const char *network, struct arena *arena,
			    struct err *err)
{
	struct arena scratch = { 0 }, *before = json_arena();
	struct search s = { t, network, arena };
	int rc;

	json_init(&scratch);
	rc = search(&s, &scratch, err);
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
