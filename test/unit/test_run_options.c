/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/cmd/run/options and values: the command line of cnic run. */
#include <linux/capability.h>

#include "cmd/run/options.h"
#include "tap.h"

#define WORDS 16

static struct arena arena;
static struct run_options o;
static struct err err;

/* Parses "WORD|WORD|...", behind the verb. */
static int parse(const char *line)
{
	char *rest = arena_strdup(&arena, line), **argv = arena_array(&arena, char *, WORDS);
	int argc = 0;

	argv[argc++] = arena_strdup(&arena, "run");
	while (*line && rest && argc < WORDS - 1)
		argv[argc++] = strsep(&rest, "|");
	err = (struct err){ 0 };
	return run_options_parse(&o, argc, argv, &arena, &err);
}

static void is_taken(const char *line)
{
	ok(parse(line) == 0, "%s: %s", line, err.msg);
}

/* The message begins with the option and has what was expected, or these words. */
static void is_refused(const char *line, const char *words)
{
	ok(parse(line) < 0 && strstr(err.msg, words), "%s: %s", line, err.msg);
}

static void test_command(void)
{
	is_taken("ls|-l");
	is_str(o.argv[0], "ls", "the command");
	is_str(o.argv[1], "-l", "its argument is not ours");
	ok(!o.argv[2], "no more of them");
	is_taken("--|--net");
	is_str(o.argv[0], "--net", "behind -- it is the command");
	is_taken("--user|--|x|--|y");
	is_str(o.argv[1], "--", "the second -- is an argument");
	is_refused("", "no command");
	is_refused("--", "no command");
	is_refused("--user", "no command");
	is_refused("--nonsense|x", "--nonsense: no such option");
	is_refused("-x|y", "-x: no such option");
	is_refused("--ne|none|x", "--ne: no such option");
	is_refused("--user=1|x", "--user: takes no value");
	is_refused("--mac", "--mac: expected a MAC address");
}

static void test_defaults(void)
{
	is_taken("x");
	ok(o.net == RUN_NET_DEFAULT && o.netns_fd == -1 && !o.netns && !o.keep,
	   "no network is named");
	ok(!o.user && !o.caps && !o.rootfs && !o.read_only, "nothing else is");
	ok(o.tty == RUN_TTY_AUTO && !o.n_fds && !o.has_egress, "nor here");
}

static void test_net(void)
{
	is_taken("--net|a|--net=./b|x");
	ok(o.net == RUN_NET_NAMED && o.n_nets == 2, "two networks");
	is_str(o.nets[1], "./b", "the second");
	is_taken("--net|none|x");
	ok(o.net == RUN_NET_NONE && !o.n_nets, "none");
	is_taken("--net=host|x");
	ok(o.net == RUN_NET_HOST, "host");
	is_refused("--net|none|--net|a|x", "--net a: expected names or files");
	is_refused("--net|a|--net|host|x", "--net host: expected");
	is_refused("--net||x", "--net : expected");
	is_refused("--net|none|--publish|80:80|x", "--publish: needs a network");
	is_refused("--net|host|--ip|10.0.0.1|x", "--ip: needs a network, and --net host");
	is_refused("--net|none|--mac|02:00:00:00:00:01|x", "--mac: needs a network");
	is_refused("--net|none|--egress|10.0.0.1|x", "--egress: needs a network");
	is_refused("--net|host|--netns|/x|x", "--netns: --net host");
	is_refused("--keep|x", "--keep: needs --netns PATH");
	is_refused("--keep|--netns|7|x", "--keep: needs --netns PATH");
}

static void test_addresses(void)
{
	is_taken("--ip|10.1.0.2|--ip|fd00::2/64|--mac|02:00:00:00:00:01|--dns|::1|x");
	ok(o.n_ips == 2 && o.n_dns == 1, "lists");
	is_str(o.mac, "02:00:00:00:00:01", "mac");
	is_taken("--hostname|a-b.c|x");
	is_str(o.hostname, "a-b.c", "host name");
	is_taken("--netns|/run/netns/a|--keep|x");
	ok(o.keep && o.netns_fd == -1, "a path");
	is_taken("--netns|12|x");
	ok(o.netns_fd == 12 && !o.netns, "a descriptor");
	is_refused("--ip|10.1.0.300|x", "--ip 10.1.0.300: expected");
	is_refused("--mac|02:00:00:00:00|x", "--mac 02:00:00:00:00: expected");
	is_refused("--dns|example.org|x", "--dns example.org: expected");
	is_refused("--hostname|a_b|x", "--hostname a_b: expected");
	is_refused("--hostname|-a|x", "--hostname -a: expected");
	is_refused("--hostname||x", "--hostname : expected");
	is_refused("--netns||x", "--netns : expected");
}

