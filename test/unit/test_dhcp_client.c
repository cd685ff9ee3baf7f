/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of DHCPv4, on a clock of the test's own, beside servers of all kinds. */
#include "plugins/ipam/dhcp/client.h"

#include "tap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define START 1000000

static const struct dhcp_times times = { 4000, 64000, 60000, 0 },
			       probing = { 4000, 64000, 0, 2000 };
static const uint8_t server_mac[6] = { 2, 0, 0, 0, 0, 9 };
static struct dhcp_client c;
static int64_t now;

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_aton(text, &a);
	return a;
}

/* What a server says; 0: it does not say. */
struct answer {
	enum dhcp_type type;
	const char *yiaddr, *server;
	uint32_t lease, t1, t2;
	uint32_t xid_off_by;
};

static uint8_t *put_u32(uint8_t *at, uint8_t code, uint32_t v)
{
	*at++ = code;
	*at++ = 4;
	v = htonl(v);
	memcpy(at, &v, 4);
	return at + 4;
}

static int hear_with(const struct dhcp_times *t, struct answer a)
{
	static uint8_t options[64];
	uint8_t *at = options;
	struct dhcp_message m = { .type = a.type, .xid = c.xid + a.xid_off_by };

	if (a.yiaddr)
		m.yiaddr = ip(a.yiaddr);
	if (a.server)
		at = put_u32(at, DHCP_OPT_SERVER, ntohl(ip(a.server).s_addr));
	if (a.lease)
		at = put_u32(at, DHCP_OPT_LEASE_TIME, a.lease);
	if (a.t1)
		at = put_u32(at, DHCP_OPT_T1, a.t1);
	if (a.t2)
		at = put_u32(at, DHCP_OPT_T2, a.t2);
	m.areas[0].at = options;
	m.areas[0].len = (size_t)(at - options);
	return dhcp_client_receive(&c, t, &m, server_mac, now);
}

#define ANSWER(...)   ((struct answer){ .type = __VA_ARGS__ })
#define hear(...)     hear_with(&times, ANSWER(__VA_ARGS__))

#define OFFER         DHCP_OFFER, "10.0.0.5", "10.0.0.1", 100
#define ACK           DHCP_ACK, "10.0.0.5", "10.0.0.1"
#define NAK           DHCP_NAK, NULL, "10.0.0.1"
#define BIND          DHCP_DO_BIND
#define SEND          DHCP_DO_SEND
#define LOSE          DHCP_DO_LOSE
#define is_in(state_) (c.state == DHCP_STATE_##state_)

/* On to when the client wants to be called, and not a millisecond earlier. */
static int wake(void)
{
	now = c.next - 1;
	if (dhcp_client_wake(&c, &times, now) != 0)
		return -1;
	now++;
	return dhcp_client_wake(&c, &times, now);
}

static void begin(void)
{
	now = START;
	dhcp_client_begin(&c, &times, now);
}

static void choose(void)
{
	begin();
	hear(OFFER);
}

/* A lease of 100 s, T1 in 40, T2 in 80. */
static void bind_it(void)
{
	choose();
	hear(ACK, 100, 40, 80);
	c.t1 = now + 40000;
	c.next = c.t1;
}

static void renew_it(void)
{
	bind_it();
	wake();
}

static void rebind_it(void)
{
	renew_it();
	while (is_in(RENEWING))
		wake();
}

static void reboot_with(int64_t t1, int64_t t2, int64_t end)
{
	now = START;
	c = (struct dhcp_client){ .address = ip("10.0.0.5"), .server = ip("10.0.0.1") };
	c.t1 = t1;
	c.t2 = t2;
	c.end = end;
}

static int reboot_it(void)
{
	reboot_with(START + 40000, START + 80000, START + 100000);
	return dhcp_client_reboot(&c, &times, now);
}

static struct dhcp_request said(bool *unicast)
{
	struct dhcp_request r = {
		.broadcast = true,
		.options = (const uint8_t *)"\x0c\x01x\x3d\x02\0y\x37\x01\x01",
		.options_len = 10,
	};

