/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "journal.h"
#include "keys.h"
#include "sys/file.h"

#define RAISES  16
#define DOWN_MS 2000 /* for which etcd is not asked again after it could not be reached */

/* ---- values ---------------------------------------------------------------------------------- */

struct value {
	const char *node, *network, *claim, *token, *host, *machine;
	uint64_t version;
	uint8_t block4, block6;
};

static const struct json_field value_fields[] = {
	F_STR("node", struct value, node, .empty = true),
	F_STR("network", struct value, network, .empty = true),
	F_STR("claim", struct value, claim, .empty = true),
	F_STR("token", struct value, token),
	F_STR("host", struct value, host),
	F_STR("machine", struct value, machine),
	F_UINT("version", struct value, version),
	F_UINT("block4", struct value, block4),
	F_UINT("block6", struct value, block6),
	F_END,
};

bool engine_decode(const struct kv_pair *pair, const struct json_field *fields, void *out)
{
	struct err ignored = { 0 };
	const struct json *o;

	return json_parse(pair->value, pair->value_len, &o, &ignored) == 0 && json_is_object(o) &&
	       json_decode(o, fields, "", out, &ignored) == 0;
}

static bool parse(const struct kv_pair *pair, struct value *v)
{
	*v = (struct value){ 0 };
	return engine_decode(pair, value_fields, v);
}

const char *engine_value(const struct engine *e, const char *claim, bool idle)
{
	struct json *o = json_object();

	json_add_str(o, "node", idle ? "" : e->state.uuid);
	json_add_str(o, "network", e->network);
	json_add_str(o, "claim", claim);
	return json_print(o);
}

bool engine_parse_value(const struct kv_pair *pair, struct engine_owner *owner)
{
	struct value v;

	if (!parse(pair, &v) || !v.node)
		return false;
	*owner = (struct engine_owner){
		.uuid = v.node,
		.network = v.network ? v.network : "",
		.claim = v.claim ? v.claim : "",
	};
	return true;
}

static const char *print_register(const struct engine *e, const char *token)
{
	struct json *o = json_object();

	json_add_str(o, "token", token);
	json_add_str(o, "host", e->node.host);
	json_add_str(o, "machine", e->node.machine);
	return json_print(o);
}

static const char *print_cfg(const struct engine *e)
{
	struct json *o = json_object();

	json_add_int(o, "version", e->conf->version);
	json_add_int(o, "block4", e->conf->block4);
	json_add_int(o, "block6", e->conf->block6);
	return json_print(o);
}

static const char *register_key(const struct engine *e)
{
	return keys_node(e->state.space, e->state.uuid, e->network, e->arena);
}

/* ---- reaching it ----------------------------------------------------------------------------- */

/*
 * The network may have moved, with addresses in the old place: of the directory, whose spaces have
 * no prefix, or of an etcd that may be the configuration's.
 */
static bool is_in_etcd(const struct engine *e)
{
	return keys_has_prefix(e->state.space);
}

/* What is below another prefix than the configuration's may be in another etcd as well. */
static bool may_be_elsewhere(const struct engine *e)
{
	const char *prefix = e->conf->prefix;
	size_t len = strlen(prefix);

	return is_in_etcd(e) && (strncmp(e->state.space, prefix, len) != 0 ||
				 strncmp(e->state.space + len, "/v1/", 4) != 0);
}

static const char *down_file(const struct engine *e)
{
	return etcd_file(&e->conf->etcd, e->conf->data_dir, ".down", e->arena);
}

/* Calls that wait for each other's lock do not wait for etcd one after the other. */
static int refuse_while_down(struct engine *e)
{
	struct stat st;
	int64_t ago;

	if (!is_in_etcd(e) || stat(down_file(e), &st) < 0)
		return 0;
	ago = file_age(&st);
	if (ago < 0 || ago > DOWN_MS)
		return 0;
	return err_set(e->err, ERR_RETRY, "etcd could not be reached a moment ago");
}

/* A hint: what fails here is passed over. */
static void note_down(struct engine *e)
{
	auto_close int fd = open(down_file(e), O_WRONLY | O_CREAT | O_TRUNC | FILE_SAFE, 0600);

	if (fd >= 0)
		(void)!futimens(fd, NULL);
}

