/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/nl/route, route_copy, rule, table: what the kernel says of routes and rules in a network of our own, that it
 * takes the same again, and next hops whose lengths are not true.
 */
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>

#include "nl/nl.h"
#include "nl/route_copy.h"
#include "nl/table.h"
#include "says.h"
#include "tap.h"

static struct arena arena;
static struct err err;
static struct nl nl;

static bool run(const char *command)
{
	return system(command) == 0;
}

/* What ip(8) says, but for the local table. */
static const char *routes(void)
{
	return says(&arena, "{ ip -d route show table all; ip -d -6 route show table all; } |"
			    " grep -v 'table local' | sed 's/pref medium//' | sort -u");
}

static bool setup(void)
{
	return run(
		"ip link add a0 index 20 type veth peer name a1;"
		"ip link add b0 index 30 type veth peer name b1;"
		"for i in a0 a1 b0 b1; do ip link set $i addrgenmode none; ip link set $i up; done;"
		"ip addr add 10.1.0.2/24 dev a0; ip addr add 10.2.0.2/24 dev b0;"
		"ip addr add fd00:1::2/64 dev a0 nodad; ip addr add fd00:2::2/64 dev b0 nodad;"
		"ip route add 10.9.0.0/16 via 10.2.0.1 tos 0x10 metric 7 src 10.2.0.2 mtu lock 1300"
		" advmss 1200 congctl reno proto static;"
		"ip route add 10.10.0.0/16 dev b0 via 172.16.0.1 onlink table 7000;"
		"ip route add 10.11.0.0/16 nexthop via 10.1.0.1 weight 2 nexthop via 10.2.0.1 weight 3"
		" nexthop via 10.77.0.1 dev b0 onlink;"
		"ip route append 10.11.0.0/16 via 10.1.0.9;"
		"ip route add 10.12.0.0/16 nexthop via 10.2.0.1 nexthop via 10.2.0.3;"
		"ip route add unreachable 10.13.0.0/16 metric 4278198272;"
		"ip -6 route add default via fd00:1::1 metric 9;"
		"ip -6 route append default via fd00:2::1 metric 9;"
		"ip -6 route append default via fd00:2::3 metric 9;"
		"ip -6 route add fd00:9::/48 via fd00:2::1 mtu 1300 pref high src fd00:2::2");
}

static void list(struct route_list *l, bool whole)
{
	*l = (struct route_list){ .arena = &arena, .whole = whole };
	ok(!nl_route_list(&nl, AF_UNSPEC, l), "list %s: %s", whole ? "whole" : "by next hop",
	   err.msg);
}

static const struct route *find(const struct route_list *l, const char *dst, size_t nth)
{
	struct ip ip;

	if (!cidr_parse(&ip, dst))
		return NULL;
	for (size_t i = 0; i < l->n_route; i++)
		if (cidr_equal(&l->route[i].dst, &ip) && l->route[i].table != RT_TABLE_LOCAL &&
		    nth-- == 0)
			return &l->route[i];
	return NULL;
}

static void check_parsed(void)
{
	struct route_list hops, whole;
	const struct route *r;
	char buf[IP_STRLEN];
	struct ip gw;

	list(&hops, false);
	list(&whole, true);
	r = find(&hops, "10.9.0.0/16", 0);
	ok(r && r->priority == 7 && r->mtu == 1300 && r->advmss == 1200 && r->oif == 30 &&
		   r->protocol == RTPROT_STATIC && r->type == RTN_UNICAST && !r->msg,
	   "attributes");
	is_str(r ? ip_str(&r->src, buf) : "", "10.2.0.2", "source");
	r = find(&hops, "10.10.0.0/16", 0);
	ok(r && r->table == 7000 && r->flags == RTNH_F_ONLINK, "table and flag");
	r = find(&hops, "10.11.0.0/16", 2);
	ok(r && r->oif == 30 && r->flags == RTNH_F_ONLINK, "third next hop");
	ok(!find(&hops, "10.13.0.0/16", 0), "no other type");
	r = find(&whole, "10.13.0.0/16", 0);
	ok(r && r->type == RTN_UNREACHABLE && r->priority == 4278198272, "unreachable, whole");
	r = find(&whole, "10.11.0.0/16", 0);
	ok(r && !r->oif && r->msg && !r->gw.family, "one entry for three next hops");
	ok(r && nl_route_is_via(r, 20) && nl_route_is_via(r, 30) && !nl_route_is_via(r, 21), "via");
	gw = r ? nl_route_gateway(r, 30) : (struct ip){ 0 };
	is_str(gw.family ? ip_str(&gw, buf) : "", "10.2.0.1", "gateway of the next hop");
	gw = r ? nl_route_gateway(r, 21) : (struct ip){ 0 };
	ok(!gw.family, "no gateway of another's");
}

