/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/ipam/range, host-local's resolv: what needs no store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipam/range.h"
#include "plugins/ipam/host-local/resolv.h"
#include "tap.h"

static struct arena arena;

/* One range alone: what it becomes, or what is wrong with it. */
static const struct {
	const char *name;
	struct range_text text;
	const char *start, *end, *gateway; /* or */
	const char *error;
} ranges[] = {
	{ "defaults",
	  { "10.1.0.0/24", NULL, NULL, NULL },
	  "10.1.0.1",
	  "10.1.0.254",
	  "10.1.0.1",
	  NULL },
	{ "empty texts are defaults",
	  { "10.1.0.0/24", "", "", "" },
	  "10.1.0.1",
	  "10.1.0.254",
	  "10.1.0.1",
	  NULL },
	{ "smallest network",
	  { "10.1.0.4/30", NULL, NULL, NULL },
	  "10.1.0.5",
	  "10.1.0.6",
	  "10.1.0.5",
	  NULL },
	{ "IPv6 ends with all ones",
	  { "fd00::/120", NULL, NULL, NULL },
	  "fd00::1",
	  "fd00::ff",
	  "fd00::1",
	  NULL },
	{ "whole IPv4",
	  { "0.0.0.0/0", NULL, NULL, NULL },
	  "0.0.0.1",
	  "255.255.255.254",
	  "0.0.0.1",
	  NULL },
	{ "all given",
	  { "10.1.0.0/16", "10.1.2.3", "10.1.4.5", "10.1.0.9" },
	  "10.1.2.3",
	  "10.1.4.5",
	  "10.1.0.9",
	  NULL },
	{ "network and broadcast when asked for",
	  { "10.1.0.0/24", "10.1.0.0", "10.1.0.255", NULL },
	  "10.1.0.0",
	  "10.1.0.255",
	  "10.1.0.1",
	  NULL },
	{ "the gateway may be anywhere",
	  { "10.1.0.0/24", NULL, NULL, "fd00::1" },
	  "10.1.0.1",
	  "10.1.0.254",
	  "fd00::1",
	  NULL },
	{ "one address",
	  { "10.1.0.0/24", "10.1.0.7", "10.1.0.7", NULL },
	  "10.1.0.7",
	  "10.1.0.7",
	  "10.1.0.1",
	  NULL },
	{ "no subnet", { NULL, NULL, NULL, NULL }, NULL, NULL, NULL, "k.subnet: missing" },
	{ "empty subnet", { "", NULL, NULL, NULL }, NULL, NULL, NULL, "k.subnet: missing" },
	{ "no prefix",
	  { "10.1.0.0", NULL, NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.subnet: invalid CIDR address: 10.1.0.0" },
	{ "too small",
	  { "10.1.0.0/31", NULL, NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.subnet: Network 10.1.0.0/31 too small to allocate from" },
	{ "too small IPv6",
	  { "fd00::/127", NULL, NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.subnet: Network fd00::/127 too small to allocate from" },
	{ "host bits",
	  { "10.1.0.9/24", NULL, NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.subnet: Network has host bits set. For a subnet mask of length 24 the network address "
	  "is 10.1.0.0" },
	{ "start outside",
	  { "10.1.0.0/24", "10.2.0.1", NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.rangeStart: 10.2.0.1 not in network 10.1.0.0/24" },
	{ "start of the other family",
	  { "10.1.0.0/24", "fd00::1", NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.rangeStart: fd00::1 not in network 10.1.0.0/24" },
	{ "end outside",
	  { "10.1.0.0/24", NULL, "10.1.1.0", NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.rangeEnd: 10.1.1.0 not in network 10.1.0.0/24" },
	{ "start behind end",
	  { "10.1.0.0/24", "10.1.0.9", "10.1.0.8", NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.rangeStart: 10.1.0.9 is behind the range's end 10.1.0.8" },
	{ "start at broadcast, no end",
	  { "10.1.0.0/24", "10.1.0.255", NULL, NULL },
	  NULL,
	  NULL,
	  NULL,
	  "k.rangeStart: 10.1.0.255 is behind the range's end 10.1.0.254" },
	{ "no address",
	  { "10.1.0.0/24", NULL, NULL, "nonsense" },
	  NULL,
	  NULL,
	  NULL,
	  "k.gateway: invalid IP address: nonsense" },
};

static bool is(const struct ip *ip, const char *text)
{
	char buf[IP_STRLEN];

	return !strcmp(ip_str(ip, buf), text);
}

static void test_ranges(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct err err = { 0 };
		struct range r = { 0 };
		int rc = range_parse(&ranges[i].text, "k", &r, &err);

		if (ranges[i].error)
			ok(rc < 0 && err.code == ERR_CONFIG && !strcmp(err.msg, ranges[i].error),
			   "%s: '%s'", ranges[i].name, err.msg);
		else
			ok(!rc && is(&r.start, ranges[i].start) && is(&r.end, ranges[i].end) &&
				   is(&r.gateway, ranges[i].gateway),
			   "%s%s", ranges[i].name, err.msg);
	}
}

/* Sets as "subnet[ start end],...;..." */
static size_t parse_lists(const char *text, struct range_list *lists)
{
	char *sets = arena_strdup(&arena, text), *set, *one;
	size_t n = 0;

	while ((set = strsep(&sets, ";"))) {
		struct range_list *list = &lists[n++];

		*list = (struct range_list){ 0 };
		while (*set && (one = strsep(&set, ","))) {
			struct range_text t = { 0 };

			t.subnet = strsep(&one, " ");
			t.start = strsep(&one, " ");
			t.end = strsep(&one, " ");
			*arena_append(&arena, list->ranges, list->n_ranges) = t;
			if (!set)
				break;
		}
	}
	return n;
}

static int parse_sets(const char *text, struct range_set *sets, size_t *n, struct err *err)
{
	struct range_list lists[8];

	*n = parse_lists(text, lists);
	*err = (struct err){ 0 };
	if (range_sets_parse(lists, *n, "ipam.ranges", &arena, sets, err) < 0)
		return -1;
	return range_sets_check(sets, *n, err);
}

static const struct {
	const char *sets, *error; /* NULL: fine */
} set_cases[] = {
	{ "10.1.0.0/24", NULL },
	{ "10.1.0.0/24;fd00::/64", NULL },
	{ "10.1.0.0/24,10.2.0.0/24;10.3.0.0/24", NULL },
	{ "10.1.0.0/24 10.1.0.1 10.1.0.9,10.1.0.0/24 10.1.0.10 10.1.0.20", NULL },
	{ "", "ipam.ranges[0]: empty range set" },
	{ "10.1.0.0/24;", "ipam.ranges[1]: empty range set" },
	{ "10.1.0.0/24,fd00::/64", "ipam.ranges[0]: mixed address families" },
	{ "10.1.0.0/24,10.1.0.0/25",
	  "ipam.ranges[0]: subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.0.126 overlap" },
	{ "10.1.0.0/24;10.2.0.0/24,10.1.0.128/25", "range set 0 overlaps with 1" },
	{ "10.1.0.0/24;10.2.0.0/24,10.3.0.7/24",
	  "ipam.ranges[1][1].subnet: Network has host bits set. For a subnet mask of length 24 the "
	  "network address is 10.3.0.0" },
};

static void test_sets(void)
{
	struct range_set sets[8];
	struct err err;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(set_cases); i++) {
		int rc = parse_sets(set_cases[i].sets, sets, &n, &err);

		if (set_cases[i].error)
			ok(rc < 0 && err.code == ERR_CONFIG && !strcmp(err.msg, set_cases[i].error),
			   "sets '%s': '%s'", set_cases[i].sets, err.msg);
		else
			ok(!rc, "sets '%s'%s", set_cases[i].sets, err.msg);
	}
	err = (struct err){ 0 };
	ok(range_sets_check(sets, 0, &err) < 0 && !strcmp(err.msg, "no IP ranges specified"),
	   "no sets at all");
}

static void test_find(void)
{
	struct range_set set;
	struct err err;
	struct ip ip;
	char buf[64];
	size_t n;

	ok(!parse_sets("10.1.0.0/24 10.1.0.5 10.1.0.9,10.2.0.0/24", &set, &n, &err), "two ranges");
	ok(ip_parse(&ip, "10.1.0.5") && range_set_find(&set, &ip) == &set.ranges[0],
	   "first address");
	ok(ip_parse(&ip, "10.1.0.4") && !range_set_find(&set, &ip), "before the first");
	ok(ip_parse(&ip, "10.2.0.254") && range_set_find(&set, &ip) == &set.ranges[1],
	   "last address");
	ok(ip_parse(&ip, "10.2.0.255") && !range_set_find(&set, &ip), "behind the last");
	ok(ip_parse(&ip, "fd00::1") && !range_set_find(&set, &ip), "the other family");
	ok(!strcmp(range_set_str(&set, buf, sizeof(buf)), "10.1.0.5-10.1.0.9,10.2.0.1-10.2.0.254"),
	   "as text: %s", buf);
	ok(strlen(range_set_str(&set, buf, 20)) == 19, "as text, cut: %s", buf);
}

/* The walk as text, "from-to from-to". */
static const char *walk(const struct range_set *set, const char *last)
{
	struct ip ip = { 0 };
	char *text = arena_strdup(&arena, ""), from[IP_STRLEN], to[IP_STRLEN];
	struct range_walk w;

	if (!ip_parse(&ip, last))
		ip.family = AF_UNSPEC;
	for (range_walk_begin(&w, set, &ip); range_walk_next(&w);)
		text = arena_printf(&arena, "%s%s%s-%s", text, *text ? " " : "",
				    ip_str(&w.from, from), ip_str(&w.to, to));
	return text;
}

static void test_walk(void)
{
	static const struct {
		const char *last, *steps;
	} cases[] = {
		{ "", "10.1.0.5-10.1.0.9 10.2.0.1-10.2.0.6" },
		{ "192.0.2.1", "10.1.0.5-10.1.0.9 10.2.0.1-10.2.0.6" },
		{ "10.1.0.7", "10.1.0.8-10.1.0.9 10.2.0.1-10.2.0.6 10.1.0.5-10.1.0.7" },
		{ "10.1.0.9", "10.2.0.1-10.2.0.6 10.1.0.5-10.1.0.9" },
		{ "10.1.0.5", "10.1.0.6-10.1.0.9 10.2.0.1-10.2.0.6 10.1.0.5-10.1.0.5" },
		{ "10.2.0.6", "10.1.0.5-10.1.0.9 10.2.0.1-10.2.0.6" },
		{ "10.2.0.1", "10.2.0.2-10.2.0.6 10.1.0.5-10.1.0.9 10.2.0.1-10.2.0.1" },
	};
	struct range_set set;
	struct err err;
	size_t n;

	ok(!parse_sets("10.1.0.0/24 10.1.0.5 10.1.0.9,10.2.0.0/29", &set, &n, &err), "two ranges");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *steps = walk(&set, cases[i].last);

		ok(!strcmp(steps, cases[i].steps), "after '%s': %s", cases[i].last, steps);
	}
	ok(!parse_sets("0.0.0.0/0 255.255.255.254 255.255.255.255", &set, &n, &err) &&
		   !strcmp(walk(&set, "255.255.255.255"), "255.255.255.254-255.255.255.255"),
	   "at the very last address there is");
}

static void test_resolv(void)
{
	static const char text[] =
		"# comment\n; comment\n\nnameserver 192.0.2.1 ignored\n"
		"  nameserver\t2001:db8::1  \nnameserver\ndomain one\ndomain two\n"
		"search a b\nsearch c\noptions ndots:2 rotate\r\nsortlist 1\nsearch";
	char path[] = "/tmp/test_range.XXXXXX";
	struct err err = { 0 };
	int fd = mkstemp(path);
	struct cni_dns r;

	ok(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1, "write one");
	ok(!resolv_read(path, &arena, &r, &err), "read it %s", err.msg);
	ok(r.n_nameservers == 2 && !strcmp(r.nameservers[1], "2001:db8::1"), "nameservers");
	ok(r.domain && !strcmp(r.domain, "two"), "domain: the last");
	ok(r.n_search == 3 && !strcmp(r.search[2], "c"), "search: of all lines");
	ok(r.n_options == 2 && !strcmp(r.options[1], "rotate"), "options, without the CR");
	ok(resolv_read("/dev/zero", &arena, &r, &err) < 0 && err.code == ERR_CONFIG, "endless: %s",
	   err.msg);
	ok(resolv_read("/nonexistent", &arena, &r, &err) < 0 && err.sys == ENOENT, "missing: %s",
	   err.msg);
	close(fd);
	unlink(path);
}

int main(void)
{
	test_ranges();
	test_sets();
	test_find();
	test_walk();
	test_resolv();
	arena_free(&arena);
	return done_testing();
}
