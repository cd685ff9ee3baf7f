/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding by netlink, on the kernel's nf_tables, in a namespace of the test's own: rules as
 * iptables writes and reads them, our table, looks that have been overtaken.
 */
#include "plugins/meta/firewall/iptables_rules.h"
#include "says.h"
#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "nft/chain.h"
#include "plugins/meta/firewall/iptables_nft.h"
#include "plugins/meta/firewall/nftables.h"

static struct arena arena;
static struct err err;
static struct nl nl;
static struct cni_call call = { .nft = &nl, .arena = &arena, .err = &err };

/* ---- one rule -------------------------------------------------------------------------------- */

struct seen {
	struct xt_rule rules[32];
	const char *tags[32];
	bool known[32];
	size_t n;
};

static struct seen *scan(const struct nft_table *t, const char *chain)
{
	struct seen *s = arena_new(&arena, struct seen);
	struct nft_rule_list rules = { 0 };

	if (nft_rules(&nl, t, chain, &rules, &arena) < 0)
		printf("# %s\n", err.msg);
	for (; s->n < rules.n && s->n < ARRAY_SIZE(s->rules); s->n++) {
		s->known[s->n] = xt_rule_read(&rules.list[s->n], t->family, &s->rules[s->n]);
		s->tags[s->n] = rules.list[s->n].tag;
	}
	return s;
}

