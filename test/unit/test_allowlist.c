/* SPDX-License-Identifier: Apache-2.0 */
/* The allowlist: expressions of RE2 mean here what they mean to the reference. */
#include "iface/allowlist.h"

#include <string.h>

#include "tap.h"

static struct arena arena;
static struct err err;

/* Keys are separated by '|': those that match, those that do not. NULL: the line is refused. */
static const struct test {
	const char *line, *matches, *others;
} tests[] = {
	{ "^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.IFNAME.rp_filter",
	  "net.ipv4.conf.IFNAME.x9|xnet.ipv4.conf.IFNAME.x" },
	{ "somaxconn", "net.core.somaxconn|net/core/somaxconn", "net.core.somaxcon" },
	{ "  ^a$\t\r", "a", "aa|b" },
	{ "^\\w+\\.[\\w\\-\\.]+$", "net.a-b.c_9", "net|net.a/b" },
	{ "^\\d{2,3}$", "12|123", "1|1234|ab" },
	{ "^\\D\\S\\W$", "a.-", "1.-|a -|a.b" },
	{ "^(?:a|b)+$", "abab", "c|" },
	{ "^a*?b??$", "aab|b", "c" },
	{ "^[^]^-]x$", "ax", "]x|^x|-x" },
	{ "^[]a]$", "]|a", "b" },
	{ "^[\\]\\[]$", "]|[", "a|\\" },
	{ "^[\\^]$", "^", "a|\\" },
	{ "^[\\^\\-]$", "^|-", "a|\\" },
	{ "^[a\\-c]$", "a|-|c", "b" },
	{ "^[a-c-]$", "a|b|-", "d" },
	{ "^[+--]$", "+|,|-", "." },
	{ "^[.$*(]$", ".|$|*|(", "\\|a" },
	{ "^[[:alpha:]_]+$", "ab_C", "a1" },
	{ "^[^[:digit:]]$", "a", "1" },
	{ "^\\$\\.\\*\\\\$", "$.*\\", "a" },
	{ "\\bnet\\b", "net.x|x.net", "nets" },
	{ "^a{x}{,3}{$", "a{x}{,3}{", "a" },
	{ "^(ab){2,}c{0,1}$", "abab|ababc", "ab" },
	{ "^[a-z.]{1,100}$", "net.core", "" },
	{ "a++", NULL, NULL },
	{ "(a|*)", NULL, NULL },
	{ "^*", NULL, NULL },
	{ "+", NULL, NULL },
	{ "a{2}{2}", NULL, NULL },
	{ "((a{100}){100}){100}", NULL, NULL },
	{ "(?i)net", NULL, NULL },
	{ "(?P<name>x)", NULL, NULL },
	{ "\\pL", NULL, NULL },
	{ "\\Qa.b\\E", NULL, NULL },
	{ "\\x41", NULL, NULL },
	{ "[\\x41]", NULL, NULL },
	{ "[[:nonsense:]]", NULL, NULL },
	{ "[z-a]", NULL, NULL },
	{ "[a-\\d]", NULL, NULL },
	{ "[a", NULL, NULL },
	{ "[", NULL, NULL },
	{ "[a-", NULL, NULL },
	{ "[\\", NULL, NULL },
	{ "[[:a", NULL, NULL },
	{ "a\\", NULL, NULL },
	{ "(a", NULL, NULL },
};

static void all_are(const struct test *t, const struct allowlist *a, const char *keys, bool wanted)
{
	char *rest = arena_strdup(&arena, keys), *key;

	while ((key = strsep(&rest, "|")))
		ok(allowlist_allows(a, key) == wanted, "%s: %s%s", t->line, wanted ? "" : "not ",
		   key);
}

static void one(const struct test *t)
{
	auto_allowlist struct allowlist a = { 0 };
	int rc;

	err_clear(&err);
	rc = allowlist_parse(&a, t->line, &arena, &err);
	if (!t->matches) {
		ok(rc < 0 && err.code == ERR_CONFIG && strstr(err.msg, "line 1: "), "refused: %s",
		   t->line);
		return;
	}
	ok(!rc && a.n == 1, "%s %s", t->line, err.msg);
	all_are(t, &a, t->matches, true);
	all_are(t, &a, t->others, false);
}

int main(void)
{
	auto_allowlist struct allowlist a = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		one(&tests[i]);
	ok(!allowlist_read(&a, "/nonexistent", &arena, &err) && !a.exists &&
		   allowlist_allows(&a, "x"),
	   "no file allows all");
	ok(!allowlist_parse(&a, "\n \n", &arena, &err) && !allowlist_allows(&a, "x"),
	   "one with nothing in it allows nothing");
	arena_free(&arena);
	return done_testing();
}
