/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv6 messages: as servers send them, as nobody should, and what is written. */
#include "plugins/ipam/dhcp/packet6.h"

#include "tap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/sha512.h"

#define IAID 0x01020304

static uint8_t packet[2 * DHCP6_MTU];
static size_t len;

static void load(const char *hex)
{
	for (len = 0; *hex; hex += 2) {
		const char byte[3] = { hex[0], hex[1], '\0' };

		packet[len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

/* dnsmasq 2.90: an ADVERTISE; its status is the whole IA's. */
static const char dnsmasq[] =
	"027951bc000100120004b35bbfff49318f82bab3c652a111ad100002000e00010001329df45ca25c7a7d6a560003"
	"0028010203040000003c0000006900050018fd00000900000000000000000000002e0000007800000078000d0009"
	"00007375636365737300070001ff0018001c076578616d706c65036f7267000161076578616d706c65036f726700"
	"0038001400010010fd00000900000000000000000000000300170020fd000009000000000000000000000001fd00"
	"0009000000000000000000000002";

/* Kea 2.2.0: a REPLY to a REQUEST, one to a CONFIRM, one to a RELEASE. */
static const char kea[] =
	"07cd9746000100120004b35bbfff49318f82bab3c652a111ad100002000e00010001329df49f56f33007734e0003"
	"002801020304000000320000005a00050018fd000009000000000000000000000010000000640000007800070001"
	"0900170020fd000009000000000000000000000001fd0000090000000000000000000000020018001c0765786"
	"16d706c65036f7267000161076578616d706c65036f7267000038001400010010fd00000900000000000000000000"
	"00030052000400001c20";
static const char kea_confirm[] =
	"0761a2c4000100120004b35bbfff49318f82bab3c652a111ad100002000e00010001329df49f56f33007734e0007"
	"000109000d001b0000416c6c2061646472657373657320617265206f6e2d6c696e6b";
static const char kea_release[] =
	"071648ea000100120004b35bbfff49318f82bab3c652a111ad100002000e00010001329df49f56f33007734e0003"
	"003f010203040000000000000000000d002f00004c656173652072656c65617365642e205468616e6b20796f752c"
	"20706c6561736520636f6d6520616761696e2e000d0029000053756d6d6172792073746174757320666f7220616c"
	"6c2070726f6365737365642049415f4e4173";

static bool reads(struct dhcp6_message *m)
{
	return dhcp6_read(packet, len, m);
}

static const char *text(const struct in6_addr *ip)
{
	static char buf[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, ip, buf, sizeof(buf));
}

/* Its names with blanks between. */
static const char *names(const struct dhcp6_message *m)
{
	static char all[1024];
	char name[DHCP6_NAME_SIZE];
	struct dhcp6_bytes v;

	all[0] = '\0';
	if (!dhcp6_find(m->options, DHCP6_OPT_SEARCH, &v))
		return "-";
	while (dhcp6_next_name(&v, name))
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", name);
	return all;
}

static void test_server(const char *hex, const char *ip, uint32_t t1, uint32_t t2,
			uint32_t preferred, uint8_t preference)
{
	struct dhcp6_ia_address a;
	struct in6_addr list[3];
	struct dhcp6_message m;
	struct dhcp6_ia ia;
	uint8_t u;

	load(hex);
	if (!ok(reads(&m), "a server's") || !ok(dhcp6_get_ia(&m, IAID, &ia), "its IA"))
		return;
	ok(m.client.len == 18 && m.server.len == 14 && m.server.at[1] == 1, "the identifiers");
	ok(ia.t1 == t1 && ia.t2 == t2, "T1, T2");
	ok(dhcp6_status(m.options) == DHCP6_SUCCESS && dhcp6_status(ia.options) == DHCP6_SUCCESS,
	   "the status");
	ok(dhcp6_next_address(&ia.options, &a), "an address");
	is_str(text(&a.ip), ip, "which");
	ok(a.preferred == preferred && a.valid == 120, "its lifetimes");
	ok(!dhcp6_next_address(&ia.options, &a), "one");
	ok(dhcp6_get_u8(m.options, DHCP6_OPT_PREFERENCE, &u) && u == preference, "the preference");
	ok(dhcp6_get_dns(&m, list, 3) == 2, "name servers");
	is_str(text(&list[1]), "fd00:9::2", "the second");
	ok(dhcp6_get_dns(&m, list, 1) == 1 && dhcp6_get_dns(&m, list, 0) == 0, "as many as fit");
	ok(dhcp6_get_ntp(&m, list, 3) == 1, "a time server");
	is_str(text(&list[0]), "fd00:9::3", "which");
	is_str(names(&m), "example.org a.example.org ", "domains");
	ok(!dhcp6_get_ia(&m, IAID + 1, &ia), "no other IA");
}

static void test_kea(void)
{
	struct dhcp6_message m;
	struct dhcp6_ia_address a;
	struct dhcp6_ia ia;
	uint32_t v;

	load(kea);
	ok(reads(&m) && m.type == DHCP6_REPLY && m.xid == 0xcd9746, "its type and transaction");
	ok(dhcp6_get_u32(m.options, DHCP6_OPT_SOL_MAX_RT, &v) && v == 7200, "SOL_MAX_RT");
	load(kea_confirm);
	ok(reads(&m) && dhcp6_status(m.options) == DHCP6_SUCCESS, "to a CONFIRM");
	ok(!dhcp6_get_ia(&m, IAID, &ia) && !dhcp6_get_dns(&m, &a.ip, 1), "has nothing else");
	load(kea_release);
	ok(reads(&m) && dhcp6_get_ia(&m, IAID, &ia), "to a RELEASE");
	ok(dhcp6_status(ia.options) == DHCP6_SUCCESS && !dhcp6_next_address(&ia.options, &a),
	   "has no address");
}

/* ---- what nobody should send ----------------------------------------------------------------- */

/* Each in memory of its own, that the sanitizers see what is read behind it. */
static void test_truncated(const char *hex)
{
	size_t whole = 0, at_an_option = 0;

	load(hex);
	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		struct dhcp6_message m;
		struct in6_addr ips[4];

		memcpy(copy, packet, n);
		if (dhcp6_read(copy, n, &m)) {
			whole++;
			at_an_option += dhcp6_get_dns(&m, ips, 4) + dhcp6_get_ntp(&m, ips, 4) + 1;
			(void)names(&m);
		}
		free(copy);
	}
	ok(whole > 1 && whole < 9 && at_an_option >= whole,
	   "cut off, it is none but between options");
}

#define IDS              \
	"00010003000261" \
	"00020003000362"

static bool reads_hex(const char *hex, struct dhcp6_message *m)
{
	load(hex);
	return reads(m);
}

static void test_wrong_messages(void)
{
	struct dhcp6_message m;
	char *long_id = malloc(1024);

	ok(reads_hex("07000001" IDS, &m) && m.xid == 1, "as little as may be");
	ok(!reads_hex("01000001" IDS, &m) && !reads_hex("0a000001" IDS, &m) &&
		   !reads_hex("00000001" IDS, &m),
	   "no server's answer");
	ok(!reads_hex("07000001"
		      "00010003000261",
		      &m),
	   "of no server");
	ok(!reads_hex("07000001"
		      "00020003000261",
		      &m),
	   "to no client");
	ok(!reads_hex("07000001"
		      "000100020002"
		      "00020003000362",
		      &m),
	   "an identifier of no one");
	ok(!reads_hex("07000001" IDS "00", &m) && !reads_hex("07000001" IDS "000d000200", &m),
	   "an option that is cut off");
	for (int n = 130; n <= 131; n++) {
		snprintf(long_id, 1024, "07000001000100030002610002%04x%0*d", n, 2 * n, 0);
		ok(reads_hex(long_id, &m) == (n == 130), "an identifier of %d bytes", n);
	}
	free(long_id);
}

/* Options of a REPLY, as hexadecimal. */
static struct dhcp6_message with(const char *options)
{
	char all[2048];
	struct dhcp6_message m = { 0 };

	snprintf(all, sizeof(all), "07000001" IDS "%s", options);
	ok(reads_hex(all, &m), "%s", options);
	return m;
}

#define IA(len_, t1, t2)      "0003" len_ "01020304" t1 t2
#define ADDR(ip, pref, valid) "00050018" ip pref valid
#define GOOD                  "fd000000000000000000000000000001"
#define DAY                   "00015180"

static void test_ia(void)
{
	struct dhcp6_message m;
	struct dhcp6_ia ia;

	m = with(IA("000c", "00000002", "00000001"));
	ok(!dhcp6_get_ia(&m, IAID, &ia), "T1 behind T2");
	m = with(IA("000c", "00000002", "00000000"));
	ok(dhcp6_get_ia(&m, IAID, &ia) && ia.t1 == 2 && !ia.t2 && !ia.options.len, "T1 alone");
	m = with(IA("000c", "ffffffff", "ffffffff"));
	ok(dhcp6_get_ia(&m, IAID, &ia) && ia.t1 == DHCP6_FOR_EVER, "never");
	m = with("0003000b0102030400000000000000" IA("000c", "00000001", "00000002"));
	ok(dhcp6_get_ia(&m, IAID, &ia) && ia.t2 == 2, "a short one is none");
	m = with(IA("000f", "00000001", "00000002") "000d00");
	ok(!dhcp6_get_ia(&m, IAID, &ia), "nor one with half an option");
	m = with(IA("0012", "00000000", "00000000") "000d00020003");
	ok(dhcp6_get_ia(&m, IAID, &ia) && dhcp6_status(ia.options) == DHCP6_NO_BINDING, "a status");
	m = with("000d000100");
	ok(dhcp6_status(m.options) == DHCP6_UNSPEC_FAIL, "a status of one byte is none of success");
	m = with("");
	ok(dhcp6_status(m.options) == DHCP6_SUCCESS, "none is");
}

static size_t addresses(const char *hex, struct dhcp6_ia_address *a)
{
	struct dhcp6_bytes rest = { packet, 0 };
	size_t n = 0;

	load(hex);
	rest.len = len;
	while (dhcp6_next_address(&rest, a))
		n++;
	return n;
}

static void test_addresses(void)
{
	static const char *const bad[] = {
		"00000000000000000000000000000000", "00000000000000000000000000000001",
		"ff020000000000000000000000000001", "fe800000000000000000000000000001",
		"00000000000000000000ffff0a000001",
	};
	struct dhcp6_ia_address a;
	char hex[128];

	ok(addresses(ADDR(GOOD, DAY, DAY), &a) == 1 && a.valid == 86400, "an address");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(hex, sizeof(hex), "00050018%s" DAY DAY, bad[i]);
		ok(addresses(hex, &a) == 0, "none of a host's: %s", bad[i]);
	}
	ok(addresses(ADDR(GOOD, DAY, "0001517f"), &a) == 0, "preferred for longer than valid");
	ok(addresses(ADDR(GOOD, "00000000", "00000000"), &a) == 1 && !a.valid, "of no time: seen");
	ok(addresses("0005001e" GOOD DAY DAY "000d00020002", &a) == 0, "refused by its own status");
	ok(addresses("00050017" GOOD DAY "000151" ADDR(GOOD, DAY, DAY), &a) == 1, "a short one");
	ok(addresses("000d00020000" ADDR(GOOD, DAY, DAY) ADDR(GOOD, DAY, DAY), &a) == 2, "several");
}

static void test_lists(void)
{
	struct in6_addr ips[4];
	struct dhcp6_message m;
	uint8_t u;
	uint32_t v;

	m = with("00170011" GOOD "fd"
		 "00070002"
		 "0102"
		 "005200030000ff");
	ok(dhcp6_get_dns(&m, ips, 4) == 1, "an address and a bit");
	ok(!dhcp6_get_u8(m.options, DHCP6_OPT_PREFERENCE, &u), "two bytes for one");
	ok(!dhcp6_get_u32(m.options, DHCP6_OPT_SOL_MAX_RT, &v), "three for four");
	m = with("00170020"
		 "ff020000000000000000000000000001"
		 "00000000000000000000000000000000");
	ok(dhcp6_get_dns(&m, ips, 4) == 0, "no hosts");
	m = with("00380028"
		 "00010010" GOOD "00020010" GOOD "00380014"
		 "00010010" GOOD "00380005"
		 "0003000161"
		 "003800040001ffff");
	ok(dhcp6_get_ntp(&m, ips, 4) == 2, "time servers that have addresses of their own");
	ok(dhcp6_get_ntp(&m, ips, 1) == 1, "as many as fit");
}

static void test_names(void)
{
	static const struct {
		const char *hex, *names;
	} tests[] = {
		{ "0161016200", "a.b " },
		{ "03582d5f0001390131"
		  "00",
		  "X-_ 9.1 " },
		{ "016100"
		  "c000",
		  "a " },
		{ "016100"
		  "0162",
		  "a " },
		{ "016100"
		  "00"
		  "016200",
		  "a " },
		{ "016100"
		  "012000",
		  "a " },
		{ "016100"
		  "012e00",
		  "a " },
		{ "016100"
		  "010a00",
		  "a " },
		{ "016100"
		  "40",
		  "a " },
		{ "00", "" },
		{ "", "" },
		{ "0561", "" },
		{ "06417a5a61303900", "AzZa09 " },
		{ "0261", "" },
		{ "40"
		  "61616161616161616161616161616161"
		  "61616161616161616161616161616161"
		  "61616161616161616161616161616161"
		  "61616161616161616161616161616161"
		  "00",
		  "" },
	};
	char hex[2048];
	struct dhcp6_message m;

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		snprintf(hex, sizeof(hex), "0018%04zx%s", strlen(tests[i].hex) / 2, tests[i].hex);
		m = with(hex);
		is_str(names(&m), tests[i].names, "its names");
	}
	for (int n = 61; n <= 62; n++) {
		char *at = hex + sprintf(hex, "0018%04x", 3 * 64 + n + 1 + 1);

		for (int label = 0; label < 4; label++) {
			int size = label < 3 ? 63 : n;

			at += sprintf(at, "%02x", size);
			for (int i = 0; i < size; i++)
				at += sprintf(at, "61");
		}
		sprintf(at, "00");
		m = with(hex);
		ok(strlen(names(&m)) == (n == 61 ? 254 : 0), "a name of %d characters", 3 * 64 + n);
	}
}

