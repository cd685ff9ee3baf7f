/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/reserve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipam/release.h"
#include "sys/file.h"

/* ---- last_reserved_ip.N: a hint, so nothing about it is an error ----------------------------- */

#define LAST_MAX 40

static const char *last_name(char name[LAST_MAX], size_t set)
{
	snprintf(name, LAST_MAX, "last_reserved_ip.%zu", set);
	return name;
}

static void read_last(const struct store *s, size_t set, char text[IP_STRLEN])
{
	char name[LAST_MAX];
	auto_close int fd = openat(s->dir, last_name(name, set), O_RDONLY | FILE_SAFE);
	ssize_t n = fd < 0 ? 0 : pread(fd, text, IP_STRLEN - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

/*
 * Overwritten, not truncated first: ext4 flushes a file to the disk that was emptied and rewritten.
 */
static void write_last(const struct store *s, size_t set, const char *text, size_t old_len)
{
	char name[LAST_MAX];
	const int flags = O_WRONLY | O_CREAT | FILE_SAFE;
	auto_close int fd = openat(s->dir, last_name(name, set), flags, 0600);
	ssize_t len = (ssize_t)strlen(text);

	if (fd >= 0 && pwrite(fd, text, (size_t)len, 0) == len && (size_t)len < old_len)
		(void)!ftruncate(fd, len);
}

static void restore_last(const struct store *s, size_t set, const struct store_want *w)
{
	char now[IP_STRLEN], ours[IP_STRLEN], name[LAST_MAX];

	read_last(s, set, now);
	if (strcmp(now, ip_str(&w->ip, ours)) != 0)
		return;
	if (w->last[0])
		write_last(s, set, w->last, strlen(now));
	else
		unlinkat(s->dir, last_name(name, set), 0);
}

/* ---- reserving ------------------------------------------------------------------------------- */

/* 1: got it (or could), 0: taken. Without a draft, only look. */
static int try_address(struct store *s, struct draft *draft, const struct ip *ip)
{
	enum reservation_state state;
	struct reservation r;
	int got;

	if (!draft) {
		state = reservation_read(s->dir, ip, &r);
		return state == RESERVATION_NONE || state == RESERVATION_TORN;
	}
	got = reservation_draft_place(draft, ip, s->err);
	if (got >= 0)
		index_mark(&s->index, ip, true);
	return got;
}

static int search_stretch(struct store *s, const struct range_walk *w, struct draft *draft,
			  struct ip *out)
{
	struct ip at = w->from;
	int got;

	while (index_next_free(&s->index, &at, &w->to, out)) {
		got = ip_equal(out, &w->range->gateway) ? 0 : try_address(s, draft, out);
		if (got)
			return got;
		if (ip_equal(out, &w->to))
			break;
		at = ip_add(out, 1);
	}
	return 0;
}

/* 1: w->ip and w->range are it, 0: none left. */
static int search(struct store *s, struct draft *draft, struct store_want *w)
{
	struct ip from = { 0 };
	struct range_walk walk;
	int got = 0;

	if (!ip_parse(&from, w->last))
		from.family = AF_UNSPEC;
	range_walk_begin(&walk, w->set, &from);
	while (!got && range_walk_next(&walk)) {
		w->range = walk.range;
		got = search_stretch(s, &walk, draft, &w->ip);
	}
	if (got <= 0)
		w->ip.family = AF_UNSPEC;
	return got;
}

/* A range may look full by a bit whose reservation another program has removed. */
static int take_next(struct store *s, struct draft *draft, struct store_want *w)
{
	int got = search(s, draft, w);
	char ranges[256];

	if (!got && s->index.usable)
		got = store_rebuild(s) < 0 ? -1 : search(s, draft, w);
	if (!got)
		return err_set(s->err, ERR_EXHAUSTED, "no IP addresses available in range set: %s",
			       range_set_str(w->set, ranges, sizeof(ranges)));
	return got < 0 ? -1 : 0;
}

static int take_asked(struct store *s, struct draft *draft, struct store_want *w)
{
	char ip[IP_STRLEN], ranges[256];
	int got;

	range_set_str(w->set, ranges, sizeof(ranges));
	ip_str(&w->asked, ip);
	w->range = range_set_find(w->set, &w->asked);
	if (!w->range)
		return err_config(s->err, "requested ip %s is not in %s", ip, ranges);
	if (ip_equal(&w->asked, &w->range->gateway))
		return err_config(s->err, "requested ip %s is subnet's gateway", ip);
	got = try_address(s, draft, &w->asked);
	if (!got)
		return err_set(s->err, ERR_IN_USE,
			       "requested IP address %s is not available in range set %s", ip,
			       ranges);
	if (got < 0)
		return -1;
	w->ip = w->asked;
	w->ip.plen = w->range->subnet.plen;
	return 0;
}

static int reserve_one(struct store *s, const struct holder *holder, struct store_want *w,
		       size_t set)
{
	bool any = w->asked.family == AF_UNSPEC;
	char now[IP_STRLEN];
	struct draft draft;
	int rc;

	read_last(s, set, w->last);
	if (reservation_draft_open(&draft, s->dir, holder, s->err) < 0)
		return -1;
	rc = any ? take_next(s, &draft, w) : take_asked(s, &draft, w);
	drop_fd(&draft.fd);
	if (rc < 0)
		return -1;
	write_last(s, set, ip_str(&w->ip, now), strlen(w->last));
	w->never_used = index_never_used(&s->index, &w->ip);
	return 0;
}

static int refuse_duplicate(struct store *s, const struct holder *holder,
			    const struct store_want *wants, size_t n)
{
	struct store_held held;
	char ip[IP_STRLEN];

	if (store_find(s, holder, &held) < 0)
		return -1;
	for (size_t k = 0; k < held.n; k++)
		for (size_t i = 0; i < n; i++)
			if (range_set_find(wants[i].set, &held.ips[k]))
				return err_set(
					s->err, ERR_IN_USE,
					"failed to allocate for range %zu: %s has been "
					"allocated to %s, duplicate allocation is not allowed",
					i, ip_str(&held.ips[k], ip), holder->id);
	return 0;
}

static bool is_wanted(const struct store_want *wants, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&wants[i].ip, ip))
			return true;
	return false;
}