/* All that leave by b0 go, and come again: nothing else has changed, and a copy is complete. */
static void check_moved(void)
{
	const char *before = routes(), *gone;
	struct route_list whole;

	list(&whole, true);
	for (size_t i = 0; i < whole.n_route; i++) {
		const struct route *r = &whole.route[i];

		if (r->table == RT_TABLE_LOCAL || !nl_route_is_via(r, 30))
			continue;
		nl_route_copy(&nl, r, 30, r->table == RT_TABLE_MAIN ? 500 : 501);
		ok(!nl_commit(&nl), "copy: %s %s", err.msg, err.details);
		nl_route_detach(&nl, r, 30);
		ok(!nl_commit(&nl), "detach: %s %s", err.msg, err.details);
		if (!r->oif)
			continue;
		nl_route_detach(&nl, r, 30);
		ok(!nl_route_commit(&nl), "detach what is gone: %s %s", err.msg, err.details);
	}
	gone = routes();
	ok(!strstr(gone, "dev b0 table main") && !strstr(gone, "table 7000"), "none is left");
	ok(strstr(gone, "10.11.0.0/16 via 10.1.0.1 dev a0 table main") != NULL, "a0's next hop is");
	ok(strstr(gone, "default via fd00:1::1 dev a0 table main") != NULL,
	   "and its default route");
	ok(strstr(gone,
		  "10.9.0.0/16 tos 0x10 via 10.2.0.1 dev b0 table 500 proto static scope global"
		  " src 10.2.0.2 metric 7 mtu lock 1300 advmss 1200 congctl reno") != NULL,
	   "attributes of a copy");
	ok(strstr(gone,
		  "10.10.0.0/16 via 172.16.0.1 dev b0 table 501 proto boot scope global onlink") !=
		   NULL,
	   "flag of a copy");
	nl_route_sort(&whole, 30);
	for (size_t i = 0; i < whole.n_route; i++) {
		const struct route *r = &whole.route[i];

		if (r->table == RT_TABLE_LOCAL || !nl_route_is_via(r, 30))
			continue;
		nl_route_attach(&nl, r, 30);
		ok(!nl_commit(&nl), "attach: %s %s", err.msg, err.details);
		nl_route_attach(&nl, r, 30);
		ok(!nl_route_commit(&nl), "attach what is there: %s %s", err.msg, err.details);
	}
	(void)!run("for t in 500 501; do ip route flush table $t; ip -6 route flush table $t; done"
		   " 2>/dev/null");
	is_str(routes(), before, "all as before");
}

