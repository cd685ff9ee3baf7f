/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/nl/conntrack: real connections in a network of our own, looked at with conntrack(8); by this kernel,
 * and by it made to answer as older ones do.
 */
#include "nl/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/scope.h"
#include "nl/nl.h"
#include "tap.h"

static struct arena arena;
static struct err err;

/*
 * ---- the kernel's age --------------------------------------------------------------------------
 */

static enum { NOW, NO_FLUSH, NO_FILTER, OTHER_FLAGS, NO_CONNTRACK, MODES } mode;

static const char *const mode_names[MODES] = {
	[NOW] = "this kernel",
	[NO_FLUSH] = "before 6.10: no filtered flush",
	[NO_FILTER] = "before 5.8: no filter",
	[OTHER_FLAGS] = "unknown flags",
	[NO_CONNTRACK] = "no connection tracking",
};

static unsigned int gets, deletes;
static bool flushes; /* this kernel itself is 6.10 or newer */
static bool vanish;  /* before anything is deleted, all has ended by itself */

/* What no kernel knows it ignores. */
static void hide(struct nlattr *attr)
{
	if ((attr->nla_type & NLA_TYPE_MASK) == CTA_FILTER)
		attr->nla_type = 1000;
}

static void spoil(struct nlattr *attr)
{
	uint32_t *flags = (uint32_t *)(void *)((char *)attr + 2 * sizeof(*attr));

	if ((attr->nla_type & NLA_TYPE_MASK) == CTA_FILTER)
		*flags |= UINT32_C(1) << 31;
}

static void change(struct nlmsghdr *nlh, void (*fn)(struct nlattr *attr))
{
	size_t at = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg));

	while (at + sizeof(struct nlattr) <= nlh->nlmsg_len) {
		struct nlattr *attr = (struct nlattr *)(void *)((char *)nlh + at);

		at += MNL_ALIGN(attr->nla_len);
		fn(attr);
	}
}

static void count(const struct nlmsghdr *nlh)
{
	gets += (nlh->nlmsg_type & 255) == IPCTNL_MSG_CT_GET;
	deletes += (nlh->nlmsg_type & 255) == IPCTNL_MSG_CT_DELETE;
}

static bool run(const char *command)
{
	return system(command) == 0;
}

static void age(struct nlmsghdr *nlh)
{
	bool is_get = (nlh->nlmsg_type & 255) == IPCTNL_MSG_CT_GET;

	if (vanish && gets && !is_get)
		run("conntrack -F >/dev/null 2>&1");

	if (mode == NO_FILTER || (mode == NO_FLUSH && !is_get))
		change(nlh, hide);
	if (mode == OTHER_FLAGS)
		change(nlh, spoil);
	if (mode == NO_CONNTRACK)
		nlh->nlmsg_type = (uint16_t)(200 << 8 | (nlh->nlmsg_type & 255));
}

/* libmnl calls this one instead of libc's. */
__attribute__((visibility("default"))) ssize_t sendto(int fd, const void *buf, size_t size,
						      int flags, const struct sockaddr *to,
						      socklen_t to_len)
{
	static _Alignas(struct nlmsghdr) char copy[NL_BUFSIZE];
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)copy;
	int left = (int)size;

	if (to->sa_family == AF_NETLINK && size <= sizeof(copy)) {
		memcpy(copy, buf, size);
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			count(nlh);
			age(nlh);
		}
		buf = copy;
	}
	return syscall(SYS_sendto, fd, buf, size, flags, to, to_len);
}

/*
 * ---- connections -------------------------------------------------------------------------------
 */

/* Port 5303 leads to 5304; connections to 5301 are of a zone of their own. */
static const char setup[] =
	"ip link set lo up && printf %s 'table inet t {"
	" chain raw { type filter hook output priority raw; udp dport 5301 ct zone set 7; };"
	" chain nat { type nat hook output priority -100; udp dport 5303 dnat ip to 127.0.0.1:5304; };"
	" chain in { type filter hook input priority 0; ct state new counter; }; }' | nft -f -";

static struct sockaddr_storage address(const char *ip, uint16_t port)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ss;

	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	}
	return ss;
}

/* The socket it is sent from: as long as that is open, no other one has its port. */
static int udp_from(const char *ip, uint16_t port)
{
	struct sockaddr_storage to = address(ip, port);
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		ok(false, "a datagram to %s:%u", ip, port);
	return fd;
}

static void udp(const char *ip, uint16_t port)
{
	close(udp_from(ip, port));
}

/* Established, and closed again by both: the entry stays for a while. */
static void tcp(const char *ip, uint16_t port)
{
	struct sockaddr_storage to = address(ip, port);
	auto_close int server = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int client = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(server, 1) < 0 ||
	    connect(client, (struct sockaddr *)&to, sizeof(to)) < 0)
		ok(false, "a connection to %s:%u", ip, port);
}

static void sctp(unsigned int port)
{
	run(arena_printf(&arena,
			 "conntrack -I -p sctp -s 10.0.0.1 -d 10.0.0.2 --sport 7 --dport %u "
			 "--state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 60 >/dev/null 2>&1",
			 port));
}

