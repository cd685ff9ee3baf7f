/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dhcp6 - DHCPv6: a byte for how the client begins, then of each step a byte for the time that
 * has passed, one of length, and a message: its type, and what is behind the transaction, which is
 * the client's. With 0xff in front it is one message as it comes, with 0xfe the packet of one. Types
 * 0 and 1 are a conflict and the end.
 */
#include "fuzz.h"

#include <arpa/inet.h>

#include "plugins/ipam/dhcp/client6.h"
#include "plugins/ipam/dhcp/udp6.h"

static const uint16_t wanted[] = { DHCP6_OPT_DNS };

static struct dhcp6_config config_of(uint8_t byte)
{
	static const uint32_t deadlines[] = { 0, 208000, 10000, 1 };

	return (struct dhcp6_config){
		.duid = { (const uint8_t *)"\0\4me", 4 },
		.iaid = 7,
		.rapid_commit = byte & 1,
		.delay = byte & 2 ? DHCP6_RFC_DELAY : 0,
		.collect = byte & 4 ? DHCP6_ALL : 0,
		.deadline = deadlines[byte >> 4 & 3],
		.wanted = wanted,
		.n_wanted = 1,
		.options = { (const uint8_t *)"\0\x10\0\1x", 5 },
	};
}

static void expect(bool good)
{
	if (!good)
		abort();
}

static void read_options(const struct dhcp6_message *m)
{
	char name[DHCP6_NAME_SIZE];
	struct dhcp6_ia_address a;
	struct in6_addr ips[4];
	struct dhcp6_bytes v;
	struct dhcp6_ia ia;
	uint32_t u;

	expect(m->client.len <= DHCP6_DUID_MAX && m->server.len <= DHCP6_DUID_MAX);
	expect(dhcp6_get_dns(m, ips, 4) <= 4 && dhcp6_get_ntp(m, ips, 4) <= 4);
	(void)dhcp6_status(m->options);
	(void)dhcp6_get_u32(m->options, DHCP6_OPT_SOL_MAX_RT, &u);
	if (dhcp6_find(m->options, DHCP6_OPT_SEARCH, &v))
		while (dhcp6_next_name(&v, name))
			expect(*name && strlen(name) < sizeof(name) && !strpbrk(name, " \n/"));
	if (!dhcp6_get_ia(m, 7, &ia))
		return;
	expect(!ia.t2 || ia.t1 <= ia.t2);
	while (dhcp6_next_address(&ia.options, &a))
		expect(a.preferred <= a.valid && !IN6_IS_ADDR_LINKLOCAL(&a.ip));
}

/* What is sent can be read, once it is made a server's. */
static void expect_written(const struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now)
{
	uint8_t buf[DHCP6_MTU];
	struct dhcp6_request r;
	struct dhcp6_message m;
	struct dhcp6_ia ia;
	size_t len;

	dhcp6_client_request(c, f, now, &r);
	if (!r.server.len)
		r.server = (struct dhcp6_bytes){ (const uint8_t *)"\0\3s", 3 };
	len = dhcp6_write(&r, buf);
	expect(len > 0);
	buf[0] = DHCP6_REPLY;
	expect(dhcp6_read(buf, len, &m) && m.xid == c->xid && dhcp6_get_ia(&m, f->iaid, &ia));
	expect(r.n_addresses || r.type == DHCP6_SOLICIT);
}

static void expect_sane(const struct dhcp6_client *c, const struct dhcp6_config *f, int todo,
			int64_t now)
{
	bool uses = c->state >= DHCP6_STATE_BOUND;

	expect(c->next >= now && c->lease.n <= DHCP6_ADDRESSES && c->server_len <= DHCP6_DUID_MAX);
	expect(!uses || c->holds);
	expect(!c->holds || (c->lease.n && c->lease.t1 <= c->lease.t2));
	for (size_t i = 0; c->holds && i < c->lease.n; i++) {
		expect(c->lease.valid[i] > now && c->next <= c->lease.valid[i]);
		expect(c->lease.preferred[i] <= c->lease.valid[i] || c->lease.preferred[i] <= now);
		for (size_t k = 0; k < i; k++)
			expect(!IN6_ARE_ADDR_EQUAL(&c->lease.addresses[i], &c->lease.addresses[k]));
	}
	expect(!(todo & DHCP_DO_BIND) || c->state == DHCP6_STATE_BOUND);
	expect(!(todo & DHCP_DO_FAIL) || c->next == INT64_MAX);
	expect(!(todo & DHCP_DO_PROBE));
	if (todo & DHCP_DO_SEND)
		expect_written(c, f, now);
}

static int one(struct dhcp6_client *c, const struct dhcp6_config *f, const uint8_t *data,
	       size_t size, int64_t now)
{
	uint8_t message[300];
	struct dhcp6_message m;

	if (!size)
		return 0;
	if (*data == 0)
		return dhcp6_client_conflict(c, &c->lease.addresses[now & 3], now);
	if (*data == 1)
		return dhcp6_client_release(c, now);
	for (int i = 0; i < 4; i++)
		message[i] = (uint8_t)(c->xid >> (24 - 8 * i));
	message[0] = *data;
	memcpy(message + 4, data + 1, size - 1);
	if (!dhcp6_read(message, size + 3, &m))
		return 0;
	read_options(&m);
	return dhcp6_client_receive(c, f, &m, now);
}

static int start(struct dhcp6_client *c, const struct dhcp6_config *f, bool again, int64_t now)
{
	if (!again)
		return dhcp6_client_begin(c, f, now);
	*c = (struct dhcp6_client){ .lease.n = 2, .server = "\0\3s", .server_len = 3 };
	for (size_t i = 0; i < 2; i++) {
		inet_pton(AF_INET6, i ? "fd00::8" : "fd00::9", &c->lease.addresses[i]);
		c->lease.preferred[i] = now + 2000000;
		c->lease.valid[i] = now + 3000000 * (int64_t)i;
	}
	c->lease.t1 = now + 1000000;
	c->lease.t2 = now + 1500000;
	return dhcp6_client_reboot(c, f, now);
}

static void read_packet(const uint8_t *packet, size_t size)
{
	struct dhcp6_bytes payload;
	struct dhcp6_message m;

	for (int unsummed = 0; unsummed < 2; unsummed++)
		if (udp6_read(packet, size, unsummed, &payload)) {
			expect(payload.at == packet + UDP6_HEADERS &&
			       payload.len <= size - UDP6_HEADERS);
			if (dhcp6_read(payload.at, payload.len, &m))
				read_options(&m);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp6_config f;
	struct dhcp6_client c;
	struct dhcp6_message m;
	int64_t now = 1000000;

	if (!size)
		return 0;
	if (*data == 0xff) {
		if (dhcp6_read(data + 1, size - 1, &m))
			read_options(&m);
		return 0;
	}
	if (*data == 0xfe) {
		read_packet(data + 1, size - 1);
		return 0;
	}
	f = config_of(*data);
	expect_sane(&c, &f, start(&c, &f, *data & 8, now), now);
	for (data++, size--; size >= 2;) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		now = data[0] & 32 && c.next != INT64_MAX ? c.next : now + (1LL << (data[0] & 31));
		expect_sane(&c, &f, dhcp6_client_wake(&c, now), now);
		expect_sane(&c, &f, one(&c, &f, data + 2, n, now), now);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
