/* SPDX-License-Identifier: Apache-2.0 */
/* cnic listen's words: addresses, options; and the header of the PROXY protocol, byte for byte. */
#include <arpa/inet.h>
#include <string.h>

#include "base/attr.h"
#include "cmd/listen/options.h"
#include "cmd/listen/proxy.h"
#include "tap.h"

/* ---- addresses ------------------------------------------------------------------------------- */

static void test_addresses(void)
{
	static const struct {
		const char *word;
		int family, type, port;
		bool is_dual;
	} rows[] = {
		{ "127.0.0.1:80", AF_INET, SOCK_STREAM, 80, false },
		{ "127.0.0.1:65535/tcp", AF_INET, SOCK_STREAM, 65535, false },
		{ "0.0.0.0:53/udp", AF_INET, SOCK_DGRAM, 53, false },
		{ "[::1]:1", AF_INET6, SOCK_STREAM, 1, false },
		{ "[fd00::1]:53/udp", AF_INET6, SOCK_DGRAM, 53, false },
		{ "*:8080", AF_INET6, SOCK_STREAM, 8080, true },
		{ "*:53/udp", AF_INET6, SOCK_DGRAM, 53, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct listen_address a;
		struct err err = { 0 };
		bool good = listen_address_parse(&a, rows[i].word, &err) == 0;

		good = good && a.any.sa_family == rows[i].family && a.type == rows[i].type &&
		       a.is_dual == rows[i].is_dual && !strcmp(a.text, rows[i].word) &&
		       ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port) ==
			       rows[i].port;
		ok(good, "%s %s", rows[i].word, err.msg);
	}
}

static void test_no_addresses(void)
{
	static const char *const words[] = {
		"",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"1:2:3",
		"127.0.0.1:80x",
		"127.0.0.1:+80",
		"::1:80",
		"[::1]",
		"[]:80",
		"[127.0.0.1]:1",
		"[::1:80",
		"::1]:80",
		"[::1]]:80",
		"[*]:80",
		"127.0.0.1/udp",
		"127.0.0.1:80/",
		"[::1%lo]:80",
		"127.0.0.1: 80",
		"010.0.0.1:80",
		"127.0.0.1:99999999999999999999",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct listen_address a;
		struct err err = { 0 };

		ok(listen_address_parse(&a, words[i], &err) < 0 && strstr(err.msg, words[i]) &&
			   listen_address_parse_peer(&a, words[i], &err) < 0,
		   "'%s' is none: %s", words[i], err.msg);
	}
}

static void test_peers(void)
{
	struct listen_address a;
	struct err err = { 0 };

	ok(listen_address_parse_peer(&a, "unix:/run/x", &err) == 0 && a.any.sa_family == AF_UNIX &&
		   !strcmp(a.un.sun_path, "/run/x") &&
		   a.len == offsetof(struct sockaddr_un, sun_path) + 7,
	   "a UNIX socket's path, with its NUL");
	ok(listen_address_parse_peer(&a, "unix:@x", &err) == 0 && !a.un.sun_path[0] &&
		   a.un.sun_path[1] == 'x' && a.len == offsetof(struct sockaddr_un, sun_path) + 2,
	   "an abstract name, without");
	ok(listen_address_parse_peer(&a, "unix:", &err) < 0, "no path");
	ok(listen_address_parse_peer(&a, "*:80", &err) < 0, "nobody connects to both families");
	ok(listen_address_parse_peer(&a, "127.0.0.1:80/udp", &err) < 0, "nor by UDP");
}

/* ---- options --------------------------------------------------------------------------------- */

/* Words with a space between. */
static int parse(struct listen_options *opt, struct arena *arena, const char *line)
{
	char *words = arena_strdup(arena, line);
	char **argv = arena_array(arena, char *, strlen(line) + 2);
	struct err err = { 0 };
	int argc = 0;

	while (words)
		argv[argc++] = strsep(&words, " ");
	return listen_options_parse(opt, argc, argv, arena, &err);
}

