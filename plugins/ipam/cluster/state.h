/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what a network of this node has in a space, and the transaction under way: the files
 * DATADIR/.state/NETWORK/SPACE (percent-encoded), under the lock of the network's store. KEYS.md
 * says why each is there.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "net/ip.h"

struct state_block {
	struct ip base; /* .plen is the block's */
	int64_t empty;  /* GC has found nothing in it since, seconds since the epoch; 0 = not so */
};

/* A single address; id "" is stock. */
struct state_single {
	struct ip ip; /* .plen is the pool's subnet's */
	const char *id, *ifname;
	const char *claim; /* "": none */
	uint32_t set;      /* the configuration's range it is of, where it is a claim's */
	const char *boot;  /* in which it was given, as of struct index; "": not known */
};

enum state_what {
	STATE_NOTHING,
	STATE_BLOCK_CLAIM,
	STATE_BLOCK_RETURN,
	STATE_SINGLE_TAKE,
	STATE_SINGLE_RETURN,
};

/* A transaction that may have been done. */
struct state_pending {
	enum state_what what;
	const char *token;
	struct ip ip; /* the block, or */
	struct state_single single;
	bool cfg; /* it writes the space's cfg as well, with these */
	uint64_t version;
	uint8_t block4, block6;
};

struct state {
	const char *uuid;       /* the node as which it has all this */
	uint64_t revision;      /* of the register; 0: there is none of ours */
	uint64_t cfg, version;  /* revision of the space's cfg, 0: not known; the pool's version */
	uint8_t block4, block6; /* in it: of which lengths blocks are */
	struct state_block *blocks;
	size_t n_blocks;
	struct state_single *singles;
	size_t n_singles;
	struct state_pending pending;
	const char *path, *space;
	struct arena *arena;
};

const char *state_dir(const char *data_dir, const char *network, struct arena *arena);

/*
 * *s as the file has it; one that is not there is a state with nothing. `space`: see keys_space().
 */
int state_read(struct state *s, const char *dir, const char *space, struct arena *arena,
	       struct err *err) NODISCARD;

/* On the disk when it returns. */
int state_write(const struct state *s, struct err *err) NODISCARD;

void state_add_block(struct state *s, const struct ip *base);
void state_remove_block(struct state *s, const struct ip *base);
bool state_has_block(const struct state *s, const struct ip *base);

/* A single of that address is replaced. */
void state_add_single(struct state *s, const struct state_single *single);
void state_remove_single(struct state *s, const struct ip *ip);
struct state_single *state_find_single(struct state *s, const struct ip *ip);

/* Nothing is this node's any more; `uuid` is what it is from now on. */
void state_reset(struct state *s, const char *uuid);
