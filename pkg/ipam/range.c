/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/range.h"

#include <stdio.h>
#include <string.h>

static int parse_subnet(const char *text, const char *path, struct ip *out, struct err *err)
{
	char net[IP_STRLEN];
	struct ip network;

	if (!text || !*text)
		return err_config(err, "%s.subnet: missing", path);
	if (!cidr_parse(out, text))
		return err_config(err, "%s.subnet: invalid CIDR address: %.80s", path, text);
	if (out->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&out->v6))
		return err_config(err, "%s.subnet: IP and mask of %s are of two versions", path,
				  text);
	if (out->plen > ip_bits(out) - 2)
		return err_config(err, "%s.subnet: Network %s too small to allocate from", path,
				  text);
	network = ip_network(out);
	if (!ip_equal(&network, out))
		return err_config(
			err,
			"%s.subnet: Network has host bits set. For a subnet mask of length "
			"%u the network address is %s",
			path, out->plen, ip_str(&network, net));
	return 0;
}

/* Leaves *out alone if nothing is given. */
static int parse_address(const char *text, const char *path, const char *key, struct ip *out,
			 struct err *err)
{
	struct ip ip;

	if (!text || !*text)
		return 0;
	if (!ip_parse(&ip, text))
		return err_config(err, "%s.%s: invalid IP address: %.80s", path, key, text);
	*out = ip;
	return 0;
}

static int check_inside(const struct range *r, const struct ip *ip, const char *path,
			const char *key, struct err *err)
{
	char addr[IP_STRLEN], net[IP_STRLEN];

	if (cidr_contains(&r->subnet, ip))
		return 0;
	return err_config(err, "%s.%s: %s not in network %s", path, key, ip_str(ip, addr),
			  cidr_str(&r->subnet, net));
}

static int check_bounds(const struct range *r, const char *path, struct err *err)
{
	char start[IP_STRLEN], end[IP_STRLEN];

	if (check_inside(r, &r->start, path, "rangeStart", err) < 0 ||
	    check_inside(r, &r->end, path, "rangeEnd", err) < 0)
		return -1;
	if (ip_cmp(&r->start, &r->end) > 0)
		return err_config(err, "%s.rangeStart: %s is behind the range's end %s", path,
				  ip_str(&r->start, start), ip_str(&r->end, end));
	return 0;
}

int range_parse(const struct range_text *text, const char *path, struct range *out, struct err *err)
{
	if (parse_subnet(text->subnet, path, &out->subnet, err) < 0)
		return -1;
	out->gateway = out->start = ip_add(&out->subnet, 1);
	out->end = ip_broadcast(&out->subnet);
	if (out->end.family == AF_INET) /* .end is odd, a broadcast address: no borrow */
		out->end.bytes[3]--;
	if (parse_address(text->gateway, path, "gateway", &out->gateway, err) < 0 ||
	    parse_address(text->start, path, "rangeStart", &out->start, err) < 0 ||
	    parse_address(text->end, path, "rangeEnd", &out->end, err) < 0)
		return -1;
	out->start.plen = out->end.plen = out->subnet.plen;
	return check_bounds(out, path, err);
}

/* Those of two families do not: IPv4 sorts before IPv6. */
static bool ranges_overlap(const struct range *a, const struct range *b)
{
	return ip_cmp(&a->start, &b->end) <= 0 && ip_cmp(&b->start, &a->end) <= 0;
}

static int check_apart(const struct range *a, const struct range *b, const char *path,
		       struct err *err)
{
	char s1[IP_STRLEN], e1[IP_STRLEN], s2[IP_STRLEN], e2[IP_STRLEN];

	if (a->subnet.family != b->subnet.family)
		return err_config(err, "%s: mixed address families", path);
	if (!ranges_overlap(a, b))
		return 0;
	return err_config(err, "%s: subnets %s-%s and %s-%s overlap", path, ip_str(&a->start, s1),
			  ip_str(&a->end, e1), ip_str(&b->start, s2), ip_str(&b->end, e2));
}

static int parse_set(const struct range_list *list, const char *path, struct arena *arena,
		     struct range_set *out, struct err *err)
{
	if (!list->n_ranges)
		return err_config(err, "%s: empty range set", path);
	out->n_ranges = list->n_ranges;
	out->ranges = arena_array(arena, struct range, out->n_ranges);
	for (size_t i = 0; i < out->n_ranges; i++) {
		const char *key = arena_printf(arena, "%s[%zu]", path, i);

		if (range_parse(&list->ranges[i], key, &out->ranges[i], err) < 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (check_apart(&out->ranges[j], &out->ranges[i], path, err) < 0)
				return -1;
	}
	return 0;
}

int range_sets_parse(const struct range_list *lists, size_t n, const char *path,
		     struct arena *arena, struct range_set *out, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *key = arena_printf(arena, "%s[%zu]", path, i);

		if (parse_set(&lists[i], key, arena, &out[i], err) < 0)
			return -1;
	}
	return 0;
}

static bool sets_overlap(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n_ranges; i++)
		for (size_t j = 0; j < b->n_ranges; j++)
			if (ranges_overlap(&a->ranges[i], &b->ranges[j]))
				return true;
	return false;
}

int range_sets_check(const struct range_set *sets, size_t n, struct err *err)
{
	if (!n)
		return err_config(err, "no IP ranges specified");
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (sets_overlap(&sets[i], &sets[j]))
				return err_config(err, "range set %zu overlaps with %zu", i, j);
	return 0;
}

const struct range *range_set_find(const struct range_set *set, const struct ip *ip)
{
	for (size_t i = 0; i < set->n_ranges; i++)
		if (ip_cmp(ip, &set->ranges[i].start) >= 0 && ip_cmp(ip, &set->ranges[i].end) <= 0)
			return &set->ranges[i];
	return NULL;
}

const char *range_set_str(const struct range_set *set, char *buf, size_t size)
{
	char start[IP_STRLEN], end[IP_STRLEN];
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n_ranges && at < size; i++) {
		const struct range *r = &set->ranges[i];

		at += (size_t)snprintf(buf + at, size - at, "%s%s-%s", i ? "," : "",
				       ip_str(&r->start, start), ip_str(&r->end, end));
	}
	return buf;
}

void range_walk_begin(struct range_walk *w, const struct range_set *set, const struct ip *last)
{
	const struct range *r = range_set_find(set, last);

	*w = (struct range_walk){ .set = set };
	if (!r)
		return;
	w->last = *last;
	w->last.plen = r->subnet.plen;
	w->first = (size_t)(r - set->ranges);
}

/* Stretch 0 is the rest of the range `last` is in, the final one the same range up to `last`. */
bool range_walk_next(struct range_walk *w)
{
	size_t n = w->set->n_ranges, step = w->step++;
	bool has_last = w->last.family != AF_UNSPEC;

	if (step > n || (step == n && !has_last))
		return false;
	w->range = &w->set->ranges[(w->first + step) % n];
	w->from = w->range->start;
	w->to = w->range->end;
	if (has_last && step == n)
		w->to = w->last;
	if (!has_last || step)
		return true;
	if (ip_equal(&w->last, &w->to))
		return range_walk_next(w);
	w->from = ip_add(&w->last, 1);
	return true;
}