	dhcp_client_request(&c, now, &r, unicast);
	return r;
}

static bool is(struct in_addr a, const char *text)
{
	return a.s_addr == ip(text).s_addr;
}

/* ---- to an address --------------------------------------------------------------------------- */

static void test_bind(void)
{
	begin();
	ok(is_in(SELECTING) && c.message == DHCP_DISCOVER && !c.holds, "it asks all");
	ok(c.next >= now + 3000 && c.next <= now + 5000, "for 4 s, one more or less");
	ok(hear(OFFER) == SEND && is_in(REQUESTING), "an offer is taken");
	ok(hear(DHCP_OFFER, "10.0.0.6", "10.0.0.2", 9) == 0 && is(c.address, "10.0.0.5"),
	   "another is too late");
	now += 100;
	ok(hear(ACK, 100, 40, 80) == BIND && is_in(BOUND) && c.holds, "a lease");
	ok(is(c.address, "10.0.0.5") && !memcmp(c.server_mac, server_mac, 6), "of that server");
	ok(c.end == START + 100000 && c.t2 == START + 80000, "from when it was asked for");
	ok(c.t1 <= START + 35000 && c.t1 >= START + 30000, "T1 somewhat earlier");
	ok(c.next == c.t1 && !c.deadline, "then it wants to be called");
	ok(hear(ACK, 100) == 0 && hear(NAK) == 0 && hear(OFFER) == 0, "all else is passed over");
}

static void test_strangers(void)
{
	static const char *const bad[] = { "0.0.0.0",   "127.0.0.1", "224.0.0.1",
					   "240.0.0.1", "0.1.2.3",   "255.255.255.255" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin();
		ok(hear(DHCP_OFFER, bad[i], "10.0.0.1", 9) == 0, "offered %s", bad[i]);
		ok(hear(DHCP_OFFER, "10.0.0.5", bad[i], 9) == 0, "offered by %s", bad[i]);
		choose();
		ok(hear(DHCP_ACK, bad[i], "10.0.0.1", 9) == 0, "given %s", bad[i]);
		renew_it();
		ok(hear(DHCP_ACK, "10.0.0.5", bad[i], 9) == BIND && is(c.server, "10.0.0.1"),
		   "%s is asked nothing", bad[i]);
	}
	begin();
	ok(hear(DHCP_OFFER, "10.0.0.5", NULL, 9) == 0, "offered by nobody");
	ok(hear(ACK, 9) == 0 && hear(NAK) == 0, "not asked for");
	ok(hear(DHCP_OFFER, "10.0.0.5", "10.0.0.1", .xid_off_by = 1) == 0,
	   "for another transaction");
	choose();
	ok(hear(DHCP_ACK, "10.0.0.5", "10.0.0.2", 9) == 0, "another server's ACK");
	ok(hear(DHCP_ACK, "10.0.0.5", NULL, 9) == 0, "nobody's");
	ok(hear(DHCP_NAK, NULL, "10.0.0.2") == 0, "another server's NAK");
	ok(hear((enum dhcp_type)99, "10.0.0.5", "10.0.0.1", 9) == 0, "no type that is known");
	ok(hear(ACK, 9) == BIND, "the one that was chosen");
}

