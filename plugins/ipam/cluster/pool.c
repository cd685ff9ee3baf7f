/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <string.h>

#define MAX_STRETCHES 4096

static struct ip before(const struct ip *ip)
{
	struct ip out = *ip;

	for (unsigned int i = ip_len(ip); i-- > 0;)
		if (out.bytes[i]--)
			break;
	return out;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* "FIRST-LAST/LENGTH": the bounds, and the subnet of FIRST. */
static bool parse_span(const char *text, struct pool *p, struct arena *arena)
{
	const char *dash = strchr(text, '-');
	struct ip last;

	if (!dash || !ip_parse(&p->start, arena_strndup(arena, text, (size_t)(dash - text))) ||
	    !cidr_parse(&last, dash + 1) || last.family != p->start.family)
		return false;
	p->end = last;
	p->start.plen = last.plen;
	p->subnet = ip_network(&p->start);
	return cidr_contains(&p->subnet, &last);
}

static int parse_range(const struct pool_text *text, const char *path, struct arena *arena,
		       struct pool *p, struct err *err)
{
	bool all;

	if (!text->range)
		return err_config(err, "%s.range: missing", path);
	if (parse_span(text->range, p, arena))
		return 0;
	if (!cidr_parse(&p->subnet, text->range))
		return err_config(err, "%s.range: \"%.80s\" is neither CIDR nor FIRST-LAST/LENGTH",
				  path, text->range);
	p->subnet = ip_network(&p->subnet);
	p->start = p->subnet;
	p->end = ip_broadcast(&p->subnet);
	all = p->subnet.plen >= ip_bits(&p->subnet) - 1;
	if (!all) {
		p->start = ip_add(&p->start, 1);
		p->end = before(&p->end);
	}
	return 0;
}

static int parse_bound(const char *text, const char *path, const char *key, const struct pool *p,
		       struct ip *out, struct err *err)
{
	struct ip ip;

	if (!text)
		return 0;
	if (!ip_parse(&ip, text))
		return err_config(err, "%s.%s: invalid IP address: %.80s", path, key, text);
	if (!cidr_contains(&p->subnet, &ip))
		return err_config(err, "%s.%s: %s is not in the range", path, key, text);
	*out = ip;
	out->plen = p->subnet.plen;
	return 0;
}

/* ---- stretches ------------------------------------------------------------------------------- */

static void append(struct arena *arena, struct range_set *set, const struct pool *p,
		   const struct ip *start, const struct ip *end)
{
	*arena_append(arena, set->ranges, set->n_ranges) = (struct range){
		.subnet = p->subnet,
		.start = *start,
		.end = *end,
	};
}

/* The set without first..last. */
static void cut_out(const struct pool *p, struct range_set *set, const struct ip *first,
		    const struct ip *last, struct arena *arena)
{
	struct range_set left = { 0 };

	for (size_t i = 0; i < set->n_ranges; i++) {
		const struct range *r = &set->ranges[i];
		struct ip at;

		if (ip_cmp(last, &r->start) < 0 || ip_cmp(first, &r->end) > 0) {
			append(arena, &left, p, &r->start, &r->end);
			continue;
		}
		if (ip_cmp(first, &r->start) > 0) {
			at = before(first);
			at.plen = p->subnet.plen;
			append(arena, &left, p, &r->start, &at);
		}
		if (ip_cmp(last, &r->end) < 0) {
			at = ip_add(last, 1);
			at.plen = p->subnet.plen;
			append(arena, &left, p, &at, &r->end);
		}
	}
	*set = left;
}

static int exclude(const struct pool_text *text, const char *path, struct arena *arena,
		   struct pool *p, struct err *err)
{
	for (size_t i = 0; i < text->n_exclude; i++) {
		struct ip ip, first, last;

		if (!cidr_parse(&ip, text->exclude[i]) && !ip_parse(&ip, text->exclude[i]))
			return err_config(err, "%s.exclude[%zu]: invalid address or CIDR: %.80s",
					  path, i, text->exclude[i]);
		first = ip_network(&ip);
		last = ip_broadcast(&ip);
		if (ip.family == p->subnet.family)
			cut_out(p, &p->free, &first, &last, arena);
		if (p->free.n_ranges > MAX_STRETCHES)
			return err_config(err, "%s.exclude: too many", path);
	}
	return 0;
}

int pool_parse(const struct pool_text *text, const struct ip *gateway, const char *path,
	       struct arena *arena, struct pool *out, struct err *err)
{
	char start[IP_STRLEN], end[IP_STRLEN];

	*out = (struct pool){ 0 };
	if (parse_range(text, path, arena, out, err) < 0 ||
	    parse_bound(text->start, path, "range_start", out, &out->start, err) < 0 ||
	    parse_bound(text->end, path, "range_end", out, &out->end, err) < 0)
		return -1;
	if (ip_cmp(&out->start, &out->end) > 0)
		return err_config(err, "%s.range_start: %s is behind the range's end %s", path,
				  ip_str(&out->start, start), ip_str(&out->end, end));
	append(arena, &out->free, out, &out->start, &out->end);
	if (gateway->family == out->subnet.family)
		cut_out(out, &out->free, gateway, gateway, arena);
	if (exclude(text, path, arena, out, err) < 0)
		return -1;
	if (!out->free.n_ranges)
		return err_config(err, "%s: nothing of the range is left to give", path);
	return 0;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

struct ip pool_block_of(const struct ip *ip, uint8_t length)
{
	struct ip block = *ip;

	block.plen = length;
	return ip_network(&block);
}

uint64_t pool_block_number(const struct pool *p, const struct ip *block)
{
	struct ip first = pool_block_of(&p->start, block->plen);

	return ip_distance(&first, block) >> (ip_bits(block) - block->plen);
}

uint64_t pool_count_blocks(const struct pool *p, uint8_t length)
{
	struct ip last = pool_block_of(&p->end, length);

	return pool_block_number(p, &last) + 1;
}

struct ip pool_block(const struct pool *p, uint8_t length, uint64_t k)
{
	struct ip first = pool_block_of(&p->start, length);

	return ip_add(&first, k << (ip_bits(&first) - length));
}

bool pool_cut(const struct pool *p, const struct ip *block, struct arena *arena,
	      struct range_set *to)
{
	struct ip first = ip_network(block), last = ip_broadcast(block);
	size_t before_us = to->n_ranges;

	if (block->family != p->subnet.family)
		return false;
	first.plen = last.plen = p->subnet.plen;
	for (size_t i = 0; i < p->free.n_ranges; i++) {
		const struct range *r = &p->free.ranges[i];
		const struct ip *start = ip_cmp(&first, &r->start) > 0 ? &first : &r->start;
		const struct ip *end = ip_cmp(&last, &r->end) < 0 ? &last : &r->end;

		if (ip_cmp(start, end) <= 0)
			append(arena, to, p, start, end);
	}
	return to->n_ranges > before_us;
}

/* ---- addresses ------------------------------------------------------------------------------- */

uint64_t pool_count(const struct range_set *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < set->n_ranges; i++) {
		uint64_t more = ip_distance(&set->ranges[i].start, &set->ranges[i].end);

		if (more >= UINT64_MAX - n - 1)
			return UINT64_MAX;
		n += more + 1;
	}
	return n;
}

struct ip pool_address(const struct range_set *set, uint64_t n)
{
	size_t i = 0;

	for (; i + 1 < set->n_ranges; i++) {
		uint64_t here = ip_distance(&set->ranges[i].start, &set->ranges[i].end);

		if (n <= here)
			break;
		n -= here + 1;
	}
	return ip_add(&set->ranges[i].start, n);
}
