/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv4 packets: as servers send them, as nobody should, and what is written. */
#include "plugins/ipam/dhcp/packet.h"

#include "tap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define BOOTP 28 /* where it begins in a packet without IP options */
#define FILE_ (BOOTP + 108)
#define SNAME (BOOTP + 44)

static uint8_t packet[2 * DHCP_MTU];
static size_t len;

/* In hexadecimal; z: the 202 zeros behind the hardware address. */
static void load(const char *hex)
{
	memset(packet, 0, sizeof(packet));
	for (len = 0; *hex; hex++) {
		char byte[3] = { hex[0], hex[1] };

		if (*hex == 'z') {
			len += 202;
			continue;
		}
		packet[len++] = (uint8_t)strtoul(byte, NULL, 16);
		hex++;
	}
}

/* dnsmasq 2.90 over a veth, which leaves UDP's checksum to be done. */
static const char dnsmasq[] =
	"45c0017b5ecc00004011058e0a0900010a09004600430044016715d10201060034d1b8c800000000000000000a09"
	"00460a09000100000000020000000001z638253633501"
	"0236040a0900013304000000783a040000003c3b04000000690104ffffff001c040a0900ff03040a0900010f0b65"
	"78616d706c652e6f7267790b080a0a090001000a0900fe7711076578616d706c65036f7267000161c0002a040a09"
	"000306080a0900010a0900021a020578ff";

/* Kea 2.2.0 on a raw socket. */
static const char kea[] =
	"45100177000040008011e5490a0900010a09000a00430044016371f002010600a237c8b500000000000000000a09"
	"000a0000000000000000020000000001z6382536335010501"
	"04ffffff0003040a0900fe06080a0900010a0900021a02057833040000007836040a0900013a04000000323b0400"
	"00005a3d0800632f6e2f653078771c076578616d706c65036f7267000161076578616d706c65036f726700790b08"
	"0a0a090001000a0900feff";

static uint16_t read16(size_t at)
{
	return (uint16_t)(packet[at] << 8 | packet[at + 1]);
}

static void write16(size_t at, unsigned v)
{
	packet[at] = (uint8_t)(v >> 8);
	packet[at + 1] = (uint8_t)v;
}

/* As RFC 1071 has it, byte by byte. */
static unsigned checksum(size_t from, size_t to, unsigned start)
{
	unsigned long sum = start;

	for (size_t i = from; i < to; i++)
		sum += (i - from) % 2 ? packet[i] : (unsigned)packet[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)sum;
}

static unsigned pseudo(size_t udp)
{
	return checksum(12, 20, 17 + (unsigned)(len - udp));
}

/* Lengths and checksums of what was changed. */
static void seal(void)
{
	size_t udp = (size_t)(packet[0] & 15) * 4;

	write16(2, (unsigned)len);
	write16(10, 0);
	write16(10, ~checksum(0, udp, 0) & 0xffff);
	write16(udp + 4, (unsigned)(len - udp));
	write16(udp + 6, 0);
	write16(udp + 6, ~checksum(udp, len, pseudo(udp)) & 0xffff);
}

static void append(const void *options, size_t n)
{
	memcpy(packet + len, options, n);
	len += n;
}

/* A packet of Kea's with these options instead. */
static void with_options(const char *hex)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "%.*s%s", (int)(strstr(kea, "63825363") + 8 - kea), kea,
		 hex);
	load(whole);
	seal();
}

static bool reads(struct dhcp_message *m)
{
	return dhcp_read(packet, len, false, m);
}

/* An option as text, "-": absent. */
static const char *hex(const struct dhcp_message *m, int code)
{
	static char text[1024];
	uint8_t value[400];
	ssize_t n = dhcp_get(m, (enum dhcp_option)code, value, sizeof(value));

	snprintf(text, sizeof(text), "%s", n < 0 ? "-" : "");
	for (ssize_t i = 0; i < n; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * (size_t)i, "%02x", value[i]);
	return text;
}

