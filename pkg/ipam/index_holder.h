/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_holder.h - the part of the index that tells what a holder has: a symbolic link per
 * holder, named by a keyed hash of it, with the text "<boot> <ip>[,<ip>...]". See index.h.
 *
 * Two holders with one hash, or an entry that lies, cost time and nothing else: the caller looks
 * into the reservations before believing anything.
 */
#pragma once

#include "ipam/index.h"
#include "ipam/reservation.h"

#define INDEX_HOLDER_HEX     32 /* digits of the hash */
#define INDEX_HOLDER_IPS_MAX 1000

struct index_holder_key {
	char path[sizeof(INDEX_HOLDERS "/") + INDEX_HOLDER_HEX]; /* of the link */
};

struct index_holder_entry {
	/* INDEX_NO_BOOT also if another program made a reservation */
	char boot[INDEX_BOOT_LEN + 1];
	char ips[INDEX_HOLDER_IPS_MAX + 1];
	bool more; /* not all are listed: look at the reservations */
};

void index_holder_key(const struct index *ix, const struct holder *holder,
		      struct index_holder_key *key);
/* False if there is none, for certain; *e is empty then. */
bool index_holder_get(const struct index *ix, const struct index_holder_key *key,
		      struct index_holder_entry *e);
/* In the place of what there is; an empty one is none. */
void index_holder_put(struct index *ix, const struct index_holder_key *key,
		      const struct index_holder_entry *e);
void index_holder_drop(struct index *ix, const struct index_holder_key *key);

/*
 * Is the entry older than the reservation (of directory `dir`)? Then another program made that one.
 */
bool index_holder_predates(const struct index *ix, const struct index_holder_key *key, int dir,
			   const char *name);

/* Every entry, in no order. */
void index_holder_each(struct index *ix,
		       void (*fn)(const struct index_holder_key *key,
				  const struct index_holder_entry *e, void *arg),
		       void *arg);

bool index_holder_entry_has(const struct index_holder_entry *e, const struct ip *ip);
void index_holder_entry_add(struct index_holder_entry *e, const struct ip *ip);

/* Walks the addresses: *at begins as e->ips. */
bool index_holder_entry_next(const char **at, struct ip *ip);
