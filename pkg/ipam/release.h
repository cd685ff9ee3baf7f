/* SPDX-License-Identifier: Apache-2.0 */
/* release.h - what a holder has in a store, and giving it back. */
#pragma once

#include "ipam/range.h"
#include "ipam/store.h"

/* What a holder has; one address may be there twice. */
struct store_held {
	struct holder holder; /* ifname is "" where only reservations without one were found */
	struct ip *ips;
	size_t n;
	struct arena *arena; /* of the list */
};

/*
 * All that the holder has; if that is nothing, what reservations without interface name say its
 * id holds. Nothing at all is success.
 */
int store_find(struct store *s, const struct holder *holder, struct store_held *held) NODISCARD;

/*
 * Does the holder have an address, and of each set one that is among the n_ips, if any of it
 * is? Code 102 if not.
 */
int store_check(struct store *s, const struct holder *holder, const struct range_set *sets,
		size_t n_sets, const struct ip *ips, size_t n_ips) NODISCARD;

/* The same as store_find(), released. */
int store_release(struct store *s, const struct holder *holder) NODISCARD;

/*
 * Release what has a holder that `keep` says no to; its ifname is "" in reservations without one.
 */
int store_gc(struct store *s, bool (*keep)(const struct holder *holder, void *arg),
	     void *arg) NODISCARD;

/* Release what we reserved in an earlier boot of the machine. Looks only once in each boot. */
int store_release_earlier_boots(struct store *s) NODISCARD;
