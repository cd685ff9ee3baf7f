/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/release.h"

#include <string.h>

/* ---- by holder ------------------------------------------------------------------------------- */

static int add_if_held(const struct reservation *r, void *arg)
{
	struct store_held *held = arg;

	if (reservation_is_of(r, &held->holder))
		*arena_append(held->arena, held->ips, held->n) = r->ip;
	return 0;
}

/* False if the entry lists what the holder does not have. */
static bool find_listed(struct store *s, const struct index_holder_entry *e,
			struct store_held *held)
{
	const char *at = e->ips;
	struct reservation r;
	size_t listed = 0;
	struct ip ip;

	for (; index_holder_entry_next(&at, &ip); listed++) {
		reservation_read(s->dir, &ip, &r);
		add_if_held(&r, held);
	}
	return held->n == listed;
}

/* The reservations of exactly held->holder. */
static int find_exactly(struct store *s, struct store_held *held)
{
	struct index_holder_entry e;
	struct index_holder_key key;

	if (s->index.usable) {
		index_holder_key(&s->index, &held->holder, &key);
		if (!index_holder_get(&s->index, &key, &e) || (!e.more && find_listed(s, &e, held)))
			return 0;
		if (!e.more)
			index_distrust(&s->index);
		held->n = 0;
	}
	return reservation_scan(s->dir, add_if_held, held, s->err);
}

int store_find(struct store *s, const struct holder *holder, struct store_held *held)
{
	*held = (struct store_held){ .holder = *holder, .arena = s->arena };
	if (s->dir < 0)
		return 0;
	if (find_exactly(s, held) < 0)
		return -1;
	if (held->n || !*holder->ifname)
		return 0;
	held->holder.ifname = "";
	return find_exactly(s, held);
}

/* All that can go goes; s->err is the first failure. */
static void release_one(struct store *s, const struct ip *ip)
{
	struct err err = { 0 };

	if (!reservation_remove(s->dir, ip, &err)) {
		index_mark(&s->index, ip, false);
		return;
	}
	if (!s->failed)
		*s->err = err;
	s->failed = true;
}

static int end_release(struct store *s)
{
	return s->failed ? err_wrap(s->err, "%s", s->path) : 0;
}

/* Nothing is left that its entry would list. */
static void drop_entry(struct store *s, const struct holder *holder)
{
	struct index_holder_key key;

	index_holder_key(&s->index, holder, &key);
	if (!s->failed)
		index_holder_drop(&s->index, &key);
}

int store_release(struct store *s, const struct holder *holder)
{
	struct store_held held;

	if (store_find(s, holder, &held) < 0)
		return -1;
	for (size_t i = 0; i < held.n; i++)
		release_one(s, &held.ips[i]);
	if (held.n)
		drop_entry(s, &held.holder);
	return end_release(s);
}

/* Of a set that was configured after the ADD nothing is expected. */
static bool is_kept(const struct ip *ips, size_t n, const struct range_set *set,
		    const struct store_held *held)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!range_set_find(set, &ips[i]))
			continue;
		any = true;
		for (size_t k = 0; k < held->n; k++)
			if (ip_equal(&ips[i], &held->ips[k]))
				return true;
	}
	return !any;
}

int store_check(struct store *s, const struct holder *holder, const struct range_set *sets,
		size_t n_sets, const struct ip *ips, size_t n_ips)
{
	struct store_held held;
	char ranges[256];

	if (store_find(s, holder, &held) < 0)
		return -1;
	if (!held.n)
		return err_set(s->err, ERR_CHECK, "Failed to find address added by container %s",
			       holder->id);
	for (size_t i = 0; i < n_sets; i++)
		if (!is_kept(ips, n_ips, &sets[i], &held))
			return err_set(s->err, ERR_CHECK,
				       "of %s, container %s holds no address that is in prevResult",
				       range_set_str(&sets[i], ranges, sizeof(ranges)), holder->id);
	return 0;
}

/* ---- garbage --------------------------------------------------------------------------------- */

struct garbage {
	struct store *s;
	bool (*keep)(const struct holder *holder, void *arg);
	void *arg;
};

/* What its entry lists may not have been read: a DEL is to find that by it. */
static bool has_more(struct store *s, const struct holder *holder)
{
	struct index_holder_entry e;
	struct index_holder_key key;
	struct reservation r;
	const char *at;
	struct ip ip;

	if (!s->index.usable)
		return false;
	index_holder_key(&s->index, holder, &key);
	if (!index_holder_get(&s->index, &key, &e) || e.more)
		return false;
	for (at = e.ips; index_holder_entry_next(&at, &ip);)
		if (reservation_read(s->dir, &ip, &r) != RESERVATION_NONE)
			return true;
	return false;
}

static int gc_reservation(const struct reservation *r, void *arg)
{
	const struct garbage *g = arg;

	if (r->state != RESERVATION_HELD || g->keep(&r->holder, g->arg))
		return 0;
	release_one(g->s, &r->ip);
	if (!has_more(g->s, &r->holder))
		drop_entry(g->s, &r->holder);
	return 0;
}

int store_gc(struct store *s, bool (*keep)(const struct holder *holder, void *arg), void *arg)
{
	struct garbage g = { s, keep, arg };

	if (s->dir < 0)
		return 0;
	if (reservation_scan(s->dir, gc_reservation, &g, s->err) < 0)
		return err_wrap(s->err, "%s", s->path);
	return end_release(s);
}

static void gc_boot(const struct index_holder_key *key, const struct index_holder_entry *e,
		    void *arg)
{
	struct store *s = arg;
	const char *at = e->ips;
	struct ip ip;

	if (e->more || !index_is_earlier_boot(&s->index, e->boot))
		return;
	while (index_holder_entry_next(&at, &ip))
		if (store_is_of_key(s, &ip, key))
			release_one(s, &ip);
	if (!s->failed)
		index_holder_drop(&s->index, key);
}

int store_release_earlier_boots(struct store *s)
{
	struct index_head *head = &s->index.head;

	if (s->dir < 0 || !s->index.usable ||
	    !memcmp(head->released, s->index.boot, sizeof(head->released)))
		return 0;
	index_holder_each(&s->index, gc_boot, s);
	if (end_release(s) < 0)
		return -1;
	memcpy(head->released, s->index.boot, sizeof(head->released));
	s->index.dirty = true;
	return 0;
}