/* ---- what is written ------------------------------------------------------------------------- */

static struct dhcp6_request request(enum dhcp6_type type)
{
	static const uint16_t wanted[] = { DHCP6_OPT_DNS, DHCP6_OPT_SEARCH };
	static struct in6_addr ips[2];

	inet_pton(AF_INET6, "fd00::1", &ips[0]);
	inet_pton(AF_INET6, "fd00::2", &ips[1]);
	return (struct dhcp6_request){
		.type = type,
		.xid = 0xff030201,
		.elapsed = 258,
		.client = { (const uint8_t *)"\0\2a", 3 },
		.iaid = IAID,
		.addresses = ips,
		.n_addresses = 2,
		.wanted = wanted,
		.n_wanted = 2,
		.options = { (const uint8_t *)"\0\x10\0\2xy", 6 },
	};
}

static void check_written(const struct dhcp6_request *r, const char *hex)
{
	static uint8_t buf[DHCP6_MTU];
	size_t n = dhcp6_write(r, buf);

	load(hex);
	ok(n == len && !memcmp(buf, packet, n), "type %d, byte for byte", r->type);
}

#define IPS                                                        \
	"00050018fd0000000000000000000000000000010000000000000000" \
	"00050018fd0000000000000000000000000000020000000000000000"

static void test_written(void)
{
	struct dhcp6_request r = request(DHCP6_SOLICIT);

	r.rapid_commit = true;
	r.n_addresses = 0;
	check_written(&r, "01030201"
			  "00010003000261"
			  "000800020102"
			  "000e0000"
			  "0003000c010203040000000000000000"
			  "00060006001700180052"
			  "001000027879");
	r = request(DHCP6_REQUEST);
	r.server = (struct dhcp6_bytes){ (const uint8_t *)"\0\3b", 3 };
	check_written(&r, "03030201" IDS "000800020102"
			  "00030044010203040000000000000000" IPS "00060006001700180052"
			  "001000027879");
	r = request(DHCP6_CONFIRM);
	r.options.len = r.n_wanted = 0;
	check_written(&r, "04030201"
			  "00010003000261"
			  "000800020102"
			  "00030044010203040000000000000000" IPS);
	r = request(DHCP6_REBIND);
	r.options.len = r.n_wanted = r.n_addresses = 0;
	check_written(&r, "06030201"
			  "00010003000261"
			  "000800020102"
			  "0003000c010203040000000000000000"
			  "000600020052");
}

