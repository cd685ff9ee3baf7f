/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/reserve.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipam/release.h"

/* ---- last_reserved_ip.N: a hint, so nothing about it is an error ----------------------------- */

struct last_name {
	char s[40];
};

static const char *last_name(struct last_name *name, size_t set)
{
	snprintf(name->s, sizeof(name->s), "last_reserved_ip.%zu", set);
	return name->s;
}

static int open_last(const struct store *s, size_t set, int flags)
{
	struct last_name name;

	return openat(s->dir, last_name(&name, set), flags | STORE_SAFE, 0600);
}

static void read_last(int fd, char text[IP_STRLEN])
{
	ssize_t n = fd < 0 ? 0 : pread(fd, text, IP_STRLEN - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

/*
 * Overwritten, not truncated first: ext4 flushes a file to the disk that was emptied and rewritten.
 */
static void write_last(const struct store *s, size_t set, const char *text, size_t old_len)
{
	auto_close int fd = open_last(s, set, O_WRONLY | O_CREAT);
	ssize_t len = (ssize_t)strlen(text);

	if (fd < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return;
	if ((size_t)len < old_len && ftruncate(fd, len) < 0)
		return;
}

static void restore_last(const struct store *s, size_t set, const struct store_want *w)
{
	char now[IP_STRLEN], ours[IP_STRLEN];
	auto_close int fd = open_last(s, set, O_RDONLY);
	struct last_name name;

	read_last(fd, now);
	if (strcmp(now, ip_str(&w->ip, ours)) != 0)
		return;
	if (w->last[0])
		write_last(s, set, w->last, strlen(now));
	else
		unlinkat(s->dir, last_name(&name, set), 0);
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
		at = ip_next(out);
	}
	return 0;
}

/* 1: *out and *range are it, 0: none left. */
static int search(struct store *s, const struct range_set *set, const char *last,
		  struct draft *draft, struct store_want *out)
{
	struct ip from = { 0 };
	struct range_walk w;
	int got = 0;

	if (!ip_parse(&from, last))
		from.family = AF_UNSPEC;
	range_walk_begin(&w, set, &from);
	while (!got && range_walk_next(&w)) {
		out->range = w.range;
		got = search_stretch(s, &w, draft, &out->ip);
	}
	if (got <= 0)
		out->ip.family = AF_UNSPEC;
	return got;
}

/* A range may look full by a bit whose reservation another program has removed. */
static int take_next(struct store *s, struct draft *draft, struct store_want *w)
{
	int got = search(s, w->set, w->last, draft, w);
	char ranges[256];

	if (!got && s->index.usable) {
		if (store_rebuild(s) < 0)
			return -1;
		got = search(s, w->set, w->last, draft, w);
	}
	if (got)
		return got < 0 ? -1 : 0;
	return err_set(s->err, ERR_EXHAUSTED, "no IP addresses available in range set: %s",
		       range_set_str(w->set, ranges, sizeof(ranges)));
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
	auto_close int last = open_last(s, set, O_RDONLY);
	char now[IP_STRLEN];
	struct draft draft;
	int ret;

	read_last(last, w->last);
	if (reservation_draft_open(&draft, s->dir, holder, s->err) < 0)
		return -1;
	if (w->asked.family == AF_UNSPEC)
		ret = take_next(s, &draft, w);
	else
		ret = take_asked(s, &draft, w);
	reservation_draft_close(&draft);
	if (ret < 0)
		return -1;
	write_last(s, set, ip_str(&w->ip, now), strlen(w->last));
	w->never_used = index_never_used(&s->index, &w->ip);
	return 0;
}

struct duplicate {
	const struct store_want *wants;
	size_t n, set;
	struct ip ip;
};

static void find_duplicate(const struct ip *ip, void *arg)
{
	struct duplicate *d = arg;

	for (size_t i = 0; i < d->n && d->ip.family == AF_UNSPEC; i++) {
		if (!range_set_find(d->wants[i].set, ip))
			continue;
		d->set = i;
		d->ip = *ip;
	}
}

static int refuse_duplicate(struct store *s, const struct holder *holder,
			    const struct store_want *wants, size_t n)
{
	struct duplicate d = { .wants = wants, .n = n };
	char ip[IP_STRLEN];

	if (store_find(s, holder, find_duplicate, &d) < 0)
		return -1;
	if (d.ip.family == AF_UNSPEC)
		return 0;
	return err_set(s->err, ERR_IN_USE,
		       "failed to allocate for range %zu: %s has been allocated to %s, duplicate "
		       "allocation is not allowed",
		       d.set, ip_str(&d.ip, ip), holder->id);
}

static bool is_wanted(const struct store_want *wants, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (wants[i].ip.family != AF_UNSPEC && ip_equal(&wants[i].ip, ip))
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
	bool known;

	if (!s->index.usable)
		return;
	index_holder_key(&s->index, holder, &key);
	known = index_holder_get(&s->index, &key, &old);
	snprintf(e.boot, sizeof(e.boot), "%s", held ? s->index.boot : old.boot);
	e.more = known && old.more;
	while (known && index_holder_entry_next(&at, &ip))
		if (!is_wanted(wants, n, &ip))
			index_holder_entry_add(&e, &ip);
	for (size_t i = 0; held && i < n; i++)
		index_holder_entry_add(&e, &wants[i].ip);
	if (e.ips[0] || e.more)
		index_holder_put(&s->index, &key, &e);
	else if (known)
		index_holder_drop(&s->index, &key);
}

bool store_request(struct store_want *wants, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		struct ip *asked = &wants[i].asked;

		if (asked->family != AF_UNSPEC && ip_equal(asked, ip))
			return true;
		if (asked->family != AF_UNSPEC || !range_set_find(wants[i].set, ip))
			continue;
		*asked = *ip;
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

static bool has_free(struct store *s, const struct range_set *set, size_t number)
{
	auto_close int last = open_last(s, number, O_RDONLY);
	struct store_want found = { 0 };

	read_last(last, found.last);
	if (search(s, set, found.last, NULL, &found) > 0)
		return true;
	s->index.usable = false; /* ask the reservations themselves */
	return search(s, set, found.last, NULL, &found) > 0;
}

int store_check_free(struct store *s, const struct range_set *sets, size_t n)
{
	char ranges[256];

	for (size_t i = 0; s->dir >= 0 && i < n; i++)
		if (!has_free(s, &sets[i], i))
			return err_set(s->err, ERR_UNAVAILABLE,
				       "no IP addresses available in range set: %s",
				       range_set_str(&sets[i], ranges, sizeof(ranges)));
	return 0;
}
