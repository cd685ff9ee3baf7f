/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <string.h>

#include "keys.h"
#include "sys/file.h"
#include "json/decode.h"

#define MAX_FILE ((size_t)16 * 1000 * 1000) /* bytes */

/* clang-format off */
static const struct json_field block_fields[] = {
	F_CIDR("base", struct state_block, base, .required = true),
	F_END
};

#define SINGLE_FIELDS(s, m)                                                                  \
	F_CIDR("ip", s, m ip), F_STR("id", s, m id, .empty = true),                          \
	F_STR("ifname", s, m ifname, .empty = true), F_STR("claim", s, m claim, .empty = true), \
	F_UINT("set", s, m set), F_STR("boot", s, m boot, .empty = true)
/* clang-format on */

static const struct json_field single_fields[] = { SINGLE_FIELDS(struct state_single, ), F_END };

struct text {
	struct state s;
	uint32_t what;
	uint64_t *empty;
	size_t n_empty;
};

static const struct json_field number_item[] = {
	{ .key = "", .type = JSON_UINT, .offset = 0, .width = sizeof(uint64_t) },
	F_END,
};

static const struct json_field pending_fields[] = {
	F_UINT("what", struct text, what, .max = STATE_SINGLE_RETURN),
	F_STR("token", struct text, s.pending.token),
	F_CIDR("block", struct text, s.pending.ip),
	F_OBJ("single", struct text, s.pending.single, single_fields),
	F_BOOL("cfg", struct text, s.pending.cfg),
	F_UINT("version", struct text, s.pending.version),
	F_UINT("block4", struct text, s.pending.block4),
	F_UINT("block6", struct text, s.pending.block6),
	F_END,
};

static const struct json_field state_fields[] = {
	F_STR("uuid", struct text, s.uuid),
	F_UINT("revision", struct text, s.revision),
	F_UINT("cfg", struct text, s.cfg),
	F_UINT("version", struct text, s.version),
	F_UINT("block4", struct text, s.block4),
	F_UINT("block6", struct text, s.block6),
	{ JSON_("blocks", JSON_LIST, struct text, s.blocks),
	  .count_offset = offsetof(struct text, s.n_blocks), .sub = block_fields,
	  .sub_size = sizeof(struct state_block) },
	{ JSON_("singles", JSON_LIST, struct text, s.singles),
	  .count_offset = offsetof(struct text, s.n_singles), .sub = single_fields,
	  .sub_size = sizeof(struct state_single) },
	F_LIST("empty", struct text, empty, number_item),
	F_HERE("pending", pending_fields),
	F_END,
};