static void test_lost(void)
{
	int64_t from;
	uint32_t xid;

	now = START;
	dhcp_client_begin(&c, &probing, now);
	xid = c.xid;
	for (int i = 0; i < 400; i++) {
		int64_t want = i < 4 ? 4000 << i : 64000;

		if (c.next - now < want - 1000 || c.next - now > want + 1000)
			ok(false, "try %d waits %d", i, (int)(c.next - now));
		now = c.next;
		if (dhcp_client_wake(&c, &probing, now) != SEND)
			ok(false, "try %d is none", i);
	}
	ok(is_in(SELECTING) && c.xid == xid && c.message == DHCP_DISCOVER, "DISCOVER without end");

	dhcp_client_begin(&c, &(struct dhcp_times){ 0 }, now);
	ok(c.next > now, "who wants no wait waits a little");
	dhcp_client_begin(&c, &probing, now);
	hear_with(&probing, ANSWER(OFFER));
	xid = c.xid;
	from = now;
	for (int i = 1; i < 4; i++) {
		now = c.next;
		ok(dhcp_client_wake(&c, &probing, now) == SEND && is_in(REQUESTING), "try %d", i);
	}
	now = c.next;
	ok(dhcp_client_wake(&c, &probing, now) == SEND && is_in(SELECTING) && c.xid != xid,
	   "after four REQUESTs it begins again");
	ok(now - from >= 56000 && now - from <= 64000, "in a minute");
}

static void test_deadline(void)
{
	begin();
	while (is_in(SELECTING) && now < START + 70000)
		if (wake() == DHCP_DO_FAIL)
			break;
	ok(is_in(STOPPED) && now == START + 60000, "silence ends at the deadline");
	ok(dhcp_client_wake(&c, &times, now + 1000000) == 0 && c.next == INT64_MAX, "and stops");

	begin();
	now = START + 60001;
	ok(hear(OFFER) == SEND && c.next == now, "an offer after it");
	ok(wake() == DHCP_DO_FAIL && c.next == INT64_MAX, "is too late");
	ok(dhcp_client_release(&c) == SEND && is_in(STOPPED), "and what it asked for is released");

	begin();
	for (int i = 0; is_in(STOPPED) ? 0 : i < 200; i++) {
		if (is_in(SELECTING))
			hear(OFFER);
		else if (is_in(REQUESTING))
			hear(NAK);
		else if (wake() == DHCP_DO_FAIL)
			ok(i > 8 && i < 40, "a server that always refuses is asked %d times",
			   i / 3);
	}
	ok(is_in(STOPPED) && now == START + 60000, "until the deadline");
}

/* ---- times of a lease ------------------------------------------------------------------------ */

static void test_times(void)
{
	static const struct {
		uint32_t lease, t1, t2, want_t1, want_t2; /* s; t1 is up to a quarter before that */
	} tests[] = {
		{ 1000, 0, 0, 500, 875 },      { 1000, 300, 0, 300, 875 },
		{ 1000, 0, 700, 500, 700 },    { 1000, 0, 500, 250, 500 },
		{ 1000, 0, 200, 100, 200 },    { 1000, 900, 0, 500, 875 },
		{ 1000, 700, 600, 700, 875 },  { 1000, 2000, 0, 500, 875 },
		{ 1000, 300, 2000, 300, 875 }, { 1000, 999, 1000, 500, 875 },
		{ 1000, ~0U, ~0U, 500, 875 },  { 1000, 1, 2, 1, 2 },
		{ 0, 0, 0, 1800, 3150 },       { ~0U - 1, ~0U, 0, 2147483647, 3758096382 },
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		int64_t t1 = (int64_t)tests[i].want_t1 * 1000,
			t2 = (int64_t)tests[i].want_t2 * 1000,
			early = t1 / 8 < 10000 ? t1 / 8 : 10000;

		choose();
		hear(ACK, tests[i].lease, tests[i].t1, tests[i].t2);
		ok(c.t1 - now <= t1 - early && c.t1 - now >= t1 - 2 * early,
		   "lease %u, T1 %u, T2 %u: T1 is %d ms", tests[i].lease, tests[i].t1, tests[i].t2,
		   (int)(c.t1 - now));
		ok(c.t2 - now >= t2 && c.t2 - now < t2 + 1000, "T2 is %d ms", (int)(c.t2 - now));
	}
	choose();
	ok(hear(ACK, ~0U, 1, 2) == BIND && c.next == INT64_MAX && c.end == INT64_MAX, "for ever");
	ok(dhcp_client_wake(&c, &times, INT64_MAX - 1) == 0 && is_in(BOUND), "it is never renewed");
}