static int open_backend(struct engine *e)
{
	const struct cluster_conf *conf = e->conf;

	if (e->kv)
		return 0;
	if (!is_in_etcd(e)) {
		kv_dir_init(&e->backend.dir, conf->data_dir, e->arena);
		e->kv = &e->backend.dir.kv;
		return 0;
	}
	if (conf->etcd_fault)
		return err_config(e->err, "%s", conf->etcd_fault);
	if (!conf_has_etcd(conf))
		return err_config(e->err, "it is in an etcd that the configuration does not name");
	if (etcd_open(&e->backend.etcd, &conf->etcd, conf->data_dir, e->arena, e->err) < 0)
		return -1;
	e->kv = &e->backend.etcd.kv;
	return 0;
}

static int transact(struct engine *e, const struct kv_txn *t, struct kv_result *r)
{
	int rc = kv_txn(e->kv, t, r, e->err);

	if (rc < 0 && is_in_etcd(e) && e->err->code == ERR_RETRY)
		note_down(e);
	return rc;
}

/* ---- what became of the last one ------------------------------------------------------------- */

/* A single whose ADD did not get it is stock; so is one whose release was not done. */
static struct state_single as_stock(const struct state_single *single)
{
	struct state_single s = *single;

	s.id = s.ifname = "";
	return s;
}

static void apply_cfg(struct state *s, const struct state_pending *p, uint64_t revision)
{
	s->cfg = revision;
	s->version = p->version;
	s->block4 = p->block4;
	s->block6 = p->block6;
}

static void apply_done(struct engine *e, const struct state_pending *p)
{
	struct state *s = &e->state;

	if (p->what == STATE_BLOCK_CLAIM)
		state_add_block(s, &p->ip);
	else if (p->what == STATE_BLOCK_RETURN)
		state_remove_block(s, &p->ip);
	else if (p->what == STATE_SINGLE_TAKE)
		state_add_single(s, &p->single);
	else if (p->what == STATE_SINGLE_RETURN)
		state_remove_single(s, &p->single.ip);
	if (p->cfg)
		apply_cfg(s, p, s->revision);
}

static void clear_pending(struct engine *e)
{
	e->dirty = true;
	e->state.pending = (struct state_pending){ 0 };
}

/* The token of a register that says a pending transaction will never be done. */
static const char *token_no(const struct engine *e, const char *token)
{
	return arena_printf(e->arena, "%s-no", token);
}

/* The next transaction is another node's. What attachments have here is theirs until they end. */
static int begin_anew(struct engine *e)
{
	if (journal_keep_singles(e->store, &e->state) < 0)
		return -1;
	state_reset(&e->state, e->node.uuid);
	return 0;
}

/*
 * A register that is not as we left it, while a transaction of token was under way. *done: that one
 * has been done. A foreign one is not taken for ours the next time either.
 */
static int judge(struct engine *e, const struct kv_found *found, const char *token, bool *done)
{
	struct value v;

	*done = false;
	if (!found->n && may_be_elsewhere(e))
		return err_config(e->err, "it is in another etcd than the configuration's, or this "
					  "node was released there");
	if (!found->n) {
		e->dirty = true;
		return begin_anew(e) < 0 || engine_save(e) < 0
			       ? -1
			       : err_set(e->err, ERR_RETRY,
					 "this node was released: what it had is no longer its own");
	}
	if (!parse(&found->pairs[0], &v) || !v.token)
		return err_set(e->err, ERR_INTERNAL, "%s is no register", found->pairs[0].key);
	*done = !strcmp(v.token, token);
	if (*done || !strcmp(v.token, token_no(e, token))) {
		e->state.revision = (uint64_t)found->pairs[0].mod;
		return 0;
	}
	return err_set(e->err, ERR_INTERNAL,
		       "another has used this node's identity %s: host %s, machine %s; a clone, "
		       "or an old copy of %s, or of etcd",
		       e->state.uuid, v.host ? v.host : "-", v.machine ? v.machine : "-",
		       e->state.path);
}

