/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_release.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"

/* One key by its revision: deleted, or with a new value. Changed meanwhile: *changed. */
static int release(struct tool *t, const char *key, int64_t mod, const char *value, bool *changed)
{
	struct kv_txn *txn = arena_new(t->e->arena, struct kv_txn);
	struct kv_result r;

	kv_if_mod(txn, key, mod);
	kv_then(txn,
		(struct kv_op){ .kind = value ? KV_PUT : KV_DELETE, .key = key, .value = value });
	if (kv_txn(t->e->kv, txn, &r, t->e->err) < 0)
		return -1;
	*changed |= !r.succeeded;
	return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool is_of(const struct survey_item *item, const char *uuid)
{
	return item->owner && !strcmp(item->owner->uuid, uuid);
}

static int release_registers(struct tool *t, const char *uuid, size_t *n, bool *changed)
{
	for (size_t i = 0; i < t->survey.n_nodes; i++) {
		const struct survey_owner *o = t->survey.nodes[i];

		if (strcmp(o->uuid, uuid) != 0)
			continue;
		++*n;
		tool_say(t, "node %s (%s), network %s", o->uuid, o->host, o->network);
		if (o->key && release(t, o->key, o->mod, NULL, changed) < 0)
			return -1;
	}
	return 0;
}

static int release_blocks(struct tool *t, const char *uuid, bool *changed)
{
	char ip[IP_STRLEN];

	for (size_t i = 0; i < t->survey.n_blocks; i++) {
		const struct survey_item *b = &t->survey.blocks[i];

		if (!is_of(b, uuid))
			continue;
		if (release(t, b->key, b->mod, NULL, changed) < 0)
			return -1;
		tool_say(t, "  free: block %s", cidr_str(&b->ip, ip));
	}
	return 0;
}

static int release_singles(struct tool *t, const char *uuid, bool *changed)
{
	char ip[IP_STRLEN];

	for (size_t i = 0; i < t->survey.n_singles; i++) {
		const struct survey_item *s = &t->survey.singles[i];
		const char *value = *s->claim ? engine_value(t->e, s->claim, true) : NULL;

		if (!is_of(s, uuid))
			continue;
		if (release(t, s->key, s->mod, value, changed) < 0)
			return -1;
		tool_say(t, "  free: single address %s%s%s", ip_str(&s->ip, ip),
			 value ? ", for claim " : "", value ? s->claim : "");
	}
	return 0;
}

/*
 * A register that has changed since it was read is a node that lives. Its blocks stay then.
 */
int tool_release_node(struct tool *t, const char *uuid)
{
	bool changed = false;
	size_t n = 0;

	if (release_registers(t, uuid, &n, &changed) < 0)
		return -1;
	if (!n)
		return err_set(t->e->err, ERR_CONFIG, "%.80s has nothing in %s", uuid,
			       t->e->state.space);
	if (!changed &&
	    (release_blocks(t, uuid, &changed) < 0 || release_singles(t, uuid, &changed) < 0))
		return -1;
	if (!changed)
		return EXIT_SUCCESS;
	return err_set(t->e->err, ERR_RETRY, "%.80s is at work: it has changed something meanwhile",
		       uuid);
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Both keys or neither. */
static int release_claim(struct tool *t, const struct survey_claim *claim,
			 const struct survey_item *item)
{
	struct kv_txn *txn = arena_new(t->e->arena, struct kv_txn);
	struct kv_result r;
	char ip[IP_STRLEN];

	kv_if_mod(txn, claim->key, claim->mod);
	kv_then(txn, (struct kv_op){ .kind = KV_DELETE, .key = claim->key });
	if (item) {
		kv_if_mod(txn, item->key, item->mod);
		kv_then(txn, (struct kv_op){ .kind = KV_DELETE, .key = item->key });
	}
	if (kv_txn(t->e->kv, txn, &r, t->e->err) < 0)
		return -1;
	if (!r.succeeded)
		return err_set(t->e->err, ERR_RETRY, "the claim changed meanwhile");
	tool_say(t, "free: %s", ip_str(&claim->ip, ip));
	return 0;
}

int tool_release_claim(struct tool *t, const char *name)
{
	const struct survey *s = &t->survey;
	const char *key = keys_encode(name, t->e->arena);
	size_t len = strlen(key), n = 0;

	for (size_t i = 0; i < s->n_claims; i++) {
		const struct survey_item *item;

		if (strncmp(s->claims[i].name, key, len) != 0 || s->claims[i].name[len] != ',')
			continue;
		n++;
		item = survey_find(s->singles, s->n_singles, &s->claims[i].ip);
		if (item && strcmp(item->claim, name) != 0)
			item = NULL;
		if (item && item->owner)
			return err_set(t->e->err, ERR_IN_USE, "an attachment of node %s has it",
				       item->owner->uuid);
		if (release_claim(t, &s->claims[i], item) < 0)
			return -1;
	}
	if (!n)
		return err_set(t->e->err, ERR_CONFIG, "%.200s is no claim of %s", name,
			       t->e->state.space);
	return EXIT_SUCCESS;
}