/* The answer may be the first request's: the lease has begun with that. */
static void test_late(void)
{
	int64_t first;

	choose();
	first = now;
	wake();
	ok(is_in(REQUESTING) && now > first && hear(ACK, 100) == BIND, "after a second REQUEST");
	ok(c.end == first + 100000, "a lease from the first one on");
	reboot_it();
	first = now;
	wake();
	ok(is_in(REBOOTING) && now > first && hear(ACK, 100) == BIND, "after a second INIT-REBOOT");
	ok(c.end == first + 100000, "a lease from the first one on");
}

/* One that says 0 s, and one whose answer was on its way for longer than it lasts. */
static void test_ended_on_arrival(void)
{
	struct dhcp_message m = { .type = DHCP_ACK, .yiaddr = ip("10.0.0.5") };
	static const uint8_t zero[] = "\x36\x04\x0a\0\0\1\x33\x04\0\0\0\0";

	m.areas[0].at = zero;
	m.areas[0].len = sizeof(zero) - 1;
	choose();
	m.xid = c.xid;
	ok(dhcp_client_receive(&c, &times, &m, server_mac, now) == 0 && is_in(REQUESTING), "0 s");
	renew_it();
	m.xid = c.xid;
	ok(dhcp_client_receive(&c, &times, &m, server_mac, now) == 0 && is_in(RENEWING),
	   "0 s later");
	ok(c.end == START + 100000, "the old one goes on");
	choose();
	now += 2000;
	ok(hear(ACK, 2) == 0 && is_in(REQUESTING), "2 s after 2 s");
	ok(hear(ACK, 3) == BIND && c.next <= now + 1 && c.next >= now, "3 s: what is left");
	ok(wake() != 0 && c.holds, "is used");
}

/* ---- renewing -------------------------------------------------------------------------------- */

static void test_renew(void)
{
	uint32_t xid;

	bind_it();
	xid = c.xid;
	ok(wake() == SEND && is_in(RENEWING) && now == START + 40000, "at T1");
	ok(c.xid != xid, "another transaction");
	ok(c.next == now + 20000, "again after half of what is left to T2");
	xid = c.xid;
	ok(wake() == SEND && is_in(RENEWING), "again");
	ok(c.xid != xid, "and a transaction of its own");
	now += 5;
	ok(hear(ACK, 100) == BIND && is_in(BOUND) && c.end == START + 160000,
	   "from the last request");
	renew_it();
	ok(hear(DHCP_ACK, "10.0.0.6", "10.0.0.1", 50) == BIND && is(c.address, "10.0.0.6"),
	   "another address");
	ok(c.end == now + 50000, "its times");
	renew_it();
	ok(hear(DHCP_ACK, "10.0.0.5", NULL, 50) == BIND && is(c.server, "10.0.0.1"),
	   "from a server that does not say which");
}

static void test_silence(void)
{
	int64_t last;
	int n;

	renew_it();
	for (n = 1; wake() == SEND && is_in(RENEWING); n++)
		continue;
	ok(is_in(REBINDING) && now == START + 80000 && n <= 3, "silence until T2: %d requests", n);
	for (n = 1, last = now; wake() == SEND && is_in(REBINDING); last = now)
		n++;
	ok(is_in(SELECTING) && now == START + 100000 && !c.holds, "until the end: %d", n);
	ok(last < now && c.begun == now && is(c.address, "0.0.0.0"), "it begins anew");
	rebind_it();
	while (is_in(REBINDING))
		n = wake();
	ok(n == (LOSE | SEND) && c.message == DHCP_DISCOVER, "what it held is lost");
	rebind_it();
	ok(hear(DHCP_ACK, "10.0.0.5", "10.0.0.2", 100) == BIND && is(c.server, "10.0.0.2"),
	   "another server may take over");
	bind_it();
	now = START + 90000;
	ok(dhcp_client_wake(&c, &times, now) == SEND && is_in(REBINDING), "asleep beyond T2");
	bind_it();
	now = START + 100000;
	ok(dhcp_client_wake(&c, &times, now) == (LOSE | SEND) && is_in(SELECTING),
	   "beyond the end");
}

