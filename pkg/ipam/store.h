/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the addresses of one network that are held, and their holders, on disk.
 *
 * Compatible with the reference host-local, which may run on the same directory at the same time:
 *
 *	<dataDir>/<name>/lock                 flock(2)ed around every change
 *	<dataDir>/<name>/<ip>                 a reservation, see reservation.h
 *	<dataDir>/<name>/last_reserved_ip.N   where round robin through range set N goes on
 *	<dataDir>/.cnic/<name>/               our index, see index.h
 *
 * Reserving (reserve.h), finding by holder and releasing (release.h) cost the same however many are
 * held. A command opens the store once, is alone in it, and closes it; nothing is kept in memory in
 * between. Nothing is synced to the disk, see reservation.h. Knows no JSON and no CNI call.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "ipam/index.h"
#include "ipam/index_holder.h"
#include "ipam/reservation.h"

enum store_use {
	STORE_ADD,    /* make what is missing */
	STORE_CHANGE, /* a directory that is missing holds nothing, and stays missing */
	/* change nothing and wait for no lock: reservations appear and go in one piece */
	STORE_READ,
};

struct store {
	int dir, lock; /* dir is -1 if there is none */
	const char *data_dir, *name, *path;
	bool failed; /* something could not be released, and err says why */
	struct arena *arena;
	struct err *err;
	struct index index;
};

/* Unless to look: wait for the lock (bounded, see lock.h), rebuild the index if it is not true. */
int store_open(struct store *s, enum store_use use, const char *data_dir, const char *name,
	       struct arena *arena, struct err *err) NODISCARD;
void store_close(struct store *s);
#define auto_store __attribute__((cleanup(store_close)))

/* Make the index anew by reading every reservation. Torn reservations are removed on the way. */
int store_rebuild(struct store *s) NODISCARD;

/* Is the address reserved for the holder with this key? */
bool store_is_of_key(const struct store *s, const struct ip *ip,
		     const struct index_holder_key *key);

/* Could a store be made, or if there is one, be changed? */
int store_usable(const char *data_dir, const char *name, struct arena *arena,
		 struct err *err) NODISCARD;