static void test_dnsmasq(void)
{
	struct dhcp_message m;
	struct in_addr ip;
	uint32_t v;
	uint16_t mtu;

	load(dnsmasq);
	ok(!reads(&m), "a checksum that is not done yet is wrong");
	if (!ok(dhcp_read(packet, len, true, &m), "unless it may be"))
		return;
	ok(m.type == DHCP_OFFER && m.xid == 0x34d1b8c8, "its type and transaction");
	is_str(inet_ntoa(m.yiaddr), "10.9.0.70", "the address");
	is_str(inet_ntoa(m.source), "10.9.0.1", "the source");
	ok(!memcmp(m.chaddr, "\2\0\0\0\0\1", 6), "the hardware address");
	ok(dhcp_get_ip(&m, DHCP_OPT_SERVER, &ip) && ip.s_addr == htonl(0x0a090001), "the server");
	ok(dhcp_get_u32(&m, DHCP_OPT_LEASE_TIME, &v) && v == 120, "the lease");
	ok(dhcp_get_u32(&m, DHCP_OPT_T1, &v) && v == 60, "T1");
	ok(dhcp_get_u32(&m, DHCP_OPT_T2, &v) && v == 105, "T2");
	ok(dhcp_get_u16(&m, DHCP_OPT_MTU, &mtu) && mtu == 1400, "the MTU");
	is_str(hex(&m, DHCP_OPT_MASK), "ffffff00", "the mask");
	is_str(hex(&m, DHCP_OPT_DNS), "0a0900010a090002", "two name servers");
	is_str(hex(&m, DHCP_OPT_ROUTES), "080a0a090001000a0900fe", "the routes");
	is_str(hex(&m, DHCP_OPT_SEARCH), "076578616d706c65036f7267000161c000", "domains");
	is_str(hex(&m, DHCP_OPT_HOSTNAME), "-", "no name");
	ok(dhcp_get_ip(&m, DHCP_OPT_DNS, &ip) && ip.s_addr == htonl(0x0a090001), "first of two");
	ok(!dhcp_get_ip(&m, DHCP_OPT_STATIC_ROUTES, &ip), "none of none");
}

static void test_kea(void)
{
	struct dhcp_message m;

	load(kea);
	if (!ok(reads(&m), "checksums are right"))
		return;
	ok(m.type == DHCP_ACK && m.xid == 0xa237c8b5, "its type and transaction");
	is_str(inet_ntoa(m.yiaddr), "10.9.0.10", "the address");
	is_str(hex(&m, DHCP_OPT_CLIENT_ID), "00632f6e2f653078", "the identifier comes back");
	is_str(hex(&m, DHCP_OPT_T1), "00000032", "T1");
	is_str(hex(&m, DHCP_OPT_END), "-", "the end is no option");
	packet[len++] = 0x55;
	packet[len++] = 0x55;
	ok(reads(&m), "a frame's padding is none of it");
	packet[BOOTP + 300] ^= 1;
	ok(!reads(&m), "a byte is another");
	write16(26, 0);
	ok(reads(&m), "without UDP's checksum");
	packet[8] ^= 1;
	ok(!dhcp_read(packet, len, true, &m), "IPv4's must be right");
}

/* What is no answer to a client on this link. */
static void test_foreign(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} tests[] = {
		{ 0, 0x65, "IPv6" },
		{ 0, 0x44, "a header of 16 bytes" },
		{ 0, 0x4f, "a header beyond what IPv4 says" },
		{ 6, 0x20, "the first fragment" },
		{ 7, 0x01, "a later fragment" },
		{ 9, 6, "TCP" },
		{ 23, 67, "to the server's port" },
		{ BOOTP, 1, "a request" },
		{ BOOTP + 236, 0, "no cookie" },
		{ BOOTP + 240, 0x0c, "no type" },
		{ BOOTP + 241, 0, "an empty type" },
	};
	struct dhcp_message m;

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		load(kea);
		packet[tests[i].at] = tests[i].value;
		write16(10, 0);
		write16(10, ~checksum(0, tests[i].at == 0 ? 60 : 20, 0) & 0xffff);
		write16(26, 0);
		ok(!reads(&m), "%s", tests[i].why);
	}
	load(kea);
	packet[6] = 0x40;
	seal();
	ok(reads(&m), "that it must not be cut is no fragment");
}

static void test_ip_options(void)
{
	struct dhcp_message m;

	load(kea);
	memmove(packet + 24, packet + 20, len - 20);
	memcpy(packet + 20, "\x94\x04\0\0", 4); /* router alert */
	packet[0] = 0x46;
	len += 4;
	seal();
	ok(reads(&m) && m.type == DHCP_ACK, "behind IP options");
	is_str(hex(&m, DHCP_OPT_T1), "00000032", "all is where it was");
}

/* Each in memory of its own, that the sanitizers see what is read behind it. */
static void test_truncated(void)
{
	struct dhcp_message m;
	size_t wrong = 0, had = 0;

	load(kea);
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, packet, n);
		wrong += dhcp_read(copy, n, true, &m);
		free(copy);
	}
	ok(!wrong, "no piece of a packet is one");
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy, buf[8];
		size_t whole = len;

		load(kea);
		len = n;
		if (n >= 28)
			seal();
		copy = malloc(n ? n : 1);
		memcpy(copy, packet, n);
		len = whole;
		if (!dhcp_read(copy, n, false, &m)) {
			wrong += n >= BOOTP + 243;
		} else {
			for (int code = 0; code < 256; code++)
				had += dhcp_get(&m, (enum dhcp_option)code, buf, sizeof(buf)) >= 0;
		}
		free(copy);
	}
	ok(!wrong && had, "one that ends early, and says so, has what is whole");
}

