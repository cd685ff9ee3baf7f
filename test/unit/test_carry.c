/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/iface/carry: addresses and routes of an interface that goes down and up in a network of our own are there
 * again, as they were.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "iface/carry.h"
#include "nl/nl.h"
#include "says.h"
#include "tap.h"

static struct arena arena;
static struct err err;
static struct nl nl;

static bool run(const char *command)
{
	return system(command) == 0;
}

static const char *state(void)
{
	return says(
		&arena,
		"{ ip -o addr show dev b0; ip -d route; ip -d route show table 70; ip -d -6 route; } |"
		" sed 's/valid_lft.*//; s/ linkdown//; s/pref medium//; s/ *$//' | sort");
}

/* b0 is the one that goes; a0 shares routes with it. One address is tentative still. */
static bool setup(void)
{
	return run(
		"ip link add a0 index 20 type veth peer name a1;"
		"ip link add b0 index 30 type veth peer name b1;"
		"for i in a0 a1 b0 b1; do ip link set $i addrgenmode none; ip link set $i up; done;"
		"ip addr add 10.1.0.2/24 dev a0; ip addr add 10.2.0.2/24 dev b0;"
		"ip addr add fd00:1::2/64 dev a0 nodad; ip addr add fd00:2::2/64 dev b0 nodad;"
		"ip addr add fd00:3::2/64 dev b0 nodad noprefixroute;"
		"echo 60 >/proc/sys/net/ipv6/conf/b0/dad_transmits;"
		"ip addr add fd00:4::2/64 dev b0;"
		"ip route add default via 10.2.0.1;"
		"ip route add 10.9.0.0/16 via 10.2.0.1 tos 0x10 mtu lock 1300 proto static;"
		"ip route add 10.10.0.0/16 dev b0 via 172.16.0.1 onlink table 70;"
		"ip route add 10.11.0.0/16 nexthop via 10.1.0.1 weight 2 nexthop via 10.2.0.1;"
		"ip route add 10.12.0.0/16 nexthop via 10.2.0.1 weight 3 nexthop via 10.2.0.3;"
		"ip addr add 10.5.0.2/24 dev b0; ip route del 10.5.0.0/24;" /* as ptp does */
		"ip route add 10.5.0.1 dev b0 src 10.5.0.2;"
		"ip route add 10.5.0.0/24 via 10.5.0.1 src 10.5.0.2;"
		"ip addr add fd00:5::2/64 dev b0 nodad; ip -6 route del fd00:5::/64;"
		"ip -6 route add fd00:5::1 dev b0 src fd00:5::2;"
		"ip -6 route add fd00:5::/64 via fd00:5::1 src fd00:5::2;"
		"ip -6 route add default via fd00:1::1 metric 9;"
		"ip -6 route append default via fd00:2::1 metric 9;"
		"ip -6 route add fd00:9::/48 via fd00:2::1 mtu 1300 src fd00:2::2");
}

static void check_put_back(void)
{
	static const struct cni_request req;
	static const struct cni_plugin plugin;
	struct cni_call c =
		CNI_CALL_INIT(.req = &req, .plugin = &plugin, .arena = &arena, .err = &err);
	const char *before = state();
	struct carry k;

	c.sandbox = &nl;
	ok(strstr(before, "fd00:4::2/64 scope global tentative") != NULL, "tentative: %s", before);
	ok(!carry_list(&c, 30, &k), "list: %s", err.msg);
	ok(run("ip link set b0 down"), "down");
	ok(!strstr(state(), "fd00:2::2"), "its addresses of IPv6 are gone");
	ok(run("ip link set b0 up"), "up");
	ok(!carry_put_back(&c, &k), "put back: %s", err.msg);
	is_str(state(), before, "all as before");
	ok(!carry_put_back(&c, &k), "again: %s", err.msg);
	is_str(state(), before, "which changes nothing");
}

int main(void)
{
	if (!ok(unshare(CLONE_NEWNET) == 0 && setup(), "root, in a network of our own") ||
	    !ok(!nl_open(&nl, &err), "a socket"))
		return done_testing();
	check_put_back();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
