/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/refdnat.h"

#include <string.h>

#include "nft/ipt.h"

#define TRIES   100
#define AT_ONCE 100 /* rules in one transaction */

static const struct nft_table tables[] = { { NFPROTO_IPV4, "cni_hostport" },
					   { NFPROTO_IPV6, "cni_hostport" } };
static const char hostports[] = "hostports", all[] = "hostports_all";

struct found_rule {
	const char *chain;
	uint64_t handle;
};

struct found_rules {
	const char *container_id;
	struct found_rule *rules; /* only with an arena */
	size_t n;
	struct arena *arena;
};

static void see(const struct nft_rule_seen *rule, void *data)
{
	struct found_rules *f = data;

	if (strcmp(rule->comment, f->container_id) != 0)
		return;
	if (f->arena)
		*arena_append(f->arena, f->rules, f->n) =
			(struct found_rule){ arena_strdup(f->arena, rule->chain), rule->handle };
	else
		f->n++;
}

static void see_none(void *data)
{
	struct found_rules *f = data;

	f->n = 0;
}

int nft_refdnat_count(struct nl *nl, sa_family_t family, const char *container_id, size_t *n)
{
	const struct nft_table *t = &tables[nft_ipt_index(family)];
	struct found_rules f = { .container_id = container_id };
	size_t jumps;

	*n = 0;
	if (nft_count_jumps(nl, t, all, hostports, NULL, &jumps) < 0)
		return -1;
	if (!jumps)
		return 0;
	if (nft_rules(nl, t, hostports, see, see_none, &f) < 0)
		return -1;
	*n = f.n;
	return 0;
}

static int remove_from(struct nl *nl, const struct nft_table *t, const char *container_id,
		       struct arena *arena)
{
	for (int tries = 0;; tries++) {
		struct found_rules f = { .container_id = container_id, .arena = arena };

		if (nft_rules(nl, t, NULL, see, see_none, &f) < 0)
			return -1;
		nft_begin(nl, 0, arena);
		for (size_t i = 0; i < f.n && i < AT_ONCE; i++)
			nft_rule_del(nl, t, f.rules[i].chain, f.rules[i].handle);
		if (nft_commit(nl) == 0 && f.n <= AT_ONCE)
			return 0;
		if (!nl->err->sys)
			continue;
		if (tries == TRIES || nl->err->sys != ENOENT)
			return -1;
		err_clear(nl->err);
	}
}

int nft_refdnat_remove(struct nl *nl, const char *container_id, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (remove_from(nl, &tables[i], container_id, arena) < 0)
			return -1;
	return 0;
}