/* Not oftener than each minute, where there is time. */
static void test_renewals_are_rare(void)
{
	int n = 0;

	choose();
	hear(ACK, 86400);
	while (wake() == SEND && c.holds)
		n++;
	ok(n < 25, "a day's lease is asked for %d times", n);
	choose();
	hear(ACK, 1);
	for (n = 0; wake() == SEND && c.holds;)
		n++;
	ok(n >= 2 && n < 8, "a second's %d times", n);
}

static void test_nak(void)
{
	choose();
	ok(hear(NAK) == SEND && is_in(SELECTING) && c.message == DHCP_DISCOVER, "it begins again");
	hear(OFFER);
	ok(hear(NAK) == 0 && is_in(WAITING) && c.next - now > 2999 && c.next - now <= 4000,
	   "the second time not at once");
	ok(hear(OFFER) == 0 && hear(NAK) == 0, "it does not listen meanwhile");
	ok(wake() == SEND && is_in(SELECTING), "then it does");
	for (int i = 0; i < 300; i++) {
		c.deadline = 0;
		if (is_in(SELECTING))
			hear(OFFER);
		hear(NAK);
		if (c.next - now > 64000)
			ok(false, "it waits %d", (int)(c.next - now));
		wake();
	}
	renew_it();
	ok(hear(NAK) == (LOSE | SEND) && is_in(SELECTING) && c.begun == now, "while renewing");
	renew_it();
	ok(hear(DHCP_NAK, NULL, "10.0.0.2") == 0 && is_in(RENEWING), "of one that was not asked");
	ok(hear(DHCP_NAK, NULL, NULL) == (LOSE | SEND), "of one that does not say which");
	rebind_it();
	ok(hear(DHCP_NAK, NULL, "10.0.0.2") == (LOSE | SEND), "while rebinding, of any");
	bind_it();
	ok(hear(NAK) == 0 && is_in(BOUND), "nothing was asked");
}

/* ---- after a restart ------------------------------------------------------------------------- */

static void test_reboot(void)
{
	ok(reboot_it() == SEND && is_in(REBOOTING) && c.holds && !c.deadline,
	   "it asks for the same");
	ok(said(&(bool){ 0 }).secs == 0, "from now on");
	wake();
	ok(said(&(bool){ 0 }).secs == (now - START) / 1000 && now > START, "as time goes by");
	reboot_it();
	ok(hear(DHCP_ACK, "10.0.0.5", NULL, 200) == BIND && c.end == START + 200000, "and may");
	reboot_it();
	ok(hear(DHCP_NAK, NULL, "10.0.0.7") == (LOSE | SEND) && is_in(SELECTING), "or may not");
	reboot_it();
	ok(wake() == SEND && wake() == SEND && is_in(REBOOTING), "three times");
	ok(wake() == 0 && is_in(BOUND) && c.next == START + 40000, "without an answer it goes on");
	ok(wake() == SEND && is_in(RENEWING), "and renews");

	reboot_with(START + 1, START + 100000, START + 200000);
	dhcp_client_reboot(&c, &times, now);
	ok(wake() == SEND && wake() == SEND && wake() == SEND && is_in(RENEWING), "beyond T1");
	reboot_with(START - 2, START - 1, START + 2000);
	dhcp_client_reboot(&c, &times, now);
	ok(wake() == (LOSE | SEND) && now == START + 2000, "it ends when it ends");
	reboot_with(START - 2, START - 1, START);
	ok(dhcp_client_reboot(&c, &times, now) == (LOSE | SEND) && is_in(SELECTING) && !c.holds,
	   "it has ended meanwhile");
	reboot_with(INT64_MAX, INT64_MAX, INT64_MAX);
	dhcp_client_reboot(&c, &times, now);
	wake();
	wake();
	ok(wake() == 0 && is_in(BOUND) && c.next == INT64_MAX, "for ever");
	reboot_it();
	ok(dhcp_client_release(&c) == SEND && c.message == DHCP_RELEASE, "it is given back");
}