const char *state_dir(const char *data_dir, const char *network, struct arena *arena)
{
	return arena_printf(arena, "%s/.state/%s", data_dir, network);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void fill(struct state_single *single)
{
	single->id = single->id ? single->id : "";
	single->ifname = single->ifname ? single->ifname : "";
	single->claim = single->claim ? single->claim : "";
	single->boot = single->boot ? single->boot : "";
}

static bool is_whole(const struct text *t)
{
	if ((t->what && !t->s.pending.token) || (t->s.revision && !t->s.uuid))
		return false;
	for (size_t i = 0; i < t->s.n_singles; i++)
		if (!t->s.singles[i].ip.family)
			return false;
	if (t->what == STATE_BLOCK_CLAIM || t->what == STATE_BLOCK_RETURN)
		return t->s.pending.ip.family;
	return !t->what || t->s.pending.single.ip.family;
}

static int decode(struct state *s, const char *text, size_t len, struct err *err)
{
	struct text t = { 0 };
	const struct json *v;

	if (json_parse_max(text, len, MAX_FILE, &v, err) < 0 ||
	    json_decode(v, state_fields, "", &t, err) < 0)
		return err_wrap(err, "%s", s->path);
	if (!is_whole(&t))
		return err_set(err, ERR_DECODE, "%s: something is missing in it", s->path);
	for (size_t i = 0; i < t.s.n_blocks && i < t.n_empty; i++)
		t.s.blocks[i].empty = (int64_t)t.empty[i];
	for (size_t i = 0; i < t.s.n_singles; i++)
		fill(&t.s.singles[i]);
	fill(&t.s.pending.single);
	t.s.pending.what = (enum state_what)t.what;
	t.s.path = s->path;
	t.s.space = s->space;
	t.s.arena = s->arena;
	*s = t.s;
	return 0;
}

int state_read(struct state *s, const char *dir, const char *space, struct arena *arena,
	       struct err *err)
{
	const char *text;
	size_t len;

	*s = (struct state){
		.path = arena_printf(arena, "%s/%s", dir, keys_encode(space, arena)),
		.space = space,
		.arena = arena,
	};
	if (file_read(s->path, MAX_FILE, arena, &text, &len, err) == 0)
		return decode(s, text, len, err);
	if (err->sys != ENOENT)
		return -1;
	err_clear(err);
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_cidr(struct json *o, const char *key, const struct ip *ip)
{
	char text[IP_STRLEN];

	if (ip->family)
		json_add_str(o, key, cidr_str(ip, text));
}

static void add_single(struct json *o, const struct state_single *single)
{
	add_cidr(o, "ip", &single->ip);
	json_add_str(o, "id", single->id);
	json_add_str(o, "ifname", single->ifname);
	json_add_str(o, "claim", single->claim);
	json_add_int(o, "set", single->set);
	json_add_str(o, "boot", single->boot);
}

static void add_pending(struct json *o, const struct state_pending *p)
{
	if (p->what == STATE_NOTHING)
		return;
	o = json_add_object(o, "pending");
	json_add_int(o, "what", p->what);
	json_add_str(o, "token", p->token);
	add_cidr(o, "block", &p->ip);
	if (p->single.ip.family)
		add_single(json_add_object(o, "single"), &p->single);
	json_add_bool(o, "cfg", p->cfg);
	json_add_int(o, "version", (int64_t)p->version);
	json_add_int(o, "block4", p->block4);
	json_add_int(o, "block6", p->block6);
}

static const char *print(const struct state *s)
{
	struct json *o = json_object(), *list, *empty;

	json_add_str(o, "uuid", s->uuid ? s->uuid : "");
	json_add_int(o, "revision", (int64_t)s->revision);
	json_add_int(o, "cfg", (int64_t)s->cfg);
	json_add_int(o, "version", (int64_t)s->version);
	json_add_int(o, "block4", s->block4);
	json_add_int(o, "block6", s->block6);
	list = json_add_list(o, "blocks");
	empty = json_add_list(o, "empty");
	for (size_t i = 0; i < s->n_blocks; i++) {
		add_cidr(json_add_object(list, NULL), "base", &s->blocks[i].base);
		json_add_int(empty, NULL, s->blocks[i].empty);
	}
	list = json_add_list(o, "singles");
	for (size_t i = 0; i < s->n_singles; i++)
		add_single(json_add_object(list, NULL), &s->singles[i]);
	add_pending(o, &s->pending);
	return json_print(o);
}

int state_write(const struct state *s, struct err *err)
{
	const char *text = print(s);
	const char *dir =
		arena_strndup(s->arena, s->path, (size_t)(strrchr(s->path, '/') - s->path));

	if (file_make_dirs(dir, 0700, err) < 0)
		return -1;
	return file_replace_synced(s->path, text, strlen(text), 0600, s->arena, err);
}

/* ---- changing -------------------------------------------------------------------------------- */

void state_add_block(struct state *s, const struct ip *base)
{
	struct state_block *blocks = arena_array(s->arena, struct state_block, s->n_blocks + 1);

	if (state_has_block(s, base))
		return;
	if (s->blocks)
		memcpy(blocks, s->blocks, s->n_blocks * sizeof(*blocks));
	blocks[s->n_blocks++].base = *base;
	s->blocks = blocks;
}

bool state_has_block(const struct state *s, const struct ip *base)
{
	for (size_t i = 0; i < s->n_blocks; i++)
		if (cidr_equal(&s->blocks[i].base, base))
			return true;
	return false;
}

void state_remove_block(struct state *s, const struct ip *base)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_blocks; i++)
		if (!cidr_equal(&s->blocks[i].base, base))
			s->blocks[n++] = s->blocks[i];
	s->n_blocks = n;
}

struct state_single *state_find_single(struct state *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->n_singles; i++)
		if (ip_equal(&s->singles[i].ip, ip))
			return &s->singles[i];
	return NULL;
}

void state_add_single(struct state *s, const struct state_single *single)
{
	struct state_single *old = state_find_single(s, &single->ip), *list;

	if (old) {
		*old = *single;
		return;
	}
	list = arena_array(s->arena, struct state_single, s->n_singles + 1);
	if (s->singles)
		memcpy(list, s->singles, s->n_singles * sizeof(*list));
	list[s->n_singles++] = *single;
	s->singles = list;
}

void state_remove_single(struct state *s, const struct ip *ip)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_singles; i++)
		if (!ip_equal(&s->singles[i].ip, ip))
			s->singles[n++] = s->singles[i];
	s->n_singles = n;
}

void state_reset(struct state *s, const char *uuid)
{
	s->uuid = uuid;
	s->revision = s->cfg = s->version = 0;
	s->n_blocks = s->n_singles = 0;
	s->pending = (struct state_pending){ 0 };
}
