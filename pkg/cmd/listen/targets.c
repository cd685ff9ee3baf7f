/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/targets.h"

#include <string.h>

#include "cmd/node.h"
#include "json/json.h"

static bool has_path(const struct listen_targets *t, const char *path)
{
	for (size_t i = t->n; i > 0; i--)
		if (!strcmp(t->list[i - 1].path, path))
			return true;
	return false;
}

static void add_attachments(struct listen_targets *t, const struct node *node, const char *network,
			    struct arena *arena)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct node_attachment *a = &node->list[i];

		if (strcmp(a->network, network) != 0 || a->life == NODE_DEAD || !*a->netns ||
		    has_path(t, a->netns))
			continue;
		*arena_append(arena, t->list, t->n) =
			(struct listen_netns){ arena_strdup(arena, a->container_id),
					       arena_strdup(arena, a->netns) };
	}
}

/* What the node is known by is of no use afterwards, and much. */
static int find_attachments(struct listen_targets *t, const char *network, struct arena *arena,
			    struct err *err)
{
	static const char *const no_caches[] = { NULL };
	struct arena scratch = { 0 }, *before = json_arena();
	struct node node;
	int rc;

	json_init(&scratch);
	rc = node_load(&node, no_caches, &scratch, err);
	if (!rc)
		add_attachments(t, &node, network, arena);
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