static void publishes(const char *value, const char *ip, unsigned int host, unsigned int container,
		      const char *protocol)
{
	char buf[IP_STRLEN];

	is_taken(arena_printf(&arena, "--publish|%s|x", value));
	ok(o.n_publishes == 1 && o.publishes->host == host && o.publishes->container == container &&
		   !strcmp(o.publishes->protocol, protocol),
	   "%s: %u to %u/%s", value, host, container, protocol);
	is_str(o.publishes->ip.family == AF_UNSPEC ? "" : ip_str(&o.publishes->ip, buf), ip, value);
}

static void test_publish(void)
{
	static const char *const bad[] = {
		"80",        "0:80",        "80:0",       "80:65536", "a:80",
		"80:80/x",   "80:80/TCP",   ":80",        "80:",      "80:80/",
		"1.2.3:8:8", "::1:80:80",   "[::1:80:80", "[]:80:80", "[1.2.3.4]:80:80",
		"+80:80",    "1.2.3.4::80", " 80:80",     ":80:80",   "1.2.3.4:80:80:80"
	};

	publishes("8080:80", "", 8080, 80, "tcp");
	publishes("1:65535/udp", "", 1, 65535, "udp");
	publishes("127.0.0.1:53:53/sctp", "127.0.0.1", 53, 53, "sctp");
	publishes("[fd00::1]:80:81", "fd00::1", 80, 81, "tcp");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_refused(arena_printf(&arena, "--publish|%s|x", bad[i]),
			   "expected [IP:]HOST:CONTAINER");
}

/* How many of an option there may be. */
static void is_bounded(const char *option, const char *value, int max)
{
	static char *argv[2 * 5002 + 3];
	int argc = 0;

	argv[argc++] = arena_strdup(&arena, "run");
	for (int i = 0; i < max; i++) {
		argv[argc++] = arena_strdup(&arena, option);
		argv[argc++] = arena_strdup(&arena, value);
	}
	argv[argc] = arena_strdup(&arena, "x");
	argv[argc + 1] = NULL;
	err = (struct err){ 0 };
	ok(run_options_parse(&o, argc + 1, argv, &arena, &err) == 0, "%d %s: %s", max, option,
	   err.msg);
	argv[argc++] = arena_strdup(&arena, option);
	argv[argc++] = arena_strdup(&arena, value);
	argv[argc] = arena_strdup(&arena, "x");
	argv[argc + 1] = NULL;
	ok(run_options_parse(&o, argc + 1, argv, &arena, &err) < 0, "one more %s", option);
	is_str(err.msg, arena_printf(&arena, "%s: %d of them, and %d may be", option, max + 1, max),
	       option);
}

static void test_bounds(void)
{
	is_bounded("--publish", "8080:80", 5000);
	is_bounded("--ip", "fd00::1", 1000);
	is_bounded("--dns", "fd00::1", 1000);
}

static void lets_out(const char *value, const char *to, unsigned int port)
{
	char buf[IP_STRLEN];

	is_taken(arena_printf(&arena, "--egress|%s|x", value));
	ok(o.has_egress && o.n_egress == 1 && o.egress->port == port, "%s: port %u", value, port);
	is_str(cidr_str(&o.egress->to, buf), to, value);
}

static void test_egress(void)
{
	static const char *const bad[] = { "x",          ",",
					   "10.1.0.2,",  "10.1.0.2:0",
					   "10.1.0.2:",  "[fd00::2]",
					   "fd00::/129", "[10.1.0.2]:80",
					   ":80",        "10.1.0.2:80/tcp",
					   "[fd00::2:80" };

	lets_out("10.1.0.2", "10.1.0.2/32", 0);
	lets_out("10.1.0.0/16", "10.1.0.0/16", 0);
	lets_out("10.1.0.2:443", "10.1.0.2/32", 443);
	lets_out("10.1.0.0/16:443", "10.1.0.0/16", 443);
	lets_out("fd00::2", "fd00::2/128", 0);
	lets_out("[fd00::2]:443", "fd00::2/128", 443);
	lets_out("[fd00::/64]:443", "fd00::/64", 443);
	is_taken("--egress|10.1.0.2,fd00::2|--egress|10.1.0.3:5|x");
	ok(o.n_egress == 3, "lists add up");
	is_taken("--egress||x");
	ok(o.has_egress && !o.n_egress, "an empty list lets nothing out");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_refused(arena_printf(&arena, "--egress|%s|x", bad[i]), "expected addresses");
}