/* ---- conflicts ------------------------------------------------------------------------------- */

static int probe_wake(void)
{
	now = c.next;
	return dhcp_client_wake(&c, &probing, now);
}

static void probe_it(void)
{
	now = START;
	dhcp_client_begin(&c, &probing, now);
	hear_with(&probing, ANSWER(OFFER));
	hear_with(&probing, ANSWER(ACK, 100));
}

static void test_probe(void)
{
	probe_it();
	ok(is_in(PROBING) && !c.holds && c.next == now + 2000, "it asks who has the address");
	ok(hear_with(&probing, ANSWER(ACK, 9)) == 0, "answers do not matter");
	ok(probe_wake() == BIND && is_in(BOUND) && c.holds, "nobody has");
	now = c.next;
	dhcp_client_wake(&c, &probing, now);
	ok(hear_with(&probing, ANSWER(ACK, 100)) == BIND, "the same is not probed again");
	probe_wake();
	ok(hear_with(&probing, ANSWER(DHCP_ACK, "10.0.0.6", "10.0.0.1", 9)) == DHCP_DO_PROBE,
	   "another is");
	ok(c.holds && probe_wake() == BIND && is(c.address, "10.0.0.6"), "before it is changed");

	probe_it();
	ok(dhcp_client_conflict(&c, now) == SEND && c.message == DHCP_DECLINE, "somebody has");
	ok(is_in(WAITING) && c.next == now + 10000, "it waits 10 s");
	ok(probe_wake() == SEND && is_in(SELECTING), "then it begins again");

	probe_it();
	ok(dhcp_client_release(&c) == SEND && is_in(STOPPED), "given back unused");
	now = START;
	dhcp_client_begin(&c, &probing, now);
	hear_with(&probing, ANSWER(OFFER));
	hear_with(&probing, ANSWER(ACK, 1));
	ok(probe_wake() == SEND && is_in(SELECTING), "a lease that ends before its probe");
}

static void test_probe_deadline(void)
{
	const struct dhcp_times t = { 4000, 64000, 1000, 2000 };

	now = START;
	dhcp_client_begin(&c, &t, now);
	now += 500;
	hear_with(&t, ANSWER(OFFER));
	hear_with(&t, ANSWER(ACK, 100));
	now = c.next;
	ok(dhcp_client_wake(&c, &t, now) == BIND, "a probe may end after the deadline");
	dhcp_client_begin(&c, &t, now);
	hear_with(&t, ANSWER(OFFER));
	hear_with(&t, ANSWER(ACK, 100));
	now += 1900;
	ok(dhcp_client_conflict(&c, now) == SEND && c.next == now, "an objection after it");
	ok(dhcp_client_wake(&c, &t, now) == DHCP_DO_FAIL, "is the end");
}

static void test_conflict(void)
{
	bind_it();
	ok(dhcp_client_conflict(&c, now) == (LOSE | SEND) && c.begun == now, "while it is used");
	ok(is(said(&(bool){ 0 }).address, "10.0.0.5"), "the DECLINE says which");
	ok(dhcp_client_conflict(&c, now) == 0, "once");
	begin();
	ok(dhcp_client_conflict(&c, now) == 0 && is_in(SELECTING), "of no address");
	dhcp_client_release(&c);
	ok(dhcp_client_conflict(&c, now) == 0 && is_in(STOPPED), "it stays stopped");
}