static void test_lengths(void)
{
	struct dhcp_message m;

	load(kea);
	write16(2, 19);
	write16(10, 0);
	write16(10, ~checksum(0, 20, 0) & 0xffff);
	ok(!reads(&m), "IPv4 shorter than its header");
	load(kea);
	write16(24, 7);
	ok(!dhcp_read(packet, len, true, &m), "UDP shorter than its header");
	load(kea);
	write16(24, read16(24) + 1u);
	ok(!dhcp_read(packet, len, true, &m), "UDP longer than what is there");
	load(kea);
	seal();
	write16(24, 8 + 240 + 3);
	write16(26, 0);
	ok(reads(&m), "UDP may end before IPv4 does");
	is_str(hex(&m, DHCP_OPT_T1), "-", "and nothing is behind it");
}

static void test_parts(void)
{
	struct dhcp_message m;
	uint8_t long_one[2 + 255], three[3];
	struct in_addr ip = { 7 };
	uint32_t v = 7;
	uint16_t u = 7;

	with_options("350105"
		     "7905080a0a0900"
		     "0c0178"
		     "790601000a0900fe"
		     "ff790100");
	ok(reads(&m), "an option in parts");
	is_str(hex(&m, DHCP_OPT_ROUTES), "080a0a090001000a0900fe", "is put together");
	ok(dhcp_get(&m, DHCP_OPT_ROUTES, three, 3) == 3 && !memcmp(three, "\x08\x0a\x0a", 3),
	   "as much of it as there is room for");
	ok(dhcp_get(&m, DHCP_OPT_ROUTES, three, 0) == 0, "or none");

	with_options("350105");
	memset(long_one, 'x', sizeof(long_one));
	long_one[0] = DHCP_OPT_SEARCH;
	long_one[1] = 255;
	append(long_one, sizeof(long_one));
	append("\x77\x02yy\xff", 5);
	seal();
	ok(reads(&m) && strlen(hex(&m, DHCP_OPT_SEARCH)) == 2 * 257, "257 bytes");

	with_options("3501050000000603010203360204053b0300000133020001ff");
	ok(reads(&m) && !dhcp_get_ip(&m, DHCP_OPT_SERVER, &ip) && ip.s_addr == 7,
	   "half an address leaves another as it was");
	is_str(hex(&m, DHCP_OPT_DNS), "010203", "behind padding");
	ok(!dhcp_get_u32(&m, DHCP_OPT_T2, &v) && v == 7, "three bytes are no number");
	ok(!dhcp_get_u16(&m, DHCP_OPT_MTU, &u) && u == 7, "none is not");
	with_options("350105360104360300000a03040a0000");
	ok(reads(&m) && dhcp_get_ip(&m, DHCP_OPT_SERVER, &ip) && ip.s_addr == htonl(0x0400000a),
	   "a number in parts");
	is_str(hex(&m, DHCP_OPT_ROUTER), "-", "an option that is cut off is none");
}

static void put_field(size_t at, const char *options)
{
	memcpy(packet + at, options, strlen(options));
}

static void test_overload(void)
{
	static const struct {
		const char *value, *router;
	} tests[] = { { "340101", "0101" }, { "340102", "0202" }, { "340103", "01010202" },
		      { "340104", "-" },    { "3400", "-" },      { "", "-" } };
	struct dhcp_message m;
	char options[64];

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		snprintf(options, sizeof(options), "%s350105ff", tests[i].value);
		with_options(options);
		put_field(FILE_, "\x03\x02\x01\x01\xff\x03\x01\x09");
		put_field(SNAME, "\x03\x02\x02\x02\xff");
		seal();
		ok(reads(&m), "option 52: %s", tests[i].value);
		is_str(hex(&m, DHCP_OPT_ROUTER), tests[i].router, "from these fields");
	}
	with_options("340103ff");
	put_field(FILE_, "\x35\x01\x06\xff");
	put_field(SNAME, "\x34\x01\x03\xff");
	memset(packet + SNAME + 60, 0xfe, 4);
	seal();
	ok(reads(&m) && m.type == DHCP_NAK, "the type may be in a field");
	with_options("340101350105ff");
	memset(packet + FILE_, DHCP_OPT_DOMAIN, 128);
	seal();
	ok(reads(&m) && strlen(hex(&m, DHCP_OPT_DOMAIN)) == (size_t)2 * 7 * 15,
	   "an option does not go on behind its field");
}

