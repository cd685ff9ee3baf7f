/* SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"

#include <string.h>

#include "keys.h"

#define PAGE 1000 /* keys of one request */

struct value {
	const char *host, *token;
	uint64_t version;
	uint8_t block4, block6;
	struct ip addr;
};

static const struct json_field value_fields[] = {
	F_STR("host", struct value, host),
	F_STR("token", struct value, token),
	F_UINT("version", struct value, version),
	F_UINT("block4", struct value, block4),
	F_UINT("block6", struct value, block6),
	F_IP("addr", struct value, addr),
	F_END,
};

struct reader {
	struct engine *e;
	struct survey *s;
	const char *space; /* with the '/' behind it */
};

static bool parse_value(const struct kv_pair *pair, struct value *v)
{
	*v = (struct value){ .host = "-" };
	return engine_decode(pair, value_fields, v);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct survey_owner *owner_of(const struct reader *r, const char *uuid, const char *network)
{
	struct survey *s = r->s;
	struct survey_owner *o;

	for (size_t i = 0; i < s->n_nodes; i++)
		if (!strcmp(s->nodes[i]->uuid, uuid) && !strcmp(s->nodes[i]->network, network))
			return s->nodes[i];
	o = arena_new(r->e->arena, struct survey_owner);
	*o = (struct survey_owner){ .uuid = uuid, .network = network, .host = "-" };
	*arena_append(r->e->arena, s->nodes, s->n_nodes) = o;
	return o;
}

/* "UUID/NETWORK". What is in a register's place, and none, goes by release-node as well. */
static bool add_owner(const struct reader *r, const struct kv_pair *pair, const char *name)
{
	const char *slash = strchr(name, '/');
	struct survey_owner *o;
	const char *network = slash ? keys_decode(slash + 1, r->e->arena) : NULL;
	struct value v;

	if (!network)
		return false;
	o = owner_of(r, arena_strndup(r->e->arena, name, (size_t)(slash - name)), network);
	o->key = pair->key;
	o->mod = pair->mod;
	if (!parse_value(pair, &v) || !v.token)
		return false;
	o->host = v.host;
	return true;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool read_item(const struct reader *r, const struct kv_pair *pair, struct survey_item *item)
{
	struct engine_owner owner;

	if (!keys_parse_ip(pair->key, &item->ip) || !engine_parse_value(pair, &owner))
		return false;
	item->key = pair->key;
	item->mod = pair->mod;
	item->claim = owner.claim;
	item->owner = *owner.uuid ? owner_of(r, owner.uuid, owner.network) : NULL;
	return true;
}

static bool add_block(const struct reader *r, const struct kv_pair *pair, const char *name)
{
	struct survey *s = r->s;
	struct survey_item item;

	(void)name;
	if (!read_item(r, pair, &item) || !item.owner)
		return false;
	item.owner->blocks++;
	*arena_append(r->e->arena, s->blocks, s->n_blocks) = item;
	return true;
}

static bool add_single(const struct reader *r, const struct kv_pair *pair, const char *name)
{
	struct survey *s = r->s;
	struct survey_item item;

	(void)name;
	if (!read_item(r, pair, &item) || (!item.owner && !*item.claim))
		return false;
	if (item.owner)
		item.owner->singles++;
	*arena_append(r->e->arena, s->singles, s->n_singles) = item;
	return true;
}

static bool add_claim(const struct reader *r, const struct kv_pair *pair, const char *name)
{
	struct survey *s = r->s;
	struct value v;

	if (!parse_value(pair, &v) || !v.addr.family)
		return false;
	*arena_append(r->e->arena, s->claims, s->n_claims) =
		(struct survey_claim){ pair->key, name, v.addr, pair->mod };
	return true;
}

static bool read_cfg(const struct reader *r, const struct kv_pair *pair, const char *name)
{
	struct value v;

	if (*name || !parse_value(pair, &v))
		return false;
	r->s->version = v.version;
	r->s->block4 = v.block4;
	r->s->block6 = v.block6;
	return true;
}

static const struct {
	const char *prefix;
	bool (*read)(const struct reader *r, const struct kv_pair *pair, const char *name);
} kinds[] = {
	{ "addr/", add_single }, { "block/", add_block }, { "cfg", read_cfg },
	{ "claim/", add_claim }, { "node/", add_owner },
};

static void read_pair(const struct reader *r, const struct kv_pair *pair)
{
	const char *rest = pair->key + strlen(r->space);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (!strncmp(rest, kinds[i].prefix, len) && kinds[i].read(r, pair, rest + len))
			return;
	}
	*arena_append(r->e->arena, r->s->strange, r->s->n_strange) = pair->key;
}

/* Blocks have the length that cfg says, which may come behind them. */
static void set_lengths(struct survey *s)
{
	for (size_t i = 0; i < s->n_blocks; i++)
		s->blocks[i].ip.plen = s->blocks[i].ip.family == AF_INET ? s->block4 : s->block6;
}

int survey_read(struct engine *e, struct survey *s)
{
	struct reader r = { e, s, arena_printf(e->arena, "%s/", e->state.space) };
	const char *from = r.space, *end = kv_prefix_end(r.space, e->arena);
	struct kv_found f = { .more = true };

	*s = (struct survey){ 0 };
	if (engine_look(e) < 0)
		return -1;
	while (f.more) {
		f = (struct kv_found){ 0 };
		if (kv_get(e->kv,
			   (struct kv_op){ .kind = KV_GET, .key = from, .end = end, .limit = PAGE },
			   &f, e->err) < 0)
			return err_wrap(e->err, "%s", r.space);
		for (size_t i = 0; i < f.n; i++)
			read_pair(&r, &f.pairs[i]);
		if (f.n)
			from = arena_printf(e->arena, "%s\x01", f.pairs[f.n - 1].key);
		f.more &= f.n > 0;
	}
	set_lengths(s);
	return 0;
}

const struct survey_item *survey_find(const struct survey_item *list, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (cidr_contains(&list[i].ip, ip))
			return &list[i];
	return NULL;
}