static void connect_all(void)
{
	int fd[3];

	run("conntrack -F >/dev/null 2>&1");
	for (int i = 0; i < 3; i++)
		fd[i] = udp_from("127.0.0.1", 5300);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	udp("127.0.0.2", 5300);
	udp("127.0.0.1", 5301);
	udp("127.0.0.1", 5302);
	udp("127.0.0.1", 5303);
	udp("::1", 5300);
	tcp("127.0.0.1", 5300);
	sctp(5300);
	sctp(5302);
}

/* "udp 127.0.0.1 5300 x3, ...": the original destinations. */
static const char *connections(void)
{
	static char text[1024];
	FILE *f = popen(
		"{ conntrack -L -f ipv4; conntrack -L -f ipv6; } 2>/dev/null |"
		" sed -E 's/^([a-z0-9]+) .* dst=([^ ]*) sport=[^ ]* dport=([^ ]*) .*dst=.*/\\1 \\2 \\3/' |"
		" sort | uniq -c | awk '{ printf \"%s%s %s %s%s\", s, $2, $3, $4,"
		" ($1 > 1 ? \" x\" $1 : \"\"); s = \", \" }'",
		"r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		pclose(f);
	return text;
}

#define SCTP0 "sctp 10.0.0.2 5300, "
#define SCTP2 "sctp 10.0.0.2 5302, "
#define TCP   "tcp 127.0.0.1 5300, "
#define UDP0  "udp 127.0.0.1 5300 x3, "
#define UDP1  "udp 127.0.0.1 5301, "
#define UDP2  "udp 127.0.0.1 5302, "
#define UDP3  "udp 127.0.0.1 5303, "
#define OTHER "udp 127.0.0.2 5300, "
#define V6    "udp ::1 5300"
#define ALL   SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 OTHER V6

/*
 * ---- what is asked for, what is left -----------------------------------------------------------
 */

#define ANY(p, n)                         \
	{                                 \
		.proto = (p), .port = (n) \
	}
#define AT(p, n, a, b, c)                           \
	{                                           \
		.proto = (p), .port = (n),          \
		.dst = {.family = AF_INET,          \
			.plen = 32,                 \
			.bytes = { 127, a, b, c } } \
	}
#define FROM(p, n, a, b, c)                          \
	{                                            \
		.proto = (p), .port = (n), .from = { \
			.family = AF_INET,           \
			.plen = 32,                  \
			.bytes = { 127, a, b, c }    \
		}                                    \
	}
#define LOOPBACK6                                                      \
	{                                                              \
		.family = AF_INET6, .plen = 128, .bytes = { [15] = 1 } \
	}
#define OTHER6                                                         \
	{                                                              \
		.family = AF_INET6, .plen = 128, .bytes = { [15] = 2 } \
	}
#define FIVE(n)                                                                \
	ANY(IPPROTO_UDP, n), ANY(IPPROTO_UDP, n + 1), ANY(IPPROTO_UDP, n + 2), \
		ANY(IPPROTO_UDP, n + 3), ANY(IPPROTO_UDP, n + 4)

static const struct test {
	const char *name;
	sa_family_t family;
	struct conntrack_port ports[25];
	size_t n;
	const char *left;
	unsigned int gets, deletes; /* requests to this kernel */
} tests[] = {
	{ "a UDP port",
	  AF_INET,
	  { ANY(IPPROTO_UDP, 5300) },
	  1,
	  SCTP0 SCTP2 TCP UDP1 UDP2 UDP3 V6,
	  0,
	  1 },
	{ "of one address",
	  AF_INET,
	  { AT(IPPROTO_UDP, 5300, 0, 0, 2) },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 V6,
	  0,
	  1 },
	{ "in IPv6",
	  AF_INET6,
	  { ANY(IPPROTO_UDP, 5300) },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 "udp 127.0.0.2 5300",
	  0,
	  1 },
	{ "an IPv4 address in IPv6", AF_INET6, { AT(IPPROTO_UDP, 5300, 0, 0, 1) }, 1, ALL, 0, 0 },
	{ "a TCP port, and one in a zone",
	  AF_INET,
	  { ANY(IPPROTO_TCP, 5300), ANY(IPPROTO_UDP, 5301) },
	  2,
	  SCTP0 SCTP2 UDP0 UDP2 UDP3 OTHER V6,
	  0,
	  2 },
	{ "where packets are sent on to", AF_INET, { ANY(IPPROTO_UDP, 5304) }, 1, ALL, 0, 1 },
	{ "where they were sent to",
	  AF_INET,
	  { ANY(IPPROTO_UDP, 5303) },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 OTHER V6,
	  0,
	  1 },
	{ "twenty ports",
	  AF_INET,
	  { FIVE(5300), FIVE(5310), FIVE(5320), FIVE(5330) },
	  20,
	  SCTP0 SCTP2 TCP V6,
	  1,
	  7 },
	{ "an SCTP port",
	  AF_INET,
	  { ANY(IPPROTO_SCTP, 5300) },
	  1,
	  SCTP2 TCP UDP0 UDP1 UDP2 UDP3 OTHER V6,
	  1,
	  1 },
	{ "SCTP and UDP",
	  AF_INET,
	  { ANY(IPPROTO_SCTP, 5302), AT(IPPROTO_UDP, 5300, 0, 0, 1), ANY(IPPROTO_UDP, 5302) },
	  3,
	  SCTP0 TCP UDP1 UDP3 OTHER V6,
	  1,
	  5 },
	{ "answered by one address",
	  AF_INET,
	  { FROM(IPPROTO_UDP, 5300, 0, 0, 2) },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 V6,
	  0,
	  1 },
	{ "two protocols, each answered by one address",
	  AF_INET,
	  { FROM(IPPROTO_UDP, 5300, 0, 0, 2), FROM(IPPROTO_SCTP, 5300, 0, 0, 2),
	    FROM(IPPROTO_UDP, 5301, 0, 0, 1) },
	  3,
	  SCTP0 SCTP2 TCP UDP0 UDP2 UDP3 V6,
	  1,
	  2 },
	{ "of an IPv6 address",
	  AF_INET6,
	  { { .proto = IPPROTO_UDP, .port = 5300, .dst = LOOPBACK6 } },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 "udp 127.0.0.2 5300",
	  1,
	  1 },
	{ "of another IPv6 address",
	  AF_INET6,
	  { { .proto = IPPROTO_UDP, .port = 5300, .dst = OTHER6 } },
	  1,
	  ALL,
	  1,
	  0 },
	{ "answered by an IPv6 address",
	  AF_INET6,
	  { { .proto = IPPROTO_UDP, .port = 5300, .from = LOOPBACK6 } },
	  1,
	  SCTP0 SCTP2 TCP UDP0 UDP1 UDP2 UDP3 "udp 127.0.0.2 5300",
	  1,
	  1 },
	{ "answered by another IPv6 address",
	  AF_INET6,
	  { { .proto = IPPROTO_UDP, .port = 5300, .from = OTHER6 } },
	  1,
	  ALL,
	  1,
	  0 },
	{ "nothing", AF_INET, { { 0 } }, 0, ALL, 0, 0 },
};

static void check(struct nl *nf, const struct test *t)
{
	int rc;

	connect_all();
	err_clear(&err);
	gets = deletes = 0;
	rc = conntrack_flush(nf, t->family, t->ports, t->n, &arena);
	ok(!rc && !err.msg[0], "%s: %s: %s", mode_names[mode], t->name, err.msg);
	is_str(connections(), mode == NO_CONNTRACK ? ALL : t->left, t->name);
	if (mode == NOW && flushes)
		ok(gets == t->gets && deletes == t->deletes, "%u lists, %u deletions", gets,
		   deletes);
}

/* dst NULL: any address. */
static int flush_udp(struct nl *nf, const struct ip *dst, uint16_t port)
{
	struct conntrack_port one = { .proto = IPPROTO_UDP, .port = port };

	if (dst)
		one.dst = *dst;
	return conntrack_flush(nf, AF_INET, &one, 1, &arena);
}

static void check_one_port(struct nl *nf)
{
	struct ip dst;

	connect_all();
	ok(ip_parse(&dst, "127.0.0.2") && !flush_udp(nf, &dst, 5300) && !flush_udp(nf, NULL, 5302),
	   "one port");
	is_str(connections(), SCTP0 SCTP2 TCP UDP0 UDP1 UDP3 V6, "with an address, and without");
}

/* More than a batch of them. */
static void check_many(struct nl *nf)
{
	connect_all();
	for (int i = 0; i < 300; i++)
		udp("127.0.0.1", 5305);
	mode = NO_FLUSH;
	ok(!flush_udp(nf, NULL, 5305), "300 are deleted");
	is_str(connections(), ALL, "all of them");
	vanish = true;
	gets = 0;
	ok(!flush_udp(nf, NULL, 5300), "what has ended meanwhile is no error");
	is_str(connections(), "", "it has");
	vanish = false;
	mode = NOW;
}

/* A refusal that is no sign of an old kernel is told. */
static void check_refused(struct nl *nf)
{
	ok(seteuid(65534) == 0 && flush_udp(nf, NULL, 5300) < 0 && err.sys == EPERM,
	   "not allowed: %s", err.msg);
	ok(seteuid(0) == 0, "root again");
}

static bool is_since(unsigned int major, unsigned int minor)
{
	unsigned int a = 0, b = 0;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%u.%u", &a, &b) == 2 &&
	       (a > major || (a == major && b >= minor));
}

int main(void)
{
	static struct nl nf;

	flushes = is_since(6, 10);
	if (!ok(unshare(CLONE_NEWNET) == 0 && run(setup), "root, in a network of our own") ||
	    !ok(!nl_open_bus(&nf, NETLINK_NETFILTER, &err), "a socket"))
		return done_testing();
	connect_all();
	is_str(connections(), ALL, "connections");
	for (mode = NOW; mode < MODES; mode++)
		for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
			check(&nf, &tests[i]);
	mode = NOW;
	check_one_port(&nf);
	check_many(&nf);
	check_refused(&nf);
	nl_close(&nf);
	arena_free(&arena);
	return done_testing();
}