static void test_ids(void)
{
	static const char *const bad[] = { "0",
					   "0:0",
					   "0:0:0",
					   "0:0:1:1",
					   "a:0:1",
					   "0:-1:1",
					   "0::1",
					   "4294967295:0:1",
					   "4294967294:0:2",
					   "0:4294967294:2",
					   "000000000000000000000000000000000:0:1",
					   "" };

	is_taken("--uid-map|0:100000:65536|--uid-map|65536:1000:1|--gid-map|0:5:1|x");
	ok(o.user && o.n_uid_maps == 2 && o.n_gid_maps == 1, "maps are a user namespace");
	ok(o.uid_maps[1].inside == 65536 && o.uid_maps[1].outside == 1000 &&
		   o.uid_maps[1].count == 1,
	   "the second");
	is_taken("--uid-map|0:0:4294967294|x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_refused(arena_printf(&arena, "--gid-map|%s|x", bad[i]),
			   "expected INSIDE:OUTSIDE:COUNT");
}

static void test_files(void)
{
	static const char *const bad[] = { "/a",          ":/b",    "/a:",      "/a:b",
					   "/a:/",        "/a:/b:", "/a:/b:rx", "/a:/..",
					   "/a:/b:ro:ro", "/a:/./", "",         ":" };

	is_taken(
		"--rootfs|r|--read-only|--bind|a:/b|--tmpfs|/b/c|--bind|/d:/e:ro|--bind|f:/g:rw|x");
	ok(o.n_mounts == 4 && o.read_only, "mounts");
	is_str(o.mounts[0].source, "a", "the source of the first");
	is_str(o.mounts[0].target, "/b", "its target");
	ok(!o.mounts[1].source, "the second is a tmpfs");
	is_str(o.mounts[1].target, "/b/c", "its target");
	ok(!o.mounts[0].read_only && o.mounts[2].read_only && !o.mounts[3].read_only, "modes");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_refused(arena_printf(&arena, "--bind|%s|x", bad[i]), "expected SRC:DST");
	is_refused("--tmpfs|tmp|x", "--tmpfs tmp: expected a directory from the root");
	is_refused("--tmpfs|/|x", "--tmpfs /: expected");
	is_refused("--tmpfs|/b:ro|x", "--tmpfs /b:ro: expected");
	is_refused("--rootfs||x", "--rootfs : expected");
}

static void test_process(void)
{
	is_taken("--cap-add|NET_RAW|--cap-add|cap_chown|--cap-add=CAP_bpf|x");
	ok(o.caps == (1ULL << CAP_NET_RAW | 1ULL << CAP_CHOWN | 1ULL << 39), "capabilities");
	is_taken("--cap-add|all|x");
	ok(o.caps == ~0ULL, "all of them");
	is_refused("--cap-add|net|x", "--cap-add net: expected a capability's name");
	is_refused("--cap-add||x", "--cap-add : expected");
	is_taken("--fd|3|--fd|2147483647|x");
	ok(o.n_fds == 2 && o.fds[0] == 3 && o.fds[1] == 2147483647, "descriptors");
	is_refused("--fd|2|x", "--fd 2: expected a descriptor from 3 on");
	is_refused("--fd|2147483648|x", "--fd 2147483648: expected");
	is_refused("--fd|-1|x", "--fd -1: expected");
	is_taken("--tty|x");
	ok(o.tty == RUN_TTY_YES, "tty");
	is_taken("--tty|--no-tty|x");
	ok(o.tty == RUN_TTY_NO, "the last one counts");
}

int main(void)
{
	test_command();
	test_defaults();
	test_net();
	test_addresses();
	test_publish();
	test_bounds();
	test_egress();
	test_ids();
	test_files();
	test_process();
	arena_free(&arena);
	return done_testing();
}
