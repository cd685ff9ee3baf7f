/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/net/ip: parse, print, compute. */
#include "net/ip.h"
#include "tap.h"

/* NULL: refused. */
static const struct {
	const char *text, *printed;
	uint8_t plen;
} addresses[] = {
	{ "10.1.0.2", "10.1.0.2", 32 },
	{ "0.0.0.0", "0.0.0.0", 32 },
	{ "255.255.255.255", "255.255.255.255", 32 },
	{ "fd00::2", "fd00::2", 128 },
	{ "FD00:0:0:0:0:0:0:2", "fd00::2", 128 },
	{ "::", "::", 128 },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 128 },
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 128 },
	{ "::ffff:10.1.0.2", "10.1.0.2", 32 },
	{ "::ffff:a01:2", "10.1.0.2", 32 },
	{ "64:ff9b::10.1.0.2", "64:ff9b::a01:2", 128 },
	{ "", NULL, 0 },
	{ "10.1.0", NULL, 0 },
	{ "10.1.0.256", NULL, 0 },
	{ "10.1.0.02", NULL, 0 },
	{ "10.1.0.2.", NULL, 0 },
	{ " 10.1.0.2", NULL, 0 },
	{ "10.1.0.2 ", NULL, 0 },
	{ "10.1.0.2/24", NULL, 0 },
	{ "0x0a.1.0.2", NULL, 0 },
	{ "fd00::2%eth0", NULL, 0 },
	{ "fd00:::2", NULL, 0 },
	{ "fd00::2::3", NULL, 0 },
	{ "12345::", NULL, 0 },
	{ "1:2:3:4:5:6:7", NULL, 0 },
	{ "x", NULL, 0 },
};

static const struct {
	const char *text, *printed;
} cidrs[] = {
	{ "10.1.0.2/24", "10.1.0.2/24" },
	{ "10.1.0.2/0", "10.1.0.2/0" },
	{ "10.1.0.2/32", "10.1.0.2/32" },
	{ "fd00::2/64", "fd00::2/64" },
	{ "::/0", "::/0" },
	{ "fd00::2/128", "fd00::2/128" },
	{ "::ffff:10.1.0.2/120", "10.1.0.2/24" },
	{ "::ffff:10.1.0.2/96", "10.1.0.2/0" },
	{ "10.1.0.2/33", NULL },
	{ "fd00::2/129", NULL },
	{ "10.1.0.2/", NULL },
	{ "10.1.0.2", NULL },
	{ "/24", NULL },
	{ "10.1.0.2/-1", NULL },
	{ "10.1.0.2/+1", NULL },
	{ "10.1.0.2/ 8", NULL },
	{ "10.1.0.2/8 ", NULL },
	{ "10.1.0.2/8/8", NULL },
	{ "10.1.0.2/4294967304", NULL },
	{ "10.1.0.2/99999999999999999999", NULL },
	{ "10.1.0.2/255.0.0.0", NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64", NULL },
};

static struct ip cidr(const char *text)
{
	struct ip ip;

	if (!cidr_parse(&ip, text) && !ip_parse(&ip, text))
		ok(false, "%s is an address", text);
	return ip;
}

static void parse_and_print(void)
{
	char buf[IP_STRLEN];
	struct ip ip;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		bool good = ip_parse(&ip, addresses[i].text);

		ok(good == !!addresses[i].printed, "ip \"%s\" is%s one", addresses[i].text,
		   addresses[i].printed ? "" : " not");
		if (!good || !addresses[i].printed)
			continue;
		is_str(ip_str(&ip, buf), addresses[i].printed, addresses[i].text);
		ok(ip.plen == addresses[i].plen, "%s: prefix %u", addresses[i].text, ip.plen);
	}
	for (size_t i = 0; i < sizeof(cidrs) / sizeof(*cidrs); i++) {
		bool good = cidr_parse(&ip, cidrs[i].text);

		ok(good == !!cidrs[i].printed, "cidr \"%s\" is%s one", cidrs[i].text,
		   cidrs[i].printed ? "" : " not");
		if (good && cidrs[i].printed)
			is_str(cidr_str(&ip, buf), cidrs[i].printed, cidrs[i].text);
	}
}

