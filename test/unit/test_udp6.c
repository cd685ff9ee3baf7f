/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of IPv6 and UDP around DHCPv6: as a server's host sends them, as nobody should. */
#include "plugins/ipam/dhcp/udp6.h"

#include "tap.h"

#include <arpa/inet.h>

#define PAYLOAD 7

static uint8_t packet[UDP6_MAX];
static size_t len;

static void make(size_t payload)
{
	struct in6_addr from, to;

	inet_pton(AF_INET6, "fe80::1", &from);
	inet_pton(AF_INET6, "ff02::1:2", &to);
	memset(packet, 0, sizeof(packet));
	for (size_t i = 0; i < payload; i++)
		packet[UDP6_HEADERS + i] = (uint8_t)(i + 1);
	len = udp6_write(packet, &from, &to, payload);
}

static bool reads(bool unsummed)
{
	struct dhcp6_bytes v;

	return udp6_read(packet, len, unsummed, &v) && v.at == packet + UDP6_HEADERS &&
	       v.len == len - UDP6_HEADERS;
}

/* A client's message turned into one for a client; the ports' sum stays what it was. */
static void turn(void)
{
	uint8_t port = packet[41];

	packet[41] = packet[43];
	packet[43] = port;
}

static void test_written(void)
{
	static const uint8_t head[] = { 0x60, 0, 0, 0, 0, 15, 17, 64, 0xfe, 0x80 };

	make(PAYLOAD);
	ok(len == UDP6_HEADERS + PAYLOAD && !memcmp(packet, head, sizeof(head)), "the headers");
	ok(packet[40] == 2 && packet[41] == 0x22 && packet[42] == 2 && packet[43] == 0x23,
	   "546 to 547");
	/* reckoned by another program */
	ok(packet[46] == 0xed && packet[47] == 0xf7, "the checksum is %02x%02x", packet[46],
	   packet[47]);
	ok(!reads(false), "it is none for a client");
	turn();
	ok(reads(false) && reads(true), "of a server it would be");
}

static void test_wrong(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} wrong[] = {
		{ 0, 0x40, "another version" },    { 5, 14, "another length" },
		{ 5, 16, "longer than it is" },    { 6, 0, "an extension header" },
		{ 43, 0x21, "another port" },      { 45, 7, "UDP shorter than its header" },
		{ 45, 14, "UDP shorter than IP" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		make(PAYLOAD);
		turn();
		packet[wrong[i].at] = wrong[i].value;
		ok(!reads(true), "%s", wrong[i].what);
	}
	make(PAYLOAD);
	turn();
	packet[UDP6_HEADERS] ^= 1;
	ok(!reads(false) && reads(true), "another payload: seen by the checksum, if there is one");
	packet[46] = packet[47] = 0;
	ok(!reads(false), "without a checksum it is none");
	make(PAYLOAD);
	turn();
	for (size_t whole = len; len;) {
		len--;
		if (reads(true) || (len < 5 && reads(false)))
			ok(false, "cut off at %zu of %zu", len, whole);
	}
	ok(true, "cut off anywhere it is none");
}

/* An odd length; a sum of 0, which is written as 0xffff. */
static void test_sums(void)
{
	struct dhcp6_bytes v;
	bool good = true;

	for (size_t n = 0; n <= DHCP6_MTU; n++) {
		make(n);
		turn();
		good &= reads(false);
	}
	ok(good, "each length reads itself");
	make(2);
	packet[UDP6_HEADERS] = packet[46];
	packet[UDP6_HEADERS + 1] = packet[47];
	ok(!udp6_read(packet, len, false, &v), "not turned");
	for (unsigned x = 0; x <= UINT16_MAX; x++) {
		struct in6_addr any = { 0 };

		packet[UDP6_HEADERS] = (uint8_t)(x >> 8);
		packet[UDP6_HEADERS + 1] = (uint8_t)x;
		len = udp6_write(packet, &any, &any, 2);
		good &= packet[46] || packet[47];
	}
	ok(good, "no checksum is 0");
}

int main(void)
{
	test_written();
	test_wrong();
	test_sums();
	return done_testing();
}