/* ---- what is written ------------------------------------------------------------------------- */

static const struct dhcp_request request = {
	.type = DHCP_REQUEST,
	.xid = 0x01020304,
	.secs = 7,
	.broadcast = true,
	.chaddr = { 2, 0, 0, 0, 0, 1 },
	.address = { 0x0100090a },
	.server = { 0x0200090a },
	.options = (const uint8_t *)"\x3d\x03\0xy\x37\x02\x01\x03",
	.options_len = 9,
};

static void write_it(const struct dhcp_request *r)
{
	memset(packet, 0xee, sizeof(packet));
	len = dhcp_write(r, packet);
}

static void test_written(void)
{
	static const uint8_t options[] = "\x35\x01\x03\x32\x04\x0a\x09\0\x01\x36\x04\x0a\x09\0\x02"
					 "\x3d\x03\0xy\x37\x02\x01\x03\xff";
	struct dhcp_request r = request;

	write_it(&r);
	ok(len == 20 + 8 + 300, "300 bytes at least");
	ok(packet[0] == 0x45 && read16(2) == len && packet[9] == 17 && !read16(6), "IPv4");
	ok(checksum(0, 20, 0) == 0xffff, "its checksum");
	ok(!memcmp(packet + 12, "\0\0\0\0\xff\xff\xff\xff", 8), "from nobody to all");
	ok(read16(20) == 68 && read16(22) == 67 && read16(24) == len - 20, "UDP");
	ok(read16(26) && checksum(20, len, pseudo(20)) == 0xffff, "its checksum");
	ok(!memcmp(packet + BOOTP, "\x01\x01\x06\0\x01\x02\x03\x04\0\x07\x80\0", 12), "BOOTP");
	ok(!memcmp(packet + BOOTP + 12, (uint8_t[16]){ 0 }, 16), "no addresses");
	ok(!memcmp(packet + BOOTP + 28, "\2\0\0\0\0\1\0\0", 8), "the hardware address");
	ok(!memcmp(packet + BOOTP + 236, "\x63\x82\x53\x63", 4), "the cookie");
	ok(!memcmp(packet + BOOTP + 240, options, sizeof(options) - 1),
	   "the options in this order");
	ok(!packet[len - 1] && !packet[BOOTP + 240 + sizeof(options)], "zeros behind them");
}

static void test_written_unicast(void)
{
	struct dhcp_request r = request;

	r.broadcast = false;
	r.ciaddr = r.address;
	r.to = r.server;
	r.address.s_addr = r.server.s_addr = 0;
	write_it(&r);
	ok(!memcmp(packet + 12, "\x0a\x09\0\x01\x0a\x09\0\x02", 8),
	   "from the address to the server");
	ok(!memcmp(packet + BOOTP + 10, "\0\0\x0a\x09\0\x01", 6), "no flag, its address");
	ok(!memcmp(packet + BOOTP + 240, "\x35\x01\x03\x3d", 4), "without options 50, 54");
}

static void test_written_long(void)
{
	const size_t most = DHCP_MTU - 20 - 8 - 240 - 3 - 6 - 6 - 1;
	uint8_t options[DHCP_MTU] = { 0 };
	struct dhcp_request r = request;
	struct dhcp_message m;
	unsigned zero = 0;

	r.options = options;
	for (r.options_len = 0; r.options_len <= most; r.options_len++) {
		write_it(&r);
		if (!len || checksum(20, len, pseudo(20)) != 0xffff || !read16(26))
			zero++;
	}
	ok(!zero && len == DHCP_MTU, "of any length, odd or not");
	r.options_len = most + 1;
	write_it(&r);
	ok(!len, "that does not fit");
	r = request;
	for (unsigned i = 0; i < 0x10000; i++) {
		r.xid = i;
		write_it(&r);
		zero += !read16(26) || checksum(20, len, pseudo(20)) != 0xffff;
	}
	ok(!zero, "a checksum is never 0, which says that there is none");
	packet[BOOTP] = 2;
	write16(22, 68);
	seal();
	ok(reads(&m) && m.type == DHCP_REQUEST && m.xid == 0xffff, "it reads itself");
}

int main(void)
{
	test_dnsmasq();
	test_kea();
	test_foreign();
	test_ip_options();
	test_truncated();
	test_lengths();
	test_parts();
	test_overload();
	test_written();
	test_written_unicast();
	test_written_long();
	return done_testing();
}
