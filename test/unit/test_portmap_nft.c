/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports in nf_tables, on the kernel's, in a namespace of the test's own; nft(8) says what is
 * there.
 */
#include "plugins/meta/portmap/nft_elems.h"
#include "says.h"
#include "tap.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "nft/table_scan.h"
#include "plugins/meta/portmap/nft_compat.h"
#include "plugins/meta/portmap/nft_table.h"

static struct arena arena;
static struct err err;
static struct nl nl;

static struct ip ip_of(const char *text)
{
	struct ip ip = { 0 };

	if (text && !(strchr(text, '/') ? cidr_parse(&ip, text) : ip_parse(&ip, text)))
		abort();
	return ip;
}

static struct portmap_mapping mapping(const char *at, uint8_t protocol, uint16_t port,
				      const char *to, uint16_t to_port)
{
	return (struct portmap_mapping){ .at = ip_of(at),
					 .to = ip_of(to),
					 .protocol = protocol,
					 .port = port,
					 .to_port = to_port };
}

static struct portmap conf_of(const struct portmap_mapping *m, size_t n)
{
	struct portmap_mapping *copy = arena_array(&arena, struct portmap_mapping, n + 1);

	if (n)
		memcpy(copy, m, n * sizeof(*m));
	return (struct portmap){ .snat = true, .list = { copy, n } };
}

static bool is_b(const char *comment, const char *other)
{
	(void)comment;
	return !strcmp(other, "b");
}

static struct nft_elems elems_of(const struct portmap_mapping *m, size_t n, const char *comment)
{
	const struct portmap conf = conf_of(m, n);

	return portmap_nft_elems(&conf, comment, &arena);
}

static const char *elements(const char *map)
{
	const char *text = says(
		&arena,
		arena_printf(&arena, "nft list map inet cnic_portmap %s 2>&1 | grep -A9 elements",
			     map));

	return arena_strndup(&arena, text, strcspn(text, "}"));
}

/* ---- our table ------------------------------------------------------------------------------- */

static void test_claim(void)
{
	const struct portmap_mapping m[] = {
		mapping(NULL, IPPROTO_TCP, 8080, "10.1.0.2/16", 80),
		mapping("192.0.2.1", IPPROTO_SCTP, 8080, "10.1.0.2/16", 81),
		mapping(NULL, IPPROTO_DCCP, 9, "fd00::2/64", 90),
		mapping("::1", IPPROTO_UDP, 8081, "fd00::2/64", 82),
	};
	struct nft_elems a = elems_of(m, ARRAY_SIZE(m), "a");

	ok(!nft_elems_del(&nl, &a, &arena), "nothing there to remove: %s", err.msg);
	ok(!nft_elems_add(&nl, &a, &arena), "the first makes the table: %s", err.msg);
	is_str(elements("any4"), "elements = { tcp . 8080 comment \"a\" : 10.1.0.2 . 80 ", "any4");
	is_str(elements("host4"),
	       "elements = { 192.0.2.1 . sctp . 8080 comment \"a\" : 10.1.0.2 . 81 ", "host4");
	is_str(elements("any6"), "elements = { dccp . 9 comment \"a\" : fd00::2 . 90 ", "any6");
	is_str(elements("host6"), "elements = { ::1 . udp . 8081 comment \"a\" : fd00::2 . 82 ",
	       "host6");
	is_str(elements("snat4"), "elements = { 10.1.0.2 comment \"a\" : goto from_10.1.0.0/16 ",
	       "snat4, once");
	ok(!nft_elems_check(&nl, &a, &arena), "all there: %s", err.msg);
	ok(!nft_elems_add(&nl, &a, &arena) && nft_scan_is_fine(a.before[0]), "again: %s", err.msg);
}

static void test_rules(void)
{
	is_str(says(&arena, "nft list chain inet cnic_portmap ports4"),
	       "table inet cnic_portmap {\nchain ports4 {\n"
	       "dnat ip to ip daddr . meta l4proto . th dport map @host4\n"
	       "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4\n}\n}\n",
	       "one address before all");
	is_str(says(&arena, "nft list chain inet cnic_portmap loopback"),
	       "table inet cnic_portmap {\nchain loopback {\n"
	       "type nat hook prerouting priority dstnat - 2; policy accept;\n"
	       "iif != \"lo\" ip daddr 127.0.0.0/8 drop\n}\n}\n",
	       "loopback addresses");
	is_str(says(&arena, "nft list chain inet cnic_portmap postrouting"),
	       "table inet cnic_portmap {\nchain postrouting {\n"
	       "type nat hook postrouting priority srcnat; policy accept;\n"
	       "ct status dnat ip daddr vmap @snat4\nct status dnat ip6 daddr vmap @snat6\n}\n}\n",
	       "sources");
	is_str(says(&arena, "nft list chain inet cnic_portmap from_10.1.0.0/16"),
	       "table inet cnic_portmap {\nchain from_10.1.0.0/16 {\n"
	       "ip saddr 10.1.0.0/16 masquerade\nip saddr 127.0.0.0/8 masquerade\n}\n}\n",
	       "of a subnet");
}