static const struct {
	const char *net, *network, *broadcast;
} nets[] = {
	{ "10.1.2.3/24", "10.1.2.0/24", "10.1.2.255/24" },
	{ "10.1.2.3/32", "10.1.2.3/32", "10.1.2.3/32" },
	{ "10.1.2.3/0", "0.0.0.0/0", "255.255.255.255/0" },
	{ "10.1.2.3/31", "10.1.2.2/31", "10.1.2.3/31" },
	{ "10.1.255.3/18", "10.1.192.0/18", "10.1.255.255/18" },
	{ "fd00::1:2/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff/64" },
	{ "fd00::1:2/127", "fd00::1:2/127", "fd00::1:3/127" },
	{ "fd00::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/0" },
};

static const struct {
	const char *net, *ip;
	bool in;
} members[] = {
	{ "10.1.0.0/24", "10.1.0.0", true },   { "10.1.0.9/24", "10.1.0.255", true },
	{ "10.1.0.0/24", "10.1.1.0", false },  { "0.0.0.0/0", "255.1.2.3", true },
	{ "10.1.0.1/32", "10.1.0.1", true },   { "10.1.0.1/32", "10.1.0.2", false },
	{ "10.1.0.0/24", "fd00::1", false },   { "::/0", "10.1.0.1", false },
	{ "fd00::/64", "fd00::ffff:1", true }, { "fd00::/64", "fd00:0:0:1::", false },
};

static const struct {
	const char *ip;
	uint32_t n;
	const char *sum;
} sums[] = {
	{ "10.1.0.1", 0, "10.1.0.1" },
	{ "10.1.0.1", 1, "10.1.0.2" },
	{ "10.1.0.255", 1, "10.1.1.0" },
	{ "10.255.255.255", 2, "11.0.0.1" },
	{ "255.255.255.255", 1, "0.0.0.0" },
	{ "0.0.0.0", UINT32_MAX, "255.255.255.255" },
	{ "fd00::ffff", 1, "fd00::1:0" },
	{ "fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::" },
	{ "fd00::1", UINT32_MAX, "fd00::1:0:0" },
};

static void compute(void)
{
	char buf[IP_STRLEN];

	for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++) {
		struct ip ip = cidr(nets[i].net), low = ip_network(&ip), high = ip_broadcast(&ip);

		is_str(cidr_str(&low, buf), nets[i].network, nets[i].net);
		is_str(cidr_str(&high, buf), nets[i].broadcast, nets[i].net);
	}
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		struct ip net = cidr(members[i].net), ip = cidr(members[i].ip);

		ok(cidr_contains(&net, &ip) == members[i].in, "%s %s %s", members[i].net,
		   members[i].in ? "contains" : "does not contain", members[i].ip);
	}
	for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
		struct ip ip = cidr(sums[i].ip), sum = ip_add(&ip, sums[i].n);

		is_str(ip_str(&sum, buf), sums[i].sum, sums[i].ip);
		ok(sum.plen == ip.plen, "the prefix is kept");
	}
}

static void compare(void)
{
	struct ip a = cidr("10.1.0.1/24"), b = cidr("10.1.0.1/25"), c = cidr("10.1.0.2/24");
	struct ip six = cidr("::1"), zero = cidr("0.0.0.0/0"), next = ip_add(&a, 1);

	ok(ip_equal(&a, &b) && !cidr_equal(&a, &b), "the prefix counts in cidr_equal() alone");
	ok(ip_cmp(&a, &c) < 0 && ip_cmp(&c, &a) > 0 && !ip_cmp(&a, &b), "order of addresses");
	ok(ip_cmp(&c, &six) < 0 && ip_cmp(&six, &zero) > 0, "IPv4 before IPv6");
	ok(ip_equal(&next, &c), "the next");
	a = cidr("127.9.9.9/8");
	b = cidr("128.0.0.1/8");
	ok(ip_is_loopback(&a) && ip_is_loopback(&six) && !ip_is_loopback(&b), "ip_is_loopback");
	ok(ip_bits(&a) == 32 && ip_bits(&six) == 128, "ip_bits");
}

int main(void)
{
	parse_and_print();
	compute();
	compare();
	return done_testing();
}