/* What iptables has written is read, printed as it saves it, and written again the same. */
static void test_iptables_rules(void)
{
	static const char *const rules[] = {
		"-s 10.1.0.2/32 -j ACCEPT",
		"-d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-s 10.0.0.0/8 -j DROP",
		"-s 10.1.16.0/20 -d 10.1.0.0/16 -j RETURN",
		"-i br0 ! -o br0 -m comment --comment \"some (words: a|b)\" -j OTHER",
		"-i br0 -o br0 -j DROP",
		"-i fifteen_letters -j DROP",
		"-m comment --comment \"x\" -j RETURN",
	};
	const struct nft_table *t = &nft_ipt_filter[0];
	struct seen *s, *again;

	says(&arena, "iptables -N OTHER; iptables -N ONE; iptables -N TWO");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		says(&arena, arena_printf(&arena, "iptables -A ONE %s", rules[i]));
	s = scan(t, "ONE");
	ok(s->n == ARRAY_SIZE(rules), "%zu rules", s->n);
	nft_begin(&nl, 64, &arena);
	for (size_t i = 0; i < s->n; i++)
		xt_rule_put(&nl, t, "TWO", false, &s->rules[i], "a tag");
	ok(!nft_commit(&nl), "written again: %s", err.msg);
	again = scan(t, "TWO");
	for (size_t i = 0; i < s->n; i++) {
		ok(s->known[i], "is understood: %s", rules[i]);
		is_str(xt_rule_save(&s->rules[i], &arena), rules[i], "as it is saved");
		ok(!*s->tags[i] && !strcmp(again->tags[i], "a tag"), "its tag");
		ok(xt_rule_equal(&s->rules[i], &again->rules[i]), "the same again");
	}
	is_str(says(&arena, "iptables -S TWO | sed 's/TWO/ONE/'"), says(&arena, "iptables -S ONE"),
	       "iptables lists the same");
	says(&arena,
	     "iptables -D TWO -s 10.1.0.2/32 -j ACCEPT; "
	     "iptables -D TWO -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
	ok(scan(t, "TWO")->n == ARRAY_SIZE(rules) - 2, "iptables finds and deletes them");
}

/* Something more, or something else: no rule of ours. */
static void test_other_rules(void)
{
	static const char *const rules[] = {
		"-s 10.1.0.2/32 -p tcp -j ACCEPT",
		"! -s 10.1.0.2/32 -j ACCEPT",
		"! -i br0 -j ACCEPT",
		"-i br+ -j DROP",
		"-s 10.1.0.2/32",
		"-d 10.1.0.2/32 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT",
		"-d 10.1.0.2/32 -m conntrack ! --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-m comment --comment a -m comment --comment b -j ACCEPT",
		"-s 10.1.0.2/255.0.255.255 -j ACCEPT",
		"-f -s 10.1.0.2/32 -j ACCEPT",
		"-s 10.1.0.2/32 -j LOG",
	};
	struct seen *s;

	says(&arena, "iptables -N ODD");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		says(&arena, arena_printf(&arena, "iptables -A ODD %s", rules[i]));
	s = scan(&nft_ipt_filter[0], "ODD");
	ok(s->n == ARRAY_SIZE(rules), "%zu rules", s->n);
	for (size_t i = 0; i < s->n; i++)
		ok(!s->known[i], "is not understood: %s", rules[i]);
	says(&arena, "iptables -F; iptables -X");
}

/* ---- an attachment --------------------------------------------------------------------------- */

static struct fw_forward *forward(const char *comment, const char *const *addresses, size_t n)
{
	struct fw_forward *f = arena_new(&arena, struct fw_forward);
	const struct ip **ips = arena_array(&arena, const struct ip *, n + 1);

	for (size_t i = 0; i < n; i++) {
		struct ip *ip = arena_new(&arena, struct ip);

		if (!cidr_parse(ip, addresses[i]))
			abort();
		ips[i] = ip;
	}
	f->c = &call;
	f->ips = ips;
	f->n_ips = n;
	f->comment = comment;
	f->network = "net";
	f->admin = "CNI-ADMIN";
	f->bridge = "br0";
	return f;
}

static const char *const addresses[] = { "10.1.0.2/16", "fd00::2/64" };

static struct fw_forward *both(const char *comment)
{
	return forward(comment, addresses, ARRAY_SIZE(addresses));
}

static bool is_ready(const struct fw_backend *backend, const char *comment)
{
	bool ready = false;

	return backend->ready(both(comment), &ready) == 0 && ready;
}

static void test_way(const struct fw_backend *backend)
{
	struct fw_forward *f = both("a"), *other = both("b");

	ok(backend->verify(f) < 0 && err.code == ERR_CHECK, "%s: nothing there: %s", backend->name,
	   err.msg);
	ok(!backend->release(f), "nothing to remove: %s", err.msg);
	ok(!is_ready(backend, "a"), "not ready");
	ok(!backend->prepare(f) && !backend->add(f), "added: %s", err.msg);
	ok(is_ready(backend, "a"), "ready");
	ok(!backend->verify(both("a")), "there: %s", err.msg);
	ok(!backend->undo(f), "taken back: %s", err.msg);
	ok(backend->verify(both("a")) < 0 && !is_ready(backend, "a"), "nothing there: %s", err.msg);
	ok(!backend->restore(both("a")) && !backend->verify(both("a")), "restored: %s", err.msg);
	ok(!backend->release(other) && !backend->verify(both("a")), "another's DEL leaves it: %s",
	   err.msg);
	other = both("b");
	ok(!backend->prepare(other) && !backend->add(other) && !backend->verify(both("b")),
	   "the address has gone over to another: %s", err.msg);
	ok(!backend->release(both("a")) && !backend->verify(both("b")),
	   "whom the first one's DEL leaves alone: %s", err.msg);
	ok(!backend->release(forward("b", NULL, 0)) && backend->verify(both("b")) < 0,
	   "by the owner alone");
}

static bool not_a(const char *comment, void *data)
{
	(void)data;
	return strcmp(comment, "a") != 0;
}

static const struct fw_forward *no_heir(const char *bridge, void *data)
{
	is_str(bridge, "br0", "the bridge asked for");
	return data;
}

static void test_collecting(const struct fw_backend *backend)
{
	const char **many = arena_array(&arena, const char *, 500);
	struct fw_forward *f,
		successor = { .network = "successor", .bridge = "br0", .isolated = true };

	for (int i = 0; i < 500; i++)
		many[i] = arena_printf(&arena, "10.2.%d.%d/16", i / 200, i % 200 + 1);
	f = forward("b", many, 500);
	ok(!backend->prepare(f) && !backend->add(f), "%s: 500 addresses: %s", backend->name,
	   err.msg);
	ok(!backend->verify(forward("b", many, 500)), "all there: %s", err.msg);
	ok(!backend->restore(both("a")), "and another's: %s", err.msg);
	ok(!backend->gc(&call, not_a, NULL), "swept: %s", err.msg);
	ok(!backend->verify(both("a")), "the other's are there: %s", err.msg);
	ok(backend->verify(f) < 0, "these are gone");
	ok(!backend->policy_reassign(&call, "else", no_heir, NULL) && is_ready(backend, "a"),
	   "nothing of another network's");
	ok(!backend->policy_reassign(&call, "net", no_heir, &successor), "to an successor: %s",
	   err.msg);
	ok(!backend->policy_reassign(&call, "net", no_heir, NULL), "nothing left: %s", err.msg);
	ok(!backend->policy_reassign(&call, "successor", no_heir, NULL) && !is_ready(backend, "a"),
	   "gone with the successor");
}

/* ---- a look that does not hold any more ------------------------------------------------------ */

static void test_generation(void)
{
	static const struct nft_table t = { NFPROTO_INET, "generation" };
	uint32_t at;

	ok(!nft_generation(&nl, &at), "a generation");
	nft_begin_at(&nl, 0, &arena, at);
	nft_table_add(&nl, &t, NULL);
	ok(!nft_commit(&nl), "in it: %s", err.msg);
	nft_begin_at(&nl, 0, &arena, at);
	nft_chain_add(&nl, &t, "late", NULL);
	ok(nft_commit(&nl) < 0 && err.sys == ERESTART, "too late: %s", err.msg);
	is_str(says(&arena, "nft list table inet generation | grep chain"), "", "nothing done");
	err_clear(&err);
}

int main(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || nft_open(&nl, NULL, &err) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0) /* iptables' lock */
		return 1;
	test_iptables_rules();
	test_other_rules();
	test_way(&fw_nftables);
	test_way(&fw_iptables_nft);
	test_collecting(&fw_nftables);
	test_collecting(&fw_iptables_nft);
	test_generation();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