/* "a" has 8080/tcp on all addresses. */
static void test_conflicts(void)
{
	const struct portmap_mapping taken[] = {
		mapping(NULL, IPPROTO_TCP, 8079, "10.1.0.3/16", 80),
		mapping(NULL, IPPROTO_TCP, 8080, "10.1.0.3/16", 80)
	};
	const struct portmap_mapping beside[] = {
		mapping("192.0.2.1", IPPROTO_TCP, 8080, "10.1.0.3/16", 80),
		mapping(NULL, IPPROTO_UDP, 8080, "10.1.0.3/16", 80),
	};
	const struct portmap_mapping same[] = { mapping(NULL, IPPROTO_TCP, 8080, "10.1.0.2/16",
							80) };
	struct nft_elems b = elems_of(taken, 2, "b"), c = elems_of(beside, 2, "c"),
			 d = elems_of(same, 1, "d"), e = elems_of(taken, 2, "e");

	ok(nft_elems_add(&nl, &b, &arena) < 0 && err.code == ERR_IN_USE, "another's: %s", err.msg);
	ok(strstr(err.msg, "host port 8080/tcp") && strstr(err.msg, "(a)"), "who has what");
	err_clear(&err);
	ok(!strstr(elements("any4"), "8079") && !strstr(elements("snat4"), "10.1.0.3"),
	   "nothing of it is there");
	ok(!nft_elems_add(&nl, &c, &arena), "one address, another protocol: %s", err.msg);
	ok(!nft_elems_del(&nl, &c, &arena), "gone again: %s", err.msg);
	ok(!nft_elems_add(&nl, &d, &arena) && !nft_scan_is_fine(d.before[0]),
	   "whose address we were given: %s", err.msg);
	ok(nft_elems_add(&nl, &b, &arena) < 0, "it is d's now: %s", err.msg);
	err_clear(&err);
	ok(!nft_elems_del(&nl, &d, &arena) && !nft_elems_add(&nl, &b, &arena), "free: %s", err.msg);
	e.same_container = is_b;
	ok(!nft_elems_add(&nl, &e, &arena) && nft_scan_is_fine(e.before[0]) &&
		   nft_scan_is_fine(e.before[2]),
	   "of the same party: %s", err.msg);
	ok(strstr(elements("any4"), "comment \"b\""), "who was first has it");
	ok(!nft_elems_del(&nl, &e, &arena) && strstr(elements("any4"), "comment \"b\""),
	   "and keeps it");
	ok(!nft_elems_del(&nl, &b, &arena), "gone: %s", err.msg);
}

/* As much as a container may ask for. */
static void test_many(void)
{
	struct portmap_mapping *m = arena_array(&arena, struct portmap_mapping, 10000);
	struct nft_elems c;

	for (uint16_t i = 0; i < 5000; i++) {
		m[i] = mapping(NULL, IPPROTO_TCP, (uint16_t)(10000 + i), "10.1.0.2/16", i);
		m[5000 + i] = mapping(NULL, IPPROTO_TCP, (uint16_t)(10000 + i), "fd00::2/64", i);
	}
	c = elems_of(m, 10000, "many");
	says(&arena, "nft flush ruleset");
	ok(!nft_elems_add(&nl, &c, &arena), "10000 with the table: %s", err.msg);
	ok(!nft_elems_check(&nl, &c, &arena), "all there: %s", err.msg);
	says(&arena, "nft flush chain inet cnic_portmap loopback");
	ok(nft_elems_check(&nl, &c, &arena) < 0, "%s", err.msg);
	err_clear(&err);
	ok(!nft_elems_restore(&nl, &c, &arena) && !nft_elems_check(&nl, &c, &arena), "put back: %s",
	   err.msg);
	ok(!nft_elems_del(&nl, &c, &arena), "released: %s", err.msg);
	is_str(elements("any4"), "", "none left");
}

static void test_conditions(void)
{
	static const char *const words[] = { "!", "-d", "192.0.2.0/24", "-i", "eth+" };
	const struct portmap_mapping m[] = { mapping(NULL, IPPROTO_TCP, 80, "10.1.0.2/16", 80) };
	struct portmap conf = conf_of(m, 1);
	struct nft_elems c;

	conf.masq_all = true;
	ok(!condition_parse(words, ARRAY_SIZE(words), AF_INET, &conf.cond[0], &arena, &err), "%s",
	   err.msg);
	c = portmap_nft_elems(&conf, "a", &arena);
	c.table = portmap_nft_table(conf.cond, "x", &arena);
	ok(!nft_elems_add(&nl, &c, &arena) && !nft_elems_check(&nl, &c, &arena), "a table: %s",
	   err.msg);
	is_str(says(&arena, "nft list chain inet cnic_portmap_x output"),
	       "table inet cnic_portmap_x {\nchain output {\n"
	       "type nat hook output priority -101; policy accept;\n"
	       "ip daddr != 192.0.2.0/24 iifname \"eth*\" fib daddr type local jump ports4\n"
	       "meta nfproto ipv6 fib daddr type local jump ports6\n}\n}\n",
	       "its conditions, before the other table");
	is_str(says(&arena, "nft list chain inet cnic_portmap_x from_all"),
	       "table inet cnic_portmap_x {\nchain from_all {\nmasquerade\n}\n}\n", "everybody");
	ok(!nft_elems_del(&nl, &c, &arena), "gone: %s", err.msg);
}

