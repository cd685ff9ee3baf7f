/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_tables by netlink, on the kernel's, in a namespace of the test's own; nft(8) says what is
 * there.
 */
#include "says.h"
#include "tap.h"

#include <sched.h>
#include <stdlib.h>

#include "netfilter/masq_nft.h"
#include "nft/table_scan.h"

static struct arena arena;
static struct err err;
static struct nl nl;

static struct nft_elems elems_of(const char *address, const char *comment)
{
	struct cni_ipconfig ip = { 0 };
	const struct cni_result r = { .ips = &ip, .n_ips = 1 };

	if (!cidr_parse(&ip.address, address))
		abort();
	return masq_nft_elems(&r, comment, &arena);
}

static bool elements_are(const char *set, const char *want)
{
	const char *text = says(
		&arena,
		arena_printf(&arena,
			     "nft list map inet cnic_masquerade %s 2>&1 | grep -A9 elements", set));
	bool same = !strcmp(text, want);

	if (!same)
		printf("# %s\n", text);
	return same;
}

static void test_claim(void)
{
	struct nft_elems a = elems_of("10.1.0.2/16", "a"), b = elems_of("fd00::2/64", "b");

	ok(nft_elems_check(&nl, &a, &arena) < 0 && err.code == ERR_CHECK, "nothing there: %s",
	   err.msg);
	ok(!nft_elems_del(&nl, &a, &arena), "nothing there to remove: %s", err.msg);
	ok(!nft_elems_add(&nl, &a, &arena), "the first makes the table: %s", err.msg);
	is_str(says(&arena, "nft list chain inet cnic_masquerade to_10.1.0.0/16"),
	       "table inet cnic_masquerade {\nchain to_10.1.0.0/16 {\nip daddr 10.1.0.0/16 return\n"
	       "masquerade\n}\n}\n",
	       "as nft(8) sees the subnet's chain");
	is_str(says(&arena, "nft list chain inet cnic_masquerade postrouting"),
	       "table inet cnic_masquerade {\nchain postrouting {\n"
	       "type nat hook postrouting priority srcnat; policy accept;\n"
	       "ip daddr 224.0.0.0/4 return\nip6 daddr ff00::/8 return\nip saddr vmap @v4\n"
	       "ip6 saddr vmap @v6\n}\n}\n",
	       "and the base chain");
	ok(elements_are("v4",
			"elements = { 10.1.0.2 comment \"a\" : goto to_10.1.0.0/16 }\n}\n}\n"),
	   "and the element");
	ok(!nft_elems_add(&nl, &a, &arena), "again: %s", err.msg);
	ok(nft_scan_is_fine(a.before[0]), "it was there");
	ok(!nft_elems_add(&nl, &b, &arena) && !nft_scan_is_fine(b.before[0]),
	   "IPv6, in the same table: %s", err.msg);
	ok(elements_are("v6", "elements = { fd00::2 comment \"b\" : goto to_fd00__/64 }\n}\n}\n"),
	   "its element");
	ok(!nft_elems_check(&nl, &a, &arena) && !nft_elems_check(&nl, &b, &arena),
	   "both are there: %s", err.msg);
}

static void test_others(void)
{
	struct nft_elems a = elems_of("10.1.0.2/16", "a"), c = elems_of("10.1.0.2/16", "c");

	c.conflict_is_error = true;
	ok(nft_elems_add(&nl, &c, &arena) < 0 && err.code == ERR_IN_USE, "another's: %s", err.msg);
	c.conflict_is_error = false;
	ok(!nft_elems_del(&nl, &c, &arena) && !nft_elems_check(&nl, &a, &arena),
	   "is not removed either");
	ok(!nft_elems_add(&nl, &c, &arena) && !nft_scan_is_fine(c.before[0]),
	   "it can be taken over: %s", err.msg);
	ok(nft_elems_check(&nl, &a, &arena) < 0, "and is gone then: %s", err.msg);
	ok(!nft_elems_undo(&nl, &c, &arena) && nft_elems_check(&nl, &c, &arena) < 0, "taken back");
}

static void test_rules(void)
{
	struct nft_elems a = elems_of("10.1.0.2/16", "a");

	ok(!nft_elems_add(&nl, &a, &arena), "there: %s", err.msg);
	says(&arena, "nft flush chain inet cnic_masquerade to_10.1.0.0/16");
	ok(nft_elems_check(&nl, &a, &arena) < 0 && err.code == ERR_CHECK, "rules gone: %s",
	   err.msg);
	ok(!nft_elems_restore(&nl, &a, &arena) && !nft_elems_check(&nl, &a, &arena), "put back: %s",
	   err.msg);
	says(&arena, "nft flush ruleset");
	ok(nft_elems_check(&nl, &a, &arena) < 0, "all gone: %s", err.msg);
	ok(!nft_elems_restore(&nl, &a, &arena) && !nft_elems_check(&nl, &a, &arena), "put back: %s",
	   err.msg);
	ok(!nft_elems_restore(&nl, &a, &arena), "nothing to put back");
}

static bool not_a(const char *comment, void *data)
{
	(void)data;
	return strcmp(comment, "a") != 0;
}

static bool all(const char *comment, void *data)
{
	(void)comment, (void)data;
	return true;
}

static void test_sweep(void)
{
	struct cni_ipconfig *many = arena_array(&arena, struct cni_ipconfig, 3000);
	const struct cni_result r = { .ips = many, .n_ips = 3000 };
	struct nft_elems a = elems_of("10.1.0.2/16", "a"), c;
	struct ip ip;

	cidr_parse(&ip, "10.2.0.0/16");
	for (size_t i = 0; i < 3000; i++)
		many[i].address = ip = ip_add(&ip, 1);
	c = masq_nft_elems(&r, "b", &arena);
	ok(!nft_elems_add(&nl, &c, &arena), "3000 elements in one transaction: %s", err.msg);
	ok(!nft_elems_check(&nl, &c, &arena), "all there");
	ok(!nft_elems_gc(&nl, &masq_nft_table, not_a, NULL, &arena), "swept: %s", err.msg);
	ok(!nft_elems_check(&nl, &a, &arena), "a's is there");
	is_str(says(&arena, "nft list chains inet | grep 'chain to_'"), "chain to_10.1.0.0/16 {\n",
	       "and so is its chain, alone");
	ok(!nft_elems_gc(&nl, &masq_nft_table, all, NULL, &arena), "swept: %s", err.msg);
	ok(elements_are("v4", ""), "nothing left");
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0 || nft_open(&nl, NULL, &err) < 0)
		return 1;
	test_claim();
	test_others();
	test_rules();
	test_sweep();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
