/* SPDX-License-Identifier: Apache-2.0 */
#include "taken.h"

#include <stdlib.h>

#include "keys.h"

static void append(struct taken *t, const struct kv_found *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (keys_parse_ip(f->pairs[i].key, &t->list[t->n]))
			t->n++;
}

static int compare(const void *x, const void *y)
{
	return ip_cmp(x, y);
}

void taken_read(struct taken *t, const struct kv_found *from, const struct kv_found *until,
		struct arena *arena)
{
	*t = (struct taken){ .list = arena_list(arena, from->n + until->n + 1, sizeof(*t->list)) };
	append(t, from);
	append(t, until);
	qsort(t->list, t->n, sizeof(*t->list), compare);
}

void taken_add(struct taken *t, const struct ip *ip, struct arena *arena)
{
	size_t at = t->n;

	(void)arena_append(arena, t->list, t->n);
	for (; at && ip_cmp(&t->list[at - 1], ip) > 0; at--)
		t->list[at] = t->list[at - 1];
	t->list[at] = *ip;
}

static bool has(const struct taken *t, const struct ip *ip)
{
	return bsearch(ip, t->list, t->n, sizeof(*t->list), compare);
}

bool taken_next_block(const struct taken *blocks, const struct pool *p, uint8_t length, uint64_t k,
		      uint64_t n, uint64_t *out)
{
	for (uint64_t step = 0; step < n && step <= blocks->n; step++, k = (k + 1) % n) {
		struct ip block = pool_block(p, length, k);

		if (has(blocks, &block))
			continue;
		*out = k;
		return true;
	}
	return false;
}

/* From `at` to the end of the range. */
static bool next_in(const struct taken *blocks, const struct taken *addrs, struct ip at,
		    const struct ip *end, uint8_t length, struct ip *out)
{
	while (ip_cmp(&at, end) <= 0) {
		struct ip block = pool_block_of(&at, length);

		if (!has(blocks, &block) && !has(addrs, &at)) {
			*out = at;
			return true;
		}
		if (has(blocks, &block))
			at = ip_broadcast(&block);
		if (ip_cmp(&at, end) >= 0)
			break;
		at = ip_add(&at, 1);
	}
	return false;
}

bool taken_next_address(const struct taken *blocks, const struct taken *addrs,
			const struct range_set *set, uint8_t length, const struct ip *from,
			struct ip *out)
{
	for (size_t i = 0; i < set->n_ranges; i++) {
		const struct range *r = &set->ranges[i];

		if (ip_cmp(from, &r->end) <= 0 &&
		    next_in(blocks, addrs, ip_cmp(from, &r->start) > 0 ? *from : r->start, &r->end,
			    length, out))
			return true;
	}
	for (size_t i = 0; i < set->n_ranges; i++) {
		const struct range *r = &set->ranges[i];

		if (ip_cmp(&r->start, from) < 0 &&
		    next_in(blocks, addrs, r->start, &r->end, length, out))
			return true;
	}
	return false;
}
