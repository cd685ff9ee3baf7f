/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - transactions of this node in a space: each compares and puts the node's register, and
 * is in the state on disk before it is sent, so that what became of it can be told (KEYS.md). All
 * of it is done under the lock of the network's store.
 */
#pragma once

#include "conf.h"
#include "etcd/kv_dir.h"
#include "ipam/store.h"
#include "node.h"
#include "state.h"
#include "json/decode.h"

struct engine {
	const struct cluster_conf *conf;
	const char *network;
	struct state state;
	struct node node;
	struct store *store; /* the journal; NULL: none, nothing is asked for */
	struct kv *kv;       /* NULL: not opened yet */
	bool dirty;          /* the state is not as it is on the disk */
	union {
		struct kv_dir dir;
		struct etcd etcd;
	} backend;
	struct arena *arena;
	struct err *err;
};

/* One transaction being made; the keys of all are texts of the arena. */
struct engine_txn {
	struct kv_txn txn;
	struct state_pending pending;
	struct kv_result result;
	bool uses_cfg;
	bool done; /* all compares held, or it had been done before */
};

/* The state of a space, from its file. Asks nobody; `space` see keys_space(). */
int engine_open(struct engine *e, const struct cluster_conf *conf, const char *network,
		const char *space, struct arena *arena, struct err *err) NODISCARD;

/* Is the state this machine's own? Of a directory that was copied here nothing is. */
int engine_identify(struct engine *e) NODISCARD;

/*
 * Before the first transaction of a call: what became of the pending one is resolved, a node that
 * was released begins anew. Code 11 if etcd cannot be reached, at once where it could not be a
 * moment ago.
 */
int engine_contact(struct engine *e) NODISCARD;

/* For reading alone, which changes nothing here and needs no lock: e->kv is there. */
int engine_look(struct engine *e) NODISCARD;

/*
 * Begin one: register and, with `cfg`, the space's cfg are compared (and made, or its version
 * raised). What a failure reads: first the register, then cfg; those of the caller follow
 * (ENGINE_FIRST).
 */
#define ENGINE_FIRST 2
struct engine_txn *engine_begin(struct engine *e, enum state_what what, bool cfg);

/*
 * Send it. 0: t->done says whether it was done; if not, cfg is now what it is, and the result has
 * what was read. -1: not known, or this node may do nothing here. Where it is done the state has
 * what it was about, in memory, and .dirty; engine_save() puts it on the disk.
 */
int engine_send(struct engine *e, struct engine_txn *t) NODISCARD;
int engine_save(struct engine *e) NODISCARD; /* if it is dirty */

/*
 * Where nothing could be done: a higher version of the pool is written by itself. Without the
 * register: what becomes of it need not be told, whoever has that version may write it.
 */
int engine_raise(struct engine *e) NODISCARD;

/* "{"node": ..., "claim": ...}" of a block or a single address of ours; node "" with `idle`. */
const char *engine_value(const struct engine *e, const char *claim, bool idle);

/* Such a value read; false: it is none of cluster's. */
struct engine_owner {
	const char *uuid, *network, *claim; /* uuid "": nobody */
};
bool engine_parse_value(const struct kv_pair *pair, struct engine_owner *owner);

/* Whatever bytes a value under the prefix has; false: it is no object with such fields. */
bool engine_decode(const struct kv_pair *pair, const struct json_field *fields, void *out);