/* Put the register once more: then the pending transaction is done, or never will be. */
static int resolve(struct engine *e)
{
	struct state_pending p = e->state.pending;
	struct kv_txn *t = arena_new(e->arena, struct kv_txn);
	const char *key = register_key(e);
	const char *value = print_register(e, token_no(e, p.token));
	struct kv_result r;
	bool done = false;

	kv_if_mod(t, key, (int64_t)e->state.revision);
	kv_then(t, (struct kv_op){ .kind = KV_PUT, .key = key, .value = value });
	kv_else(t, (struct kv_op){ .kind = KV_GET, .key = key });
	if (transact(e, t, &r) < 0)
		return -1;
	if (r.succeeded)
		e->state.revision = (uint64_t)r.revision;
	else if (judge(e, &r.found[0], p.token, &done) < 0)
		return -1;
	if (done) {
		p.single = as_stock(&p.single);
		apply_done(e, &p);
	}
	clear_pending(e);
	return engine_save(e);
}

/* ---- opening --------------------------------------------------------------------------------- */

int engine_open(struct engine *e, const struct cluster_conf *conf, const char *network,
		const char *space, struct arena *arena, struct err *err)
{
	*e = (struct engine){ .conf = conf, .network = network, .arena = arena, .err = err };
	return state_read(&e->state, state_dir(conf->data_dir, network, arena), space, arena, err);
}

int engine_identify(struct engine *e)
{
	if (e->node.host)
		return 0;
	if (node_identify(&e->node, e->conf->data_dir, e->arena, e->err) < 0)
		return -1;
	if (!e->state.uuid || strcmp(e->state.uuid, e->node.uuid) != 0)
		return begin_anew(e);
	return 0;
}

int engine_look(struct engine *e)
{
	return refuse_while_down(e) < 0 ? -1 : open_backend(e);
}

int engine_contact(struct engine *e)
{
	if (engine_identify(e) < 0)
		return -1;
	if (e->kv && e->state.pending.what == STATE_NOTHING)
		return 0;
	if (engine_look(e) < 0)
		return -1;
	return e->state.pending.what == STATE_NOTHING ? 0 : resolve(e);
}

int engine_save(struct engine *e)
{
	if (e->dirty && state_write(&e->state, e->err) < 0)
		return -1;
	e->dirty = false;
	return 0;
}

/* ---- one transaction ------------------------------------------------------------------------- */

/* cfg is made by the first of a space; a higher version of the pool is written along. */
static void add_cfg(struct engine *e, struct engine_txn *t)
{
	const char *key = keys_cfg(e->state.space, e->arena);

	kv_if_mod(&t->txn, key, (int64_t)e->state.cfg);
	t->uses_cfg = true;
	t->pending.version = e->conf->version;
	t->pending.block4 = e->conf->block4;
	t->pending.block6 = e->conf->block6;
	t->pending.cfg = !e->state.cfg || e->conf->version > e->state.version;
	if (t->pending.cfg)
		kv_then(&t->txn,
			(struct kv_op){ .kind = KV_PUT, .key = key, .value = print_cfg(e) });
}

struct engine_txn *engine_begin(struct engine *e, enum state_what what, bool cfg)
{
	struct engine_txn *t = arena_new(e->arena, struct engine_txn);
	const char *key = register_key(e), *token = node_token(e->arena);

	t->pending.what = what;
	t->pending.token = token ? token : "";
	kv_if_mod(&t->txn, key, (int64_t)e->state.revision);
	kv_then(&t->txn, (struct kv_op){ .kind = KV_PUT,
					 .key = key,
					 .value = print_register(e, t->pending.token) });
	kv_else(&t->txn, (struct kv_op){ .kind = KV_GET, .key = key });
	kv_else(&t->txn,
		(struct kv_op){ .kind = KV_GET, .key = keys_cfg(e->state.space, e->arena) });
	if (cfg)
		add_cfg(e, t);
	return t;
}

