/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dhcp - DHCPv4: a byte for how the client begins, then pairs of a byte for the time that has
 * passed and one of length, and a packet: Ethernet's payload as it comes. A first byte of 0xff has
 * one packet behind it, checksums and all. The others get the headers that let them through.
 */
#include "fuzz.h"

#include "plugins/ipam/dhcp/client.h"

#define LEASE 3600000

static const struct dhcp_times all_times[] = {
	{ 4000, 64000, 0, 0 },
	{ 4000, 64000, 208000, 0 },
	{ 1000, 8000, 10000, 2000 },
	{ 0, 0, 0, 200 },
};

static void expect(bool good)
{
	if (!good)
		abort();
}

static void read_options(const struct dhcp_message *m)
{
	static const enum dhcp_option codes[] = { DHCP_OPT_MASK,   DHCP_OPT_MTU,
						  DHCP_OPT_SERVER, DHCP_OPT_LEASE_TIME,
						  DHCP_OPT_SEARCH, DHCP_OPT_ROUTES };
	uint8_t buf[512];
	struct in_addr ip;
	uint32_t v;
	uint16_t u;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		ssize_t n = dhcp_get(m, codes[i], buf, sizeof(buf));

		expect(n >= -1 && n <= (ssize_t)sizeof(buf));
		expect(dhcp_get_ip(m, codes[i], &ip) == (n >= 4));
		expect(dhcp_get_u32(m, codes[i], &v) == (n >= 4));
		expect(dhcp_get_u16(m, codes[i], &u) == (n >= 2));
	}
	expect(dhcp_get(m, DHCP_OPT_PAD, buf, sizeof(buf)) < 0);
	expect(dhcp_get(m, DHCP_OPT_END, buf, sizeof(buf)) < 0);
}

/* What is sent can be read, once it is made a server's. */
static void expect_written(const struct dhcp_client *c, int64_t now)
{
	uint8_t buf[DHCP_MTU];
	struct dhcp_request r = {
		.broadcast = true,
		.options = (const uint8_t *)"\x3d\x03\0xy\x37\x02\x01\x03",
		.options_len = 9,
	};
	struct dhcp_message m;
	bool unicast;
	size_t len;

	dhcp_client_request(c, now, &r, &unicast);
	len = dhcp_write(&r, buf);
	expect(len >= DHCP_HEADERS + 300 && len <= DHCP_MTU);
	buf[DHCP_HEADERS] = 2;
	buf[23] = DHCP_CLIENT_PORT;
	expect(dhcp_read(buf, len, true, &m) && m.type == c->message && m.xid == c->xid);
	expect(!unicast || r.ciaddr.s_addr);
}

static void expect_sane(const struct dhcp_client *c, int todo, int64_t now)
{
	bool uses = c->state >= DHCP_STATE_BOUND;

	expect(c->next >= now);
	expect(!uses || (c->holds && c->address.s_addr));
	expect(!c->holds || (c->t1 <= c->t2 && c->t2 <= c->end));
	expect(!(todo & DHCP_DO_BIND) || c->state == DHCP_STATE_BOUND);
	expect(!(todo & DHCP_DO_PROBE) || c->state == DHCP_STATE_PROBING);
	expect(!(todo & DHCP_DO_FAIL) || c->next == INT64_MAX);
	expect(!c->holds || c->next <= c->end || c->state == DHCP_STATE_PROBING);
	if (todo & DHCP_DO_SEND)
		expect_written(c, now);
}

/* A packet of these bytes: BOOTP's without the headers, which come from here. */
static size_t wrap(const struct dhcp_client *c, const uint8_t *data, size_t size, uint8_t *packet)
{
	static const struct dhcp_request r = { .type = 0 };
	size_t len = dhcp_write(&r, packet), fields = 236, room = DHCP_MTU - DHCP_HEADERS;

	packet[DHCP_HEADERS] = 2;
	packet[23] = DHCP_CLIENT_PORT;
	memset(packet + 26, 0, 2);
	for (int i = 0; i < 4; i++)
		packet[DHCP_HEADERS + 4 + i] = (uint8_t)(c->xid >> (24 - 8 * i));
	memcpy(packet + DHCP_HEADERS + 16, data, size < 4 ? size : 4);
	data += size < 4 ? size : 4;
	size -= size < 4 ? size : 4;
	fields += 4;
	if (size > room - fields)
		size = room - fields;
	memset(packet + DHCP_HEADERS + fields, 0, len - DHCP_HEADERS - fields);
	memcpy(packet + DHCP_HEADERS + fields, data, size);
	return len;
}

static int one(struct dhcp_client *c, const struct dhcp_times *t, const uint8_t *data, size_t size,
	       int64_t now)
{
	static const uint8_t from[6] = { 2, 0, 0, 0, 0, 9 };
	uint8_t packet[DHCP_MTU];
	struct dhcp_message m;
	size_t len = wrap(c, data, size, packet);

	if (size && *data == 1)
		return dhcp_client_conflict(c, now);
	if (size && *data == 2)
		return dhcp_client_release(c);
	if (!dhcp_read(packet, len, false, &m))
		return 0;
	read_options(&m);
	return dhcp_client_receive(c, t, &m, from, now);
}

static int start(struct dhcp_client *c, const struct dhcp_times *t, bool again, int64_t now)
{
	if (!again)
		return dhcp_client_begin(c, t, now);
	*c = (struct dhcp_client){ .address = { 0x0100000a }, .server = { 0x0200000a } };
	c->t1 = now + LEASE / 2;
	c->t2 = now + LEASE / 8 * 7;
	c->end = now + LEASE;
	return dhcp_client_reboot(c, t, now);
}

static void read_one(const uint8_t *data, size_t size)
{
	struct dhcp_message m;

	if (dhcp_read(data, size, true, &m))
		read_options(&m);
	if (dhcp_read(data, size, false, &m))
		read_options(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dhcp_times *t;
	struct dhcp_client c;
	int64_t now = 1000000;

	if (!size)
		return 0;
	if (*data == 0xff) {
		read_one(data + 1, size - 1);
		return 0;
	}
	t = &all_times[*data & 3];
	expect_sane(&c, start(&c, t, *data & 4, now), now);
	for (data++, size--; size >= 2;) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		int64_t passed = (int64_t)1 << (data[0] & 31);

		if (data[0] & 32 && c.next != INT64_MAX)
			now = c.next;
		else
			now += passed;
		expect_sane(&c, dhcp_client_wake(&c, t, now), now);
		expect_sane(&c, one(&c, t, data + 2, n, now), now);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