/* Write the holder's entry anew: what it had without the wants, and with them if `held`. */
static void list_wants(struct store *s, const struct holder *holder, const struct store_want *wants,
		       size_t n, bool held)
{
	struct index_holder_entry old, e = { 0 };
	const char *at = old.ips;
	struct index_holder_key key;
	struct ip ip;

	if (!s->index.usable)
		return;
	index_holder_key(&s->index, holder, &key);
	(void)index_holder_get(&s->index, &key, &old);
	memcpy(e.boot, held ? s->index.boot : old.boot, sizeof(e.boot));
	e.more = old.more;
	while (index_holder_entry_next(&at, &ip))
		if (!is_wanted(wants, n, &ip))
			index_holder_entry_add(&e, &ip);
	for (size_t i = 0; held && i < n; i++)
		index_holder_entry_add(&e, &wants[i].ip);
	index_holder_put(&s->index, &key, &e);
}

void store_renew(struct store *s, const struct holder *holder)
{
	struct index_holder_entry e;
	struct index_holder_key key;

	if (!s->index.usable)
		return;
	index_holder_key(&s->index, holder, &key);
	if (!index_holder_get(&s->index, &key, &e) || !strcmp(e.boot, s->index.boot))
		return;
	memcpy(e.boot, s->index.boot, sizeof(e.boot));
	index_holder_put(&s->index, &key, &e);
}

bool store_request(struct store_want *wants, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		struct ip *asked = &wants[i].asked;

		if (asked->family == AF_UNSPEC && range_set_find(wants[i].set, ip))
			*asked = *ip;
		if (ip_equal(asked, ip))
			return true;
	}
	return false;
}

int store_reserve(struct store *s, const struct holder *holder, struct store_want *wants, size_t n)
{
	if (refuse_duplicate(s, holder, wants, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!reserve_one(s, holder, &wants[i], i))
			continue;
		err_prefix(s->err, "failed to allocate for range %zu", i);
		store_unreserve(s, holder, wants, n);
		return -1;
	}
	list_wants(s, holder, wants, n, true);
	return 0;
}

void store_unreserve(struct store *s, const struct holder *holder, struct store_want *wants,
		     size_t n)
{
	struct err ignored = { 0 };
	struct reservation r;

	if (s->dir < 0)
		return;
	list_wants(s, holder, wants, n, false);
	for (size_t i = n; i-- > 0; wants[i].ip.family = AF_UNSPEC) {
		if (wants[i].ip.family == AF_UNSPEC)
			continue;
		restore_last(s, i, &wants[i]);
		reservation_read(s->dir, &wants[i].ip, &r);
		if (reservation_is_of(&r, holder) && !reservation_remove(s->dir, &r.ip, &ignored))
			index_mark(&s->index, &r.ip, false);
	}
}

int store_check_free(struct store *s, const struct range_set *sets, size_t n)
{
	for (size_t i = 0; s->dir >= 0 && i < n; i++) {
		struct store_want want = { .set = &sets[i] };

		read_last(s, i, want.last);
		if (take_next(s, NULL, &want) == 0)
			continue;
		s->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return 0;
}
