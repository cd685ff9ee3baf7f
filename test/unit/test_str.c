/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/base/str, pkg/net/mac: names and MAC addresses. */
#include "base/str.h"

#include "net/mac.h"
#include "tap.h"

static const struct {
	const char *name;
	bool good;
} names[] = {
	{ "a", true },         { "0", true },      { "A.b_c-1", true },
	{ "x..", true },       { "a--", true },    { "net.example.org", true },
	{ "", false },         { "-a", false },    { ".a", false },
	{ "_a", false },       { "..", false },    { "a b", false },
	{ "a/b", false },      { "a\n", false },   { "a:b", false },
	{ "\xc3\xa4", false }, { "a\xff", false }, { "a\x7f", false },
	{ "a;b", false },      { "a\\b", false },
};

static const char too_long[] = "interface name is too long";
static const char dots[] = "interface name is . or ..";
static const char bad[] = "interface name contains / or : or whitespace characters";
static const char pattern[] =
	"interface name contains %, from which the kernel would make another one";

static const struct {
	const char *name, *fault;
} ifnames[] = {
	{ "eth0", NULL },
	{ "fifteen-bytes15", NULL },
	{ "...", NULL },
	{ "a%d", pattern },
	{ "%", pattern },
	{ "a%%", pattern },
	{ "\xc3\xa4\xc3\xb6", NULL },
	{ "a\xe2\x80\x8b", NULL }, /* zero width space is no white space */
	{ "\xff", NULL },
	{ "", "interface name is empty" },
	{ "sixteen-bytes-16", too_long },
	{ "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", too_long },
	{ ".", dots },
	{ "..", dots },
	{ "a/b", bad },
	{ "/", bad },
	{ "a:b", bad },
	{ "a b", bad },
	{ "a\t", bad },
	{ "\n", bad },
	{ "a\v\f", bad },
	{ "a\r", bad },
	{ "a\xc2\x85", bad },
	{ "a\xc2\xa0", bad },
	{ "a\xe1\x9a\x80", bad },
	{ "a\xe2\x80\x80", bad },
	{ "a\xe2\x80\x8a", bad },
	{ "a\xe2\x80\xa8", bad },
	{ "a\xe2\x80\xaf", bad },
	{ "a\xe2\x81\x9f", bad },
	{ "a\xe3\x80\x80", bad },
};

static const struct {
	const char *text, *printed; /* NULL: refused */
} macs[] = {
	{ "02:00:00:00:00:01", "02:00:00:00:00:01" },
	{ "AA:bb:CC:dd:EE:ff", "aa:bb:cc:dd:ee:ff" },
	{ "02-00-00-00-00-01", "02:00:00:00:00:01" },
	{ "0200.0000.00aB", "02:00:00:00:00:ab" },
	{ "", NULL },
	{ "02:00:00:00:00", NULL },
	{ "02:00:00:00:00:01:02", NULL },
	{ "02:00:00:00:00:01 ", NULL },
	{ "02:00:00:00:00:0", NULL },
	{ "02:00:00:00:00:0g", NULL },
	{ "02:00-00:00:00:01", NULL },
	{ "2:0:0:0:0:1", NULL },
	{ "020000000001", NULL },
	{ "0200.0000.00", NULL },
	{ "02:00:5e:10:00:00:00:01", NULL },
};

static void check_names(void)
{
	char dst[IFNAMSIZ];
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ok(str_is_cni_name(names[i].name) == names[i].good, "name %zu is %s", i,
		   names[i].good ? "good" : "bad");
	for (size_t i = 0; i < ARRAY_SIZE(ifnames); i++)
		is_str(str_ifname_fault(ifnames[i].name), ifnames[i].fault, "interface name");
	ok(!str_copy_ifname(dst, "fifteen-bytes15", &err), "15 bytes are copied");
	is_str(dst, "fifteen-bytes15", "all of them");
	ok(str_copy_ifname(dst, "sixteen-bytes-16", &err) < 0 && err.code == ERR_CONFIG,
	   "16 are an error");
}

static void check_macs(void)
{
	uint8_t mac[MAC_LEN], other[MAC_LEN];
	char buf[MAC_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(macs); i++) {
		bool good = mac_parse(mac, macs[i].text);

		ok(good == !!macs[i].printed, "MAC \"%s\" is%s one", macs[i].text,
		   macs[i].printed ? "" : " not");
		if (good && macs[i].printed)
			is_str(mac_str(mac, buf), macs[i].printed, macs[i].text);
	}
	for (int i = 0; i < 100; i++)
		if (!mac_random(mac) || (mac[0] & 3) != 2)
			ok(false, "a random MAC is local and unicast");
	ok(mac_random(other) && memcmp(mac, other, MAC_LEN) != 0, "two random MACs differ");
	memset(mac, 0, sizeof(mac));
	ok(mac_is_zero(mac) && !mac_is_zero(other), "mac_is_zero");
}

int main(void)
{
	check_names();
	check_macs();
	return done_testing();
}
