/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions in words: which are understood, and as what nft(8) shows them. */
#include "nft/expr.h"
#include "tap.h"

#include <sched.h>
#include <string.h>

#include "base/arena.h"
#include "plugins/meta/portmap/condition.h"

static struct arena arena;
static struct err err;

/* Words are separated by '|'. */
static const struct test {
	const char *words;
	sa_family_t family;
	const char *shown; /* NULL: refused */
} tests[] = {
	{ "", AF_INET, "" },
	{ "-s|10.0.0.0/8", AF_INET, "ip saddr 10.0.0.0/8" },
	{ "--source|10.1.2.3/8", AF_INET, "ip saddr 10.0.0.0/8" },
	{ "!|-d|192.0.2.1", AF_INET, "ip daddr != 192.0.2.1" },
	{ "-i|eth+", AF_INET, "iifname \"eth*\"" },
	{ "!|--in-interface|eth0", AF_INET, "iifname != \"eth0\"" },
	{ "-s|fd00::/64|!|-d|fd00::1|-i|a", AF_INET6,
	  "ip6 saddr fd00::/64 ip6 daddr != fd00::1 iifname \"a\"" },
	{ "ip saddr 10.0.0.0/8", AF_INET, "ip saddr 10.0.0.0/8" },
	{ "ip|daddr|!=|192.0.2.0/24", AF_INET, "ip daddr != 192.0.2.0/24" },
	{ "ip saddr == 10.0.0.1 meta iifname != \"eth*\"", AF_INET,
	  "ip saddr 10.0.0.1 iifname != \"eth*\"" },
	{ "ip6  saddr\t::1", AF_INET6, "ip6 saddr ::1" },
	{ "-s", AF_INET, NULL },
	{ "!", AF_INET, NULL },
	{ "-s|fd00::1", AF_INET, NULL },
	{ "-s|10.0.0.0/33", AF_INET, NULL },
	{ "-s|10.0.0.0/255.0.0.0", AF_INET, NULL },
	{ "-s|10.0.0.1,10.0.0.2", AF_INET, NULL },
	{ "-s|", AF_INET, NULL },
	{ "-s 10.0.0.1", AF_INET, NULL },
	{ "-i|", AF_INET, NULL },
	{ "-i|+", AF_INET, NULL },
	{ "-i|sixteen_letters_", AF_INET, NULL },
	{ "-i|a/b", AF_INET, NULL },
	{ "-m|comment", AF_INET, NULL },
	{ "-j|ACCEPT", AF_INET, NULL },
	{ "ip saddr", AF_INET, NULL },
	{ "ip saddr !=", AF_INET, NULL },
	{ "ip saddr { 10.0.0.1, 10.0.0.2 }", AF_INET, NULL },
	{ "ip6 saddr fd00::1", AF_INET, NULL },
	{ "ip saddr 10.0.0.1", AF_INET6, NULL },
	{ "iifname", AF_INET, NULL },
	{ "iifname *", AF_INET, NULL },
	{ "iifname \"\"", AF_INET, NULL },
	{ "tcp dport 80", AF_INET, NULL },
	{ "ip saddr 10.0.0.1 accept", AF_INET, NULL },
};

static size_t split(const char *text, const char **words)
{
	char *copy = arena_strdup(&arena, text), *word;
	size_t n = 0;

	while (*text && (word = strsep(&copy, "|")))
		words[n++] = word;
	return n;
}

/* The rule as nft(8) prints it, without the verdict. */
static const char *shown(struct nl *nl, sa_family_t family, const struct condition *cond)
{
	const struct nft_table t = { nft_nfproto(family), "t" };
	static char line[1024];
	FILE *f;

	nft_begin(nl, 1, &arena);
	nft_table_add(nl, &t, NULL);
	nft_chain_add(nl, &t, "c", NULL);
	nft_chain_flush(nl, &t, "c");
	nft_rule(nl, &t, "c", NULL) {
		condition_put(nl, cond);
		nft_verdict(nl, NF_ACCEPT, NULL);
	}
	line[0] = '\0';
	if (nft_commit(nl) < 0)
		return err.msg;
	f = popen(family == AF_INET
			  ? "nft list chain ip t c | sed -n 's/ *accept$//p' | tr -d '\\t\\n'"
			  : "nft list chain ip6 t c | sed -n 's/ *accept$//p' | tr -d '\\t\\n'",
		  "r");
	if (!f || !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		pclose(f);
	return line;
}

static void check(struct nl *nl, const struct test *t)
{
	const char *words[16];
	size_t n = split(t->words, words);
	struct condition cond;
	int rc;

	err_clear(&err);
	rc = condition_parse(words, n, t->family, &cond, &arena, &err);
	if (!t->shown) {
		ok(rc < 0 && err.code == ERR_CONFIG && err.msg[0], "%s: %s", t->words, err.msg);
		return;
	}
	if (ok(!rc, "%s: %s", t->words, err.msg))
		is_str(shown(nl, t->family, &cond), t->shown, "as nft(8) has it");
}

static void test_language(void)
{
	static const char *const iptables[] = { "!", "-s" }, *const nft[] = { "ip" },
				 *const empty[] = { "" };

	is_str(condition_language(iptables, 2), "iptables", "by the first word");
	is_str(condition_language(nft, 1), "nftables", "by the first word");
	ok(!condition_language(empty, 1) && !condition_language(NULL, 0), "none");
}

int main(void)
{
	static struct nl nl;

	if (unshare(CLONE_NEWNET) < 0 || nft_open(&nl, NULL, &err) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		check(&nl, &tests[i]);
	test_language();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
