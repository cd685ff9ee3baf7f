/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - the store's private index: which addresses are free, what a holder has and since which
 * boot, each found without reading the reservations; and which addresses were in use in this boot.
 *
 * It is a cache beside the reservations, in <dataDir>/.cnic/<name>/ ('.' begins no network's name):
 *
 *	head             the seal, the key of the holders' names, the boot
 *	<block>.bits     a bitmap of 2^16 addresses, a set bit is a file; named by the high bits
 *	<block>.used     the same of the addresses that were given out since this boot began
 *	by-owner/<hash>  a symbolic link to "<boot> <ip>[,<ip>...]"
 *
 * The seal tells whether another program has changed the reservations, or the holders' entries: a
 * command that changes either directory sets its modification time to an odd time in the past and
 * writes that to the head, with a checksum of the head. A file that is created or removed
 * afterwards moves the time to the present, and so does a command of ours that dies half way. No
 * match, no index: it is rebuilt. It is rebuilt in every boot too, since a power cut may keep any
 * part of it, and where an older layout is found.
 *
 * Not detected: a writer that ignores the lock while we hold it; found by the rebuild that a full
 * range triggers.
 *
 * Nothing here fails a command: an index that cannot be read is not usable(), one that cannot be
 * written is not sealed. It is never trusted: a hit is verified in the reservation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "net/ip.h"

#define INDEX_MAGIC    UINT64_C(0x636e69632d697833) /* no other layout or byte order has it */
#define INDEX_BLOCK    65536                        /* addresses per bitmap */
#define INDEX_HOLDERS  "by-owner"                   /* see index_holder.h */
#define INDEX_BOOT_LEN 16  /* hex digits of the boot id: enough to tell boots apart */
#define INDEX_NO_BOOT  "-" /* there is no boot id to be had */

/* A directory as it was left. */
struct index_seal {
	uint64_t inode; /* 0 = not sealed */
	int64_t sec, nsec;
};

struct index_head {
	uint64_t magic;
	uint8_t key[16]; /* of the holders' hashes */
	struct index_seal reservations;
	char boot[16];     /* when this was written */
	char released[16]; /* in this boot the earlier boots' reservations were released */
	char since[16];    /* of this boot the .used maps know everything; zeros = of none */
	struct index_seal holders;
	uint8_t sum[16]; /* of all before it */
};

struct index_bits {
	struct ip base; /* first address; AF_UNSPEC = nothing loaded */
	int fd;
	uint8_t map[INDEX_BLOCK / 8];
};

struct index {
	int dir, head_fd;
	bool writable;
	bool usable;   /* what it says agrees with the reservations */
	bool dirty;    /* the reservations or the index changed: to be sealed */
	bool broken;   /* a write failed: never to be sealed */
	bool rebooted; /* it agreed with the reservations when the boot before this one ended */
	char boot[INDEX_BOOT_LEN + 1];
	struct index_head head;
	struct index_bits bits[4]; /* free: IPv4, IPv6; used: IPv4, IPv6 */
};

/* No index; closing it is allowed. */
void index_init(struct index *ix);

/* *ix is as index_init() leaves it, `dir` is the reservation directory's state. */
void index_open(struct index *ix, const char *data_dir, const char *name, const struct stat *dir,
		bool writable);
void index_close(struct index *ix);

/* Is it known to be another boot than this one? */
bool index_is_earlier_boot(const struct index *ix, const char boot[INDEX_BOOT_LEN]);

/* It was found wrong: not usable from here on, and the next command makes it anew. */
void index_distrust(struct index *ix);

/*
 * Start over: no bits are set; the holders' entries stay as hints of their boots. `unused`: no
 * address was ever reserved here, by any program.
 */
void index_begin(struct index *ix, const char *data_dir, const char *name, bool unused);

/* Changed, and whole: put the seal on the reservation directory `dir` and the holders' entries. */
void index_seal(struct index *ix, int dir);

/* Say that a change is made; false if the index does not follow it. */
bool index_may_change(struct index *ix);

/* First address in from..to that is not marked; every one if the index is not usable. */
bool index_next_free(struct index *ix, const struct ip *from, const struct ip *to, struct ip *out);
void index_mark(struct index *ix, const struct ip *ip, bool held);

/* Is it certain that the address was not in use in this boot? From now on it was. */
bool index_never_used(struct index *ix, const struct ip *ip);

/* The checksum that goes with a head. */
void index_sum(const struct index_head *h, uint8_t sum[16]);