/* Next hops that say they are longer than what there is, shorter than themselves, or cut off. */
static void check_hops(void)
{
	static const struct {
		uint16_t lengths[3];
		size_t size; /* of the attribute's payload, bytes */
		size_t n;    /* next hops before the end, or the lie */
	} cases[] = {
		{ { 8, 8, 8 }, 24, 3 },  { { 8, 8, 8 }, 23, 2 },  { { 8, 8, 9 }, 24, 2 },
		{ { 7, 8, 8 }, 24, 0 },  { { 0, 8, 8 }, 24, 0 },  { { 8, 0xffff, 8 }, 24, 1 },
		{ { 24, 8, 8 }, 24, 1 }, { { 22, 8, 8 }, 24, 1 }, { { 8, 8, 8 }, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct {
			struct nlattr attr;
			struct rtnexthop hops[3];
		} m = { .attr.nla_len = (uint16_t)(sizeof(m.attr) + cases[i].size) };
		const struct rtnexthop *hop = NULL;
		size_t n = 0;

		for (size_t k = 0; k < 3; k++)
			m.hops[k].rtnh_len = cases[i].lengths[k];
		while ((hop = nl_route_hop(&m.attr, hop)))
			n++;
		ok(n == cases[i].n, "lengths %zu: %zu next hops, not %zu", i, cases[i].n, n);
	}
}

/* As text, so that order and number count. */
static const char *rules(void)
{
	struct rule_list l = { .arena = &arena };
	char *out = arena_strdup(&arena, "");

	ok(!nl_rule_list(&nl, &l), "list rules: %s", err.msg);
	for (size_t i = 0; i < l.n_rule; i++) {
		const struct rule *r = &l.rule[i];
		char buf[IP_STRLEN];

		if (r->protocol != RTPROT_KERNEL)
			out = arena_printf(&arena, "%s%u %s %u %u %s\n", out, r->priority,
					   r->src.plen ? cidr_str(&r->src, buf) : "all", r->table,
					   r->protocol, r->only_by_src ? "only" : "more");
	}
	return out;
}

static void check_tables(void)
{
	struct rule rule = { .table = 101 };
	struct route route[] = { { .table = 100 }, { .table = 7000 }, { .table = 103 } };
	const struct rule_list rules = { .rule = &rule, .n_rule = 1 };
	const struct route_list routes = { .route = route, .n_route = 3 };
	struct table_set s;

	table_set_init(&s, 100, &rules, &routes, 3, &arena);
	table_set_add(&s, 102);
	ok(table_set_take(&s) == 104 && table_set_take(&s) == 105, "the lowest that are free");
	table_set_init(&s, 252, &rules, &routes, 2, &arena);
	ok(table_set_take(&s) == 252 && table_set_take(&s) == 256, "not those of the kernel");
	table_set_init(&s, UINT32_MAX, &rules, &routes, 1, &arena);
	ok(table_set_take(&s) == UINT32_MAX, "the last of all");
}

static void check_rules(void)
{
	struct rule r = { .table = 100 };

	ok(run("ip rule add from 10.0.0.1 to 10.2.0.0/16 lookup 7 pref 1;"
	       "ip rule add from 10.0.0.1 fwmark 7 lookup 7 pref 2;"
	       "ip rule add not from 10.0.0.1 lookup 7 pref 3;"
	       "ip rule add from 10.0.0.1 iif lo lookup 7 pref 4;"
	       "ip rule add from 10.0.0.1 tos 0x10 lookup 7 pref 5;"
	       "ip rule add from 10.0.0.1 blackhole pref 6;"
	       "ip rule add from 10.0.0.1 lookup main suppress_prefixlength 0 pref 7;"
	       "ip rule add from 10.0.0.0/8 lookup 7000 pref 8 protocol static;"
	       "ip -6 rule add from fd00::1 lookup 7000 pref 9"),
	   "rules of ip(8)");
	ok(ip_parse(&r.src, "10.0.0.2"), "address");
	nl_rule_add(&nl, &r);
	ok(!nl_commit(&nl), "add: %s", err.msg);
	nl_rule_add(&nl, &r);
	ok(nl_commit(&nl) < 0 && err.sys == EEXIST, "the same again");
	is_str(rules(),
	       "0 10.0.0.2/32 100 0 only\n1 10.0.0.1/32 7 0 more\n2 10.0.0.1/32 7 0 more\n"
	       "3 10.0.0.1/32 7 0 more\n4 10.0.0.1/32 7 0 more\n5 10.0.0.1/32 7 0 more\n"
	       "6 10.0.0.1/32 0 0 only\n7 10.0.0.1/32 254 0 more\n8 10.0.0.0/8 7000 4 only\n"
	       "9 fd00::1/128 7000 0 only\n",
	       "what there is");
	nl_rule_del(&nl, &r);
	ok(!nl_commit(&nl), "remove: %s", err.msg);
	nl_rule_del(&nl, &r);
	ok(nl_commit(&nl) < 0 && err.sys == ENOENT, "and again");
}

int main(void)
{
	if (!ok(unshare(CLONE_NEWNET) == 0 && setup(), "root, in a network of our own") ||
	    !ok(!nl_open(&nl, &err), "a socket"))
		return done_testing();
	check_parsed();
	check_moved();
	check_hops();
	check_rules();
	check_tables();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