static void test_release(void)
{
	bind_it();
	ok(dhcp_client_release(&c) == SEND && is_in(STOPPED) && !c.holds, "what is bound");
	ok(dhcp_client_release(&c) == 0 && c.next == INT64_MAX, "once");
	begin();
	ok(dhcp_client_release(&c) == 0 && is_in(STOPPED), "nothing is held yet");
	choose();
	ok(dhcp_client_release(&c) == SEND && is_in(STOPPED), "what the server may have given");
	ok(!memcmp(c.server_mac, server_mac, 6), "to where the offer came from");
	ok(hear(ACK, 9) == 0 && hear(OFFER) == 0 && hear(NAK) == 0, "it does not listen any more");
}

/* ---- messages: RFC 2131, table 5, and 4.3.6 -------------------------------------------------- */

static void check(const char *what, enum dhcp_type type, const char *ciaddr, const char *address,
		  const char *server, bool to_server, bool flag)
{
	bool unicast, ends = type == DHCP_RELEASE || type == DHCP_DECLINE;
	struct dhcp_request r = said(&unicast);

	ok(r.type == type && r.xid == c.xid, "%s: its type", what);
	ok(is(r.ciaddr, ciaddr) && is(r.address, address) && is(r.server, server), "%s: addresses",
	   what);
	ok(unicast == to_server && is(r.to, to_server ? "10.0.0.1" : "0.0.0.0"), "%s: to whom",
	   what);
	ok(r.broadcast == flag, "%s: how it is answered", what);
	ok(ends ? r.options_len == 4 && !memcmp(r.options, "\x3d\x02\0y", 4) : r.options_len == 10,
	   "%s: options", what);
}

static void test_messages(void)
{
	begin();
	check("DISCOVER", DHCP_DISCOVER, "0.0.0.0", "0.0.0.0", "0.0.0.0", false, true);
	hear(OFFER);
	check("SELECTING", DHCP_REQUEST, "0.0.0.0", "10.0.0.5", "10.0.0.1", false, true);
	reboot_it();
	check("INIT-REBOOT", DHCP_REQUEST, "0.0.0.0", "10.0.0.5", "0.0.0.0", false, true);
	renew_it();
	check("RENEWING", DHCP_REQUEST, "10.0.0.5", "0.0.0.0", "0.0.0.0", true, false);
	rebind_it();
	check("REBINDING", DHCP_REQUEST, "10.0.0.5", "0.0.0.0", "0.0.0.0", false, false);
	dhcp_client_conflict(&c, now);
	check("DECLINE", DHCP_DECLINE, "0.0.0.0", "10.0.0.5", "10.0.0.1", false, false);
	bind_it();
	dhcp_client_release(&c);
	check("RELEASE", DHCP_RELEASE, "10.0.0.5", "0.0.0.0", "10.0.0.1", true, false);
	choose();
	dhcp_client_release(&c);
	check("RELEASE", DHCP_RELEASE, "10.0.0.5", "0.0.0.0", "10.0.0.1", true, false);
}

static void test_secs(void)
{
	bool unicast;

	begin();
	ok(said(&unicast).secs == 0, "the first");
	wake();
	ok(said(&unicast).secs == (now - START) / 1000 && now > START, "the second");
	now += 1500;
	hear(OFFER);
	ok(said(&unicast).secs == c.secs && c.secs <= 5, "a REQUEST repeats the DISCOVER's");
	bind_it();
	now += 5000;
	dhcp_client_release(&c);
	ok(said(&unicast).secs == 0, "a RELEASE has none");
	renew_it();
	ok(said(&unicast).secs == 0, "renewing begins again");
	now = START + (int64_t)100000 * 1000;
	begin();
	c.begun -= (int64_t)100000 * 1000;
	ok(said(&unicast).secs == 65535, "it has an end");
}

int main(void)
{
	test_bind();
	test_strangers();
	test_lost();
	test_deadline();
	test_times();
	test_late();
	test_ended_on_arrival();
	test_renew();
	test_silence();
	test_renewals_are_rare();
	test_nak();
	test_reboot();
	test_probe();
	test_probe_deadline();
	test_conflict();
	test_release();
	test_messages();
	test_secs();
	return done_testing();
}
