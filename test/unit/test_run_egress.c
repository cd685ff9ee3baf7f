/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cnic run --egress` lets out: the rules as nft(8) prints them, and packets that meet them,
 * in a namespace of the test's own.
 */
#include "says.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/egress.h"
#include "cmd/run/refused.h"
#include "nl/nl.h"

static struct arena arena;
static struct err err;

static struct run_egress entry(const char *text)
{
	struct run_egress e;

	if (!run_value_egress(&e, text, &arena))
		abort();
	return e;
}

/* ---- the destination's text ------------------------------------------------------------------ */

static void is_text(const char *hex, const char *want)
{
	uint8_t packet[128];
	char text[RUN_REFUSED_TEXT] = "nothing";
	size_t n = 0;

	for (; hex[2 * n]; n++)
		packet[n] = (uint8_t)strtoul(arena_strndup(&arena, hex + 2 * n, 2), NULL, 16);
	ok(run_refused_text(packet, n, text) == (want != NULL), "%s is %sa packet", hex,
	   want ? "" : "not ");
	if (want)
		is_str(text, want, "and says where it goes");
}

static void test_text(void)
{
	is_text("4500002800000000400600000a000001c000020130390050", "tcp 192.0.2.1:80");
	is_text("4500002800000000401100000a000001c000020130390035", "udp 192.0.2.1:53");
	is_text("4600002c00000000401100000a000001c00002010101010130390035", "udp 192.0.2.1:53");
	is_text("4500002800000000400100000a000001c00002010800", "icmp 192.0.2.1");
	is_text("4500002800000000402f00000a000001c0000201", "protocol 47 192.0.2.1");
	is_text("600000000008064000000000000000000000000000000001"
		"20010db8000000000000000000000002303901bb",
		"tcp [2001:db8::2]:443");
	is_text("6000000000083a4000000000000000000000000000000001"
		"20010db80000000000000000000000028000",
		"icmp 2001:db8::2");
	is_text("", NULL);
	is_text("45", NULL);
	is_text("4500002800000000400600000a000001c00002013039", NULL);
	is_text("4300002800000000400600000a000001c000020130390050", NULL);
	is_text("600000000008064000000000000000000000000000000001", NULL);
}

/* ---- the rules ------------------------------------------------------------------------------- */

static const char *set_says(const char *set)
{
	return says(&arena, arena_printf(&arena,
					 "nft list set inet cnic_egress %s 2>&1 | grep -A9 "
					 "elements | tr -d '\\n\\t {}'",
					 set));
}

static void test_sets(void)
{
	const struct run_egress allowed[] = {
		entry("10.9.0.2"),     entry("192.0.2.0/24"),   entry("192.0.2.7"),
		entry("192.0.2.0/24"), entry("192.0.2.9:80"),   entry("10.9.0.3:7000"),
		entry("fd09::2"),      entry("[fd09::3]:7000"),
	};

	ok(!run_egress_apply(allowed, ARRAY_SIZE(allowed), &arena, &err), "the rules are made: %s",
	   err.msg);
	is_str(set_says("nets4"), "elements=10.9.0.2.0-255,192.0.2.0/24.0-255",
	       "addresses and prefixes, without what others cover");
	is_str(set_says("ports4"), "elements=192.0.2.9.80,10.9.0.3.7000", "ports");
	is_str(set_says("nets6"), "elements=fd09::2.0-255", "of IPv6");
	is_str(set_says("ports6"), "elements=fd09::3.7000", "ports of IPv6");
}

/* ---- packets --------------------------------------------------------------------------------- */

static socklen_t address(const char *text, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	struct ip ip;

	if (!ip_parse(&ip, text))
		abort();
	memset(ss, 0, sizeof(*ss));
	if (ip.family == AF_INET)
		*v4 = (struct sockaddr_in){ AF_INET, htons(port), ip.v4, { 0 } };
	else
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					     .sin6_port = htons(port),
					     .sin6_addr = ip.v6 };
	return ip.family == AF_INET ? sizeof(*v4) : sizeof(*v6);
}

/*
 * What a packet ends with: an errno, or 0: it is on its way, where there is nobody to answer. A
 * refused datagram is EPERM (nf_hook_slow()), or the ICMP error's, whichever the socket sees first.
 */
static int attempt(int type, int protocol, const char *to, uint16_t port)
{
	static const uint8_t echo[8] = { 8 }, echo6[8] = { 128 };
	struct sockaddr_storage ss;
	socklen_t len = address(to, port, &ss), size = sizeof(int);
	auto_close int fd = socket(ss.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int error = 0;

	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return errno;
	if (type != SOCK_STREAM &&
	    send(fd, ss.ss_family == AF_INET ? echo : echo6, sizeof(echo), 0) < 0)
		return errno;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static void expect(int type, int protocol, const char *to, uint16_t port, bool out)
{
	int got = attempt(type, protocol, to, port);

	ok(out ? got == 0
	       : got == EPERM || got == ECONNREFUSED || got == EHOSTUNREACH || got == EACCES,
	   "%s to %s port %u gets %s: %s",
	   type == SOCK_STREAM ? "tcp"
	   : protocol          ? "icmp"
			       : "udp",
	   to, port, out ? "out" : "an answer at once", strerror(got));
}

static void test_packets(void)
{
	expect(SOCK_STREAM, 0, "10.9.0.2", 7001, true);
	expect(SOCK_DGRAM, 0, "10.9.0.2", 53, true);
	expect(SOCK_DGRAM, IPPROTO_ICMP, "10.9.0.2", 0, true);
	expect(SOCK_STREAM, 0, "fd09::2", 7001, true);
	expect(SOCK_STREAM, 0, "10.9.0.3", 7000, true);
	expect(SOCK_DGRAM, 0, "10.9.0.3", 7000, true);
	expect(SOCK_STREAM, 0, "fd09::3", 7000, true);
	expect(SOCK_STREAM, 0, "10.9.0.3", 7001, false);
	expect(SOCK_STREAM, 0, "10.9.0.4", 7000, false);
	expect(SOCK_STREAM, 0, "fd09::3", 7001, false);
	expect(SOCK_STREAM, 0, "fd09::4", 7000, false);
	expect(SOCK_DGRAM, 0, "10.9.0.4", 7000, false);
	expect(SOCK_DGRAM, 0, "fd09::4", 7000, false);
	expect(SOCK_DGRAM, IPPROTO_ICMP, "10.9.0.3", 0, false);
	expect(SOCK_DGRAM, IPPROTO_ICMPV6, "fd09::3", 0, false);
	expect(SOCK_STREAM, 0, "10.9.0.4", 7000, false);
	expect(SOCK_STREAM, 0, "127.0.0.1", 9, false);
}

/* All that has been refused above, once, and nothing of lo's. */
static void test_printed(struct nl *nl)
{
	auto_close int file = memfd_create("stderr", MFD_CLOEXEC);
	char text[2048] = "";

	run_refused_print(nl, file, -1);
	if (pread(file, text, sizeof(text) - 1, 0) < 0)
		abort();
	is_str(text,
	       "cnic: refused by --egress: tcp 10.9.0.3:7001\n"
	       "cnic: refused by --egress: tcp 10.9.0.4:7000\n"
	       "cnic: refused by --egress: tcp [fd09::3]:7001\n"
	       "cnic: refused by --egress: tcp [fd09::4]:7000\n"
	       "cnic: refused by --egress: udp 10.9.0.4:7000\n"
	       "cnic: refused by --egress: udp [fd09::4]:7000\n"
	       "cnic: refused by --egress: icmp 10.9.0.3\n"
	       "cnic: refused by --egress: icmp fd09::3\n",
	       "each destination is told of once");
}

int main(void)
{
	static struct nl nl;

	if (unshare(CLONE_NEWNET) < 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	if (system("ip link set lo up && echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range && "
		   "ip link add v0 type veth peer name v1 && ip link set v1 up && "
		   "ip addr add 10.9.0.1/24 dev v0 && ip addr add fd09::1/64 dev v0 nodad && "
		   "ip link set v0 up") != 0)
		abort();
	test_text();
	test_sets();
	ok(!run_refused_open(&nl, &err), "what is refused can be heard: %s", err.msg);
	test_packets();
	test_printed(&nl);
	is_str(run_egress_undone_by(UINT64_C(1) << 12), "NET_ADMIN", "who may change the rules");
	ok(!run_egress_undone_by(UINT64_C(1) << 10), "who may not: NET_BIND_SERVICE");
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