/* What the space agrees on, as far as it is known here. */
static int check_cfg(struct engine *e)
{
	const struct cluster_conf *conf = e->conf;
	const struct state *s = &e->state;

	if (!s->cfg)
		return 0;
	if (s->block4 != conf->block4 || s->block6 != conf->block6)
		return err_config(e->err,
				  "ipam.blockSize: %s has blocks of /%u and /%u, the configuration "
				  "/%u and /%u",
				  s->space, s->block4, s->block6, conf->block4, conf->block6);
	if (s->version > conf->version)
		return err_config(
			e->err,
			"ipam.poolVersion: the pool is at %llu, this configuration at %u: "
			"it is an old one",
			(unsigned long long)s->version, conf->version);
	return 0;
}

/* The same, as it is now. */
static int take_cfg(struct engine *e, const struct kv_found *found)
{
	struct state *s = &e->state;
	struct value v;

	s->cfg = 0;
	if (!found->n)
		return 0;
	if (!parse(&found->pairs[0], &v) || !v.block4 || !v.block6)
		return err_set(e->err, ERR_INTERNAL, "%s is none of cluster's",
			       found->pairs[0].key);
	s->cfg = (uint64_t)found->pairs[0].mod;
	s->version = v.version;
	s->block4 = v.block4;
	s->block6 = v.block6;
	return check_cfg(e);
}

/* The register is as we left it: another compare failed. */
static bool is_ours(const struct engine *e, const struct kv_found *found)
{
	return found->n ? found->pairs[0].mod == (int64_t)e->state.revision : !e->state.revision;
}

static int on_failure(struct engine *e, struct engine_txn *t)
{
	const struct kv_result *r = &t->result;

	if (is_ours(e, &r->found[0]))
		e->state.revision = (uint64_t)r->revision;
	else if (judge(e, &r->found[0], t->pending.token, &t->done) < 0)
		return -1;
	if (t->done) {
		apply_done(e, &t->pending);
		return 0;
	}
	return t->uses_cfg ? take_cfg(e, &r->found[1]) : 0;
}

/*
 * A copy of what is refused may be under way still, as the helper asks again and a proxy may: when
 * it arrives, whose the address was may have given it back. So its register is put in any case.
 */
static void put_register_else(struct engine *e, struct engine_txn *t)
{
	kv_else(&t->txn, (struct kv_op){ .kind = KV_PUT_IF_MOD,
					 .key = register_key(e),
					 .value = print_register(e, token_no(e, t->pending.token)),
					 .revision = (int64_t)e->state.revision });
}

int engine_send(struct engine *e, struct engine_txn *t)
{
	if (!*t->pending.token)
		return err_sys(e->err, "random numbers");
	if (t->uses_cfg && check_cfg(e) < 0)
		return -1;
	put_register_else(e, t);
	e->state.pending = t->pending;
	e->dirty = true;
	if (engine_save(e) < 0 || transact(e, &t->txn, &t->result) < 0)
		return -1;
	clear_pending(e);
	t->done = t->result.succeeded;
	if (!t->done)
		return on_failure(e, t);
	e->state.revision = (uint64_t)t->result.revision;
	apply_done(e, &t->pending);
	return 0;
}

/* 1: there is nothing to write, or it is written; 0: another has written meanwhile, *e has it. */
static int try_raise(struct engine *e)
{
	struct engine_txn *t = arena_new(e->arena, struct engine_txn);

	if (check_cfg(e) < 0)
		return -1;
	add_cfg(e, t);
	if (!t->pending.cfg)
		return 1;
	kv_else(&t->txn,
		(struct kv_op){ .kind = KV_GET, .key = keys_cfg(e->state.space, e->arena) });
	if (transact(e, &t->txn, &t->result) < 0)
		return -1;
	e->dirty = true;
	if (!t->result.succeeded)
		return take_cfg(e, &t->result.found[0]);
	apply_cfg(&e->state, &t->pending, (uint64_t)t->result.revision);
	return 1;
}

int engine_raise(struct engine *e)
{
	for (int tries = 0; tries < RAISES; tries++) {
		int rc = try_raise(e);

		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return err_set(e->err, ERR_RETRY, "the pool's version is raised all the time");
}