static void test_options(struct arena *arena)
{
	struct listen_options o;

	ok(parse(&o, arena, "127.0.0.1:80 -- a --connect") == 0 &&
		   !strcmp(o.command[1], "--connect") && o.n_at == 1 && o.backlog == 4096,
	   "what is behind -- is the command's");
	ok(parse(&o, arena, "--netns red --netns b=/x/y /a/c ./d *:1 *:2 -- a") == 0 &&
		   o.n_netns == 4 && o.n_at == 2,
	   "namespaces and addresses");
	ok(!strcmp(o.netns[0].path, "/run/netns/red") && !strcmp(o.netns[0].name, "red") &&
		   !strcmp(o.netns[1].path, "/x/y") && !strcmp(o.netns[1].name, "b") &&
		   !strcmp(o.netns[2].name, "c") && !strcmp(o.netns[3].name, "d"),
	   "their names");
	ok(parse(&o, arena, "--netns /x/a=b/c *:1 -- a") == 0 &&
		   !strcmp(o.netns[0].path, "/x/a=b/c") && !strcmp(o.netns[0].name, "c"),
	   "an = of a path is the path's");
	ok(parse(&o, arena,
		 "*:1 --connect red@127.0.0.1:2 --idle 2s --drain 1m --proxy-protocol") == 0 &&
		   !strcmp(o.to_netns, "/run/netns/red") && o.idle_ms == 2000 &&
		   o.drain_ms == 60000 && o.proxy && ntohs(o.to.v4.sin_port) == 2,
	   "--connect and what belongs to it");
	ok(parse(&o, arena, "*:1 --connect unix:/a@b") == 0 && !o.to_netns,
	   "an @ of a UNIX path is the path's");
	ok(parse(&o, arena, "/x --netns red *:1 -- a") < 0, "a path in front of --netns is none");
	ok(parse(&o, arena, "*:1 --watch /x -- a") < 0, "--watch, a command");
}

/* ---- PROXY ----------------------------------------------------------------------------------- */

static struct sockaddr_storage address(int family, const char *text, int port)
{
	struct sockaddr_storage s = { .ss_family = (sa_family_t)family };

	if (family == AF_INET) {
		inet_pton(family, text, &((struct sockaddr_in *)&s)->sin_addr);
		((struct sockaddr_in *)&s)->sin_port = htons((uint16_t)port);
	} else {
		inet_pton(family, text, &((struct sockaddr_in6 *)&s)->sin6_addr);
		((struct sockaddr_in6 *)&s)->sin6_port = htons((uint16_t)port);
	}
	return s;
}

static bool header_is(int family, const char *from, const char *to, const char *netns,
		      const char *want, size_t n)
{
	struct sockaddr_storage a = address(family, from, 0x1234), b = address(family, to, 80);
	uint8_t header[LISTEN_PROXY_MAX];
	size_t len = listen_proxy_header(header, &a, &b, netns, 0x1f);

	return len == n && !memcmp(header, want, n);
}

#define IS(family, from, to, netns, want) header_is(family, from, to, netns, want, sizeof(want) - 1)
#define SIGNATURE                         "\r\n\r\n\0\r\nQUIT\n"

static void test_proxy(void)
{
	static const char v4[] = SIGNATURE "\x21\x11\0\x29"
					   "\x0a\x01\x02\x03\x7f\0\0\1\x12\x34\0\x50"
					   "\x30\0\3red"
					   "\x05\0\x14red/000000000000001f";
	static const char v6[] = SIGNATURE
		"\x21\x21\0\x41"
		"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x12\x34\0\x50"
		"\x30\0\3red"
		"\x05\0\x14red/000000000000001f";
	uint8_t header[LISTEN_PROXY_MAX];
	struct sockaddr_storage a = address(AF_INET6, "::1", 1);
	char name[300];

	ok(IS(AF_INET, "10.1.2.3", "127.0.0.1", "red", v4), "IPv4");
	ok(IS(AF_INET6, "::ffff:10.1.2.3", "::ffff:127.0.0.1", "red", v4), "IPv4-mapped");
	ok(IS(AF_INET6, "fd00::1", "fd00::2", "red", v6), "IPv6");
	memset(name, 'n', sizeof(name));
	name[299] = '\0';
	ok(listen_proxy_header(header, &a, &a, name, 1) == 16 + 36 + 3 + 255,
	   "255 bytes of a name, and no id");
	name[112] = '\0';
	ok(listen_proxy_header(header, &a, &a, name, 1) == 16 + 36 + 3 + 112, "112: no id");
	name[111] = '\0';
	ok(listen_proxy_header(header, &a, &a, name, 1) == 16 + 36 + 3 + 111 + 3 + 128,
	   "111: an id of 128 bytes");
}

int main(void)
{
	struct arena arena = { 0 };

	test_addresses();
	test_no_addresses();
	test_peers();
	test_options(&arena);
	test_proxy();
	arena_free(&arena);
	return done_testing();
}
