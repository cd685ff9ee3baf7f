/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of rules: what nft(8) has written, statement by statement, in a namespace of the
 * test's own. Memory of a dump that is given back.
 */
#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "nft/chain.h"
#include "nft/list.h"
#include "nft/rule.h"

static struct arena arena;
static struct err err;
static struct nl nl;
static const struct nft_table ip4 = { NFPROTO_IPV4, "t" }, inet = { NFPROTO_INET, "t" };

static struct nft_rule_list rules_of(const struct nft_table *t, const char *chain)
{
	struct nft_rule_list rules;

	ok(!nft_rules(&nl, t, chain, &rules, &arena), "listed: %s", err.msg);
	return rules;
}

static void nft(const char *command)
{
	ok(system(arena_printf(&arena, "nft '%s'", command)) == 0, "%s", command);
}

static bool is_match(const struct nft_stmt *s, enum nft_field field, const void *data, size_t len)
{
	return s->kind == NFT_STMT_MATCH && s->field == field && s->len >= len &&
	       !memcmp(s->data, data, len);
}

static void test_statements(void)
{
	struct nft_rule_list rules;
	const struct nft_stmt *s;

	nft("add rule ip t a iifname eth0 oifname != \"br*\" ip saddr 10.0.0.0/9 ip daddr != 10.1.0.2 "
	    "tcp dport 80 counter goto b comment \"words\"");
	rules = rules_of(&ip4, "a");
	ok(rules.n == 1 && !strcmp(rules.list[0].comment, "words") && !*rules.list[0].tag &&
		   rules.list[0].handle && rules.list[0].n == 8,
	   "a rule of eight statements");
	s = rules.list[0].stmts;
	ok(is_match(&s[0], NFT_FIELD_IIFNAME, "eth0", 5) && !s[0].negated, "iifname");
	ok(is_match(&s[1], NFT_FIELD_OIFNAME, "br", 2) && s[1].negated && s[1].len == 2, "oifname");
	ok(is_match(&s[2], NFT_FIELD_SADDR, "\12\0\0", 4) && s[2].plen == 9, "a network");
	ok(is_match(&s[3], NFT_FIELD_DADDR, "\12\1\0\2", 4) && s[3].negated && s[3].plen == 32,
	   "not an address");
	ok(is_match(&s[4], NFT_FIELD_PROTOCOL, "\6", 1), "protocol");
	ok(is_match(&s[5], NFT_FIELD_DPORT, "\0P", 2), "port");
	ok(s[6].kind == NFT_STMT_COUNTER, "counter");
	ok(s[7].kind == NFT_STMT_VERDICT && s[7].verdict == NFT_GOTO && !strcmp(s[7].name, "b"),
	   "goto");
	ok(nft_rule_leads_to(&rules.list[0], "b") && !nft_rule_leads_to(&rules.list[0], "a"),
	   "where it leads");
}

static bool is_known(const struct nft_rule_info *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->stmts[i].kind == NFT_STMT_OTHER ||
		    (rule->stmts[i].kind == NFT_STMT_MATCH &&
		     rule->stmts[i].field == NFT_FIELD_OTHER))
			return false;
	return true;
}

/* Whatever is more than an equation of a known field is not taken for one. */
static void test_others(void)
{
	static const char *const others[] = {
		"ip saddr & 255.0.255.0 == 10.0.1.0 accept",
		"ip saddr 10.0.0.1-10.0.0.9 accept",
		"ip saddr { 10.0.0.1, 10.0.0.2 } accept",
		"ct state established accept",
		"meta mark 1 accept",
		"ip ttl 5 accept",
		"tcp sport 80 accept",
		"ip saddr > 10.0.0.1 accept",
		"fib daddr type local accept",
		"limit rate 1/second accept",
	};
	struct nft_rule_list rules;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		nft(arena_printf(&arena, "add rule ip t c %s", others[i]));
	rules = rules_of(&ip4, "c");
	ok(rules.n == ARRAY_SIZE(others), "%zu rules", rules.n);
	for (size_t i = 0; i < rules.n; i++)
		ok(!is_known(&rules.list[i]), "not all of it is known: %s", others[i]);
	nft("add rule inet t c ip saddr 10.0.0.1 accept");
	ok(!is_known(&rules_of(&inet, "c").list[0]), "nor an address in a table of both families");
}

static bool has_comment(const struct nft_rule_info *rule, void *data)
{
	return !strcmp(rule->comment, data);
}

static void test_chains(void)
{
	static const char *const from[] = { "a", "d", NULL };
	static const struct nft_chain_removal removal = { .chain = "b", .from = from };
	char comment[] = "gone";
	size_t n;
	bool has;

	nft("add rule ip t d jump b");
	ok(!nft_count_jumps(&nl, &ip4, "d", "b", &arena, &n) && n == 1, "a jump");
	ok(!nft_count_jumps(&nl, &ip4, "a", "b", &arena, &n) && n == 1, "one behind matches");
	ok(!nft_chain_remove(&nl, &ip4, &removal, &arena), "removed: %s", err.msg);
	ok(!nft_has_chain(&nl, &ip4, "b", &has) && !has, "the chain");
	ok(!rules_of(&ip4, "a").n && !rules_of(&ip4, "d").n, "and the rules");
	for (int i = 0; i < 3; i++)
		nft(i % 2 ? "add rule ip t d accept comment \"stays\""
			  : "add rule ip t d accept comment \"gone\"");
	ok(!nft_rules_del(&nl, &ip4, NULL, has_comment, comment, &arena), "deleted: %s", err.msg);
	ok(rules_of(&ip4, "d").n == 1, "one is left");
	ok(!rules_of(&ip4, "none").n, "no such chain");
}

static void test_rewind(void)
{
	struct arena a = { 0 }, mark;
	char *first, *again;
	bool zero = true;

	memset(arena_alloc(&a, 100), 1, 100);
	mark = a;
	first = memset(arena_alloc(&a, 1000), 1, 1000);
	memset(arena_alloc(&a, (size_t)1 << 20), 1, (size_t)1 << 20);
	arena_rewind(&a, &mark);
	again = arena_alloc(&a, 1000);
	for (size_t i = 0; i < 1000; i++)
		zero &= !again[i];
	ok(again == first && zero, "the same memory, zeroed");
	arena_free(&a);
	mark = a;
	arena_alloc(&a, 1);
	arena_rewind(&a, &mark);
	ok(!a.head && !a.at, "back to nothing");
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0 || nft_open(&nl, NULL, &err) < 0)
		return 1;
	nft("add table ip t; add chain ip t a; add chain ip t b; add chain ip t c; "
	    "add chain ip t d; add table inet t; add chain inet t c");
	test_statements();
	test_others();
	test_chains();
	test_rewind();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