static void test_written_long(void)
{
	static uint8_t options[DHCP6_MTU], buf[DHCP6_MTU];
	struct dhcp6_request r = request(DHCP6_RENEW);
	struct dhcp6_message m;
	size_t n = dhcp6_write(&r, buf) - 6;

	r.options = (struct dhcp6_bytes){ options, sizeof(options) - n };
	ok(dhcp6_write(&r, buf) == DHCP6_MTU, "as long as may be");
	r.options.len++;
	ok(!dhcp6_write(&r, buf), "that does not fit");
	r = request(DHCP6_RELEASE);
	r.server = r.client;
	n = dhcp6_write(&r, buf);
	buf[0] = DHCP6_REPLY;
	ok(dhcp6_read(buf, n, &m) && m.xid == 0x030201 && m.server.len == 3, "it reads itself");
}

static void test_duid(void)
{
	uint8_t x[DHCP6_DUID_UUID], y[DHCP6_DUID_UUID];

	dhcp6_duid("c/n/e0", 6, x);
	load("0004b35bbfff49318f82bab3c652a111ad10");
	ok(len == sizeof(x) && !memcmp(x, packet, len), "as it has always been");
	ok((x[8] & 0xf0) == 0x80 && (x[10] & 0xc0) == 0x80, "a UUID of version 8");
	dhcp6_duid("c/n/e1", 6, y);
	ok(memcmp(x, y, sizeof(x)) != 0, "another key's is another");
}

int main(void)
{
	test_server(dnsmasq, "fd00:9::2e", 60, 105, 120, 255);
	test_server(kea, "fd00:9::10", 50, 90, 100, 9);
	test_kea();
	test_truncated(dnsmasq);
	test_truncated(kea);
	test_truncated(kea_release);
	test_wrong_messages();
	test_ia();
	test_addresses();
	test_lists();
	test_names();
	test_written();
	test_written_long();
	test_duid();
	return done_testing();
}
