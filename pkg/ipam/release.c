/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/release.h"

#include <string.h>

/*
 * ---- by holder --------------------------------------------------------------------------------
 */

struct match {
	struct store *s;
	struct holder holder;
	store_visit fn;
	void *arg;
	size_t found;
};

static int match_reservation(const struct reservation *r, void *arg)
{
	struct match *m = arg;

	if (!reservation_is_of(r, &m->holder))
		return 0;
	m->found++;
	m->fn(&r->ip, m->arg);
	return 0;
}

/* False if the entry lists what the holder does not have. */
static bool match_entry(struct match *m, const struct index_holder_entry *e)
{
	const char *at = e->ips;
	bool true_so_far = true;
	struct reservation r;
	struct ip ip;

	while (index_holder_entry_next(&at, &ip)) {
		reservation_read(m->s->dir, &ip, &r);
		true_so_far &= reservation_is_of(&r, &m->holder);
		match_reservation(&r, m);
	}
	return true_so_far;
}

/* Calls fn for the reservations of exactly this holder, for some perhaps twice. */
static int each_of_exactly(struct match *m)
{
	struct store *s = m->s;
	struct index_holder_entry e;
	struct index_holder_key key;

	if (s->index.usable) {
		index_holder_key(&s->index, &m->holder, &key);
		if (!index_holder_get(&s->index, &key, &e))
			return 0;
		if (match_entry(m, &e) && !e.more)
			return 0;
		if (!e.more)
			index_distrust(&s->index);
	}
	return reservation_scan(s->dir, match_reservation, m, s->err);
}

/* Of this holder, or if there are none, of the id alone. */
static int each_of(struct match *m)
{
	if (m->s->dir < 0)
		return 0;
	if (each_of_exactly(m) < 0)
		return -1;
	if (m->found || !*m->holder.ifname)
		return 0;
	m->holder.ifname = "";
	return each_of_exactly(m);
}

/* All that can go goes; s->err is the first failure. */
struct release {
	struct store *s;
	bool failed;
};

static void release_one(const struct ip *ip, void *arg)
{
	struct release *rel = arg;
	struct store *s = rel->s;
	struct err err = { 0 };

	if (!reservation_remove(s->dir, ip, &err)) {
		index_mark(&s->index, ip, false);
		return;
	}
	if (!rel->failed)
		*s->err = err;
	rel->failed = true;
}

static int end_release(const struct release *rel)
{
	return rel->failed ? err_wrap(rel->s->err, "%s", rel->s->path) : 0;
}

int store_release(struct store *s, const struct holder *holder)
{
	struct release rel = { .s = s };
	struct match m = { .s = s, .holder = *holder, .fn = release_one, .arg = &rel };
	struct index_holder_key key;

	if (each_of(&m) < 0 || end_release(&rel) < 0)
		return -1;
	if (!m.found)
		return 0;
	index_holder_key(&s->index, &m.holder, &key);
	index_holder_drop(&s->index, &key);
	return 0;
}

int store_find(struct store *s, const struct holder *holder, store_visit fn, void *arg)
{
	struct match m = { .s = s, .holder = *holder, .fn = fn, .arg = arg };

	return each_of(&m);
}

/* The addresses expected of one set, and whether one of them is held. */
struct kept {
	const struct store_expected *expected;
	const struct range_set *set;
	bool any, ok;
};

static void note_kept(const struct ip *ip, void *arg)
{
	struct kept *k = arg;

	k->any = true;
	for (size_t i = 0; i < k->expected->n_ips; i++)
		if (ip_equal(&k->expected->ips[i], ip) && range_set_find(k->set, ip))
			k->ok = true;
}

/* Of a set that was configured after the ADD nothing is expected. */
static bool has_expected(const struct store_expected *expected, const struct range_set *set)
{
	for (size_t i = 0; i < expected->n_ips; i++)
		if (range_set_find(set, &expected->ips[i]))
			return true;
	return false;
}

int store_check(struct store *s, const struct holder *holder, const struct store_expected *expected)
{
	char ranges[256];

	for (size_t i = 0; i < expected->n_sets; i++) {
		struct kept kept = { .expected = expected, .set = &expected->sets[i] };

		if (store_find(s, holder, note_kept, &kept) < 0)
			return -1;
		if (kept.ok || (kept.any && !has_expected(expected, kept.set)))
			continue;
		if (!kept.any)
			return err_set(s->err, ERR_CHECK,
				       "Failed to find address added by container %s", holder->id);
		return err_set(s->err, ERR_CHECK,
			       "of %s, container %s holds no address that is in prevResult",
			       range_set_str(kept.set, ranges, sizeof(ranges)), holder->id);
	}
	return 0;
}

/* ---- garbage --------------------------------------------------------------------------------- */

struct garbage {
	struct release rel;
	bool (*keep)(const struct holder *holder, void *arg);
	void *arg;
};

static int gc_reservation(const struct reservation *r, void *arg)
{
	struct garbage *g = arg;
	struct store *s = g->rel.s;
	struct index_holder_key key;

	if (r->state != RESERVATION_HELD || g->keep(&r->holder, g->arg))
		return 0;
	release_one(&r->ip, &g->rel);
	if (g->rel.failed)
		return 0;
	index_holder_key(&s->index, &r->holder, &key);
	index_holder_drop(&s->index, &key);
	return 0;
}

int store_gc(struct store *s, bool (*keep)(const struct holder *holder, void *arg), void *arg)
{
	struct garbage g = { .rel.s = s, .keep = keep, .arg = arg };

	if (s->dir < 0)
		return 0;
	if (reservation_scan(s->dir, gc_reservation, &g, s->err) < 0)
		return err_wrap(s->err, "%s", s->path);
	return end_release(&g.rel);
}

static void gc_boot(const struct index_holder_key *key, const struct index_holder_entry *e,
		    void *arg)
{
	struct release *rel = arg;
	struct store *s = rel->s;
	const char *at = e->ips;
	struct reservation r;
	struct ip ip;

	if (e->more || !index_is_earlier_boot(&s->index, e->boot))
		return;
	while (index_holder_entry_next(&at, &ip)) {
		reservation_read(s->dir, &ip, &r);
		if (store_is_of_key(s, &r, key))
			release_one(&ip, rel);
	}
	if (!rel->failed)
		index_holder_drop(&s->index, key);
}

int store_release_earlier_boots(struct store *s)
{
	struct index_head *head = &s->index.head;
	struct release rel = { .s = s };

	if (s->dir < 0 || !s->index.usable)
		return 0;
	if (!memcmp(head->released, s->index.boot, sizeof(head->released)))
		return 0;
	index_holder_each(&s->index, gc_boot, &rel);
	if (end_release(&rel) < 0)
		return -1;
	memcpy(head->released, s->index.boot, sizeof(head->released));
	s->index.dirty = true;
	return 0;
}