/* ---- the reference's ------------------------------------------------------------------------- */

/* A call of that container. */
static struct cni_call *call_of(const char *id)
{
	struct cni_request *req = arena_new(&arena, struct cni_request);
	struct cni_call *c = arena_new(&arena, struct cni_call);

	req->container_id = id;
	*c = (struct cni_call){ .req = req, .nft = &nl, .arena = &arena, .err = &err };
	return c;
}

static bool is_there(struct cni_call *c, const struct portmap *conf)
{
	bool there = portmap_compat_check(c, conf) == 0;

	ok(there || err.code == ERR_CHECK, "checked: %s", err.msg);
	err_clear(&err);
	return there;
}

static void test_reference(void)
{
	const struct portmap_mapping m[] = { mapping(NULL, IPPROTO_TCP, 8080, "10.1.0.2/16", 80),
					     mapping("::1", IPPROTO_UDP, 8081, "fd00::2/64", 82) };
	const struct portmap_mapping second[] = { mapping(NULL, IPPROTO_UDP, 8, "10.2.0.2/16",
							  80) };
	const struct portmap_mapping other[] = { mapping(NULL, IPPROTO_TCP, 8080, "10.1.0.9/16",
							 80) };
	const struct portmap r = conf_of(m, 2), s = conf_of(second, 1), o = conf_of(other, 1),
			     all = conf_of(NULL, 0);
	struct cni_call *id = call_of("id");
	const char *before;

	ok(!is_there(id, &r), "nothing there");
	ok(!portmap_compat_del(id, "id", &r), "nothing to remove: %s", err.msg);
	ok(!portmap_compat_add(id, &r), "set: %s", err.msg);
	is_str(says(&arena, "nft list chain ip cni_hostport hostports"),
	       "table ip cni_hostport {\nchain hostports {\n"
	       "tcp dport 8080 dnat to 10.1.0.2:80 comment \"id\"\n}\n}\n",
	       "IPv4");
	is_str(says(&arena, "nft list chain ip6 cni_hostport hostports"),
	       "table ip6 cni_hostport {\nchain hostports {\n"
	       "ip6 daddr ::1 udp dport 8081 dnat to [fd00::2]:82 comment \"id\"\n}\n}\n",
	       "IPv6");
	ok(is_there(id, &r), "there");
	before = says(&arena, "nft list ruleset");
	ok(!portmap_compat_add(id, &r), "again: %s", err.msg);
	is_str(says(&arena, "nft list ruleset"), before, "is nothing new");
	ok(portmap_compat_add(call_of("other"), &o) < 0 && err.code == ERR_IN_USE, "another's: %s",
	   err.msg);
	err_clear(&err);
	ok(!portmap_compat_add(id, &s), "a second interface: %s", err.msg);
	ok(!portmap_compat_del(id, "id", &s), "goes: %s", err.msg);
	is_str(says(&arena, "nft list ruleset"), before, "alone");
	says(&arena, "nft flush chain ip cni_hostport hostports_all");
	ok(!is_there(id, &r), "nothing leads there");
	ok(!portmap_compat_del(id, "id", &all), "all of the container's: %s", err.msg);
	is_str(says(&arena, "nft list ruleset | grep '\"id\"'"), "", "none left");
}

static void test_reference_many(void)
{
	struct portmap_mapping *m = arena_array(&arena, struct portmap_mapping, 1000);
	struct cni_call *many = call_of("many");
	struct portmap r;

	for (uint16_t i = 0; i < 1000; i++)
		m[i] = mapping("192.0.2.1", IPPROTO_TCP, (uint16_t)(10000 + i), "10.1.0.2/16", 9);
	r = conf_of(m, 1000);
	ok(!portmap_compat_add(many, &r), "1000: %s", err.msg);
	ok(is_there(many, &r), "all there");
	ok(!portmap_compat_add(many, &r), "again: %s", err.msg);
	ok(!portmap_compat_del(many, "many", &r), "removed: %s", err.msg);
	ok(!is_there(many, &r), "none left");
}

int main(void)
{
	if (unshare(CLONE_NEWNET) < 0 || nft_open(&nl, NULL, &err) < 0)
		return 1;
	test_claim();
	test_rules();
	test_conflicts();
	test_many();
	test_conditions();
	test_reference();
	test_reference_many();
	nl_close(&nl);
	arena_free(&arena);
	return done_testing();
}
