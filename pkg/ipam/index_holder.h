/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_holder.h - the part of the index that tells what an owner holds: a symbolic link per owner, named
 * by a keyed hash of it, with the text "<boot> <ip>[,<ip>...]". See index.h.
 *
 * Two owners with one hash, or an entry that lies, cost time and nothing else: the caller looks
 * into the records before believing anything.
 */
#ifndef CNIC_IPAM_INDEX_HOLDER_H
#define CNIC_IPAM_INDEX_HOLDER_H

#include "ipam/index.h"
#include "ipam/reservation.h"

#define OWNER_KEY_LEN 32
#define OWNER_IPS_MAX 1000

struct owner_key {
	char hex[OWNER_KEY_LEN + 1];
};

struct owner_entry {
	char boot[INDEX_BOOT_LEN + 1]; /* INDEX_NO_BOOT also if another program made a record */
	char ips[OWNER_IPS_MAX + 1];
	bool more; /* not all are listed: look at the records */
};

void owner_key(const struct index *ix, const struct owner *owner, struct owner_key *key);
bool owner_get(const struct index *ix, const struct owner_key *key, struct owner_entry *e);
void owner_put(struct index *ix, const struct owner_key *key, const struct owner_entry *e);
void owner_drop(struct index *ix, const struct owner_key *key);

/* Is the entry older than the record (of directory `dir`)? Then somebody else made that one. */
bool owner_predates(const struct index *ix, const struct owner_key *key, int dir,
		    const char *record);

/* Every entry, in no order. */
void owner_each(struct index *ix,
		void (*fn)(const struct owner_key *key, const struct owner_entry *e, void *arg),
		void *arg);

bool owner_entry_has(const struct owner_entry *e, const struct ip *ip);
void owner_entry_add(struct owner_entry *e, const struct ip *ip);

/* Walks the addresses: *at begins as e->ips. */
bool owner_entry_next(const char **at, struct ip *ip);

#endif
