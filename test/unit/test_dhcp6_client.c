/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of DHCPv6, on a clock of the test's own, beside servers of all kinds. */
#include "plugins/ipam/dhcp/client6.h"

#include "tap.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define START   1000000
#define IAID    7
#define FOREVER UINT32_MAX

static const uint16_t wanted[] = { DHCP6_OPT_DNS };
static struct dhcp6_config config = {
	.duid = { (const uint8_t *)"\0\4me", 4 },
	.iaid = IAID,
	.wanted = wanted,
	.n_wanted = 1,
	.options = { (const uint8_t *)"\0\x10\0\1x", 5 },
};
static struct dhcp6_client c;
static int64_t now;

/* ---- a server -------------------------------------------------------------------------------- */

/* What it says. An address is the last byte of one in fd00::/64; 0: none. */
struct answer {
	enum dhcp6_type type;
	const char *server;
	uint8_t address;
	uint32_t preferred, valid, t1, t2;
	uint8_t other; /* a second address, with these lifetimes or others */
	uint32_t other_valid;
	uint16_t status, ia_status;
	int preference; /* + 1 */
	uint32_t sol_max_rt;
	bool rapid, no_ia, other_client;
	uint32_t other_xid;
};

static uint8_t bytes[512];
static size_t used;

static void put16(unsigned v)
{
	bytes[used++] = (uint8_t)(v >> 8);
	bytes[used++] = (uint8_t)v;
}

static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

static void put_text(unsigned code, const char *text, size_t n)
{
	put16(code);
	put16((unsigned)n);
	memcpy(bytes + used, text, n);
	used += n;
}

static void put_status(uint16_t status)
{
	if (!status)
		return;
	put16(DHCP6_OPT_STATUS);
	put16(2);
	put16(status);
}

static void put_address(uint8_t last, uint32_t preferred, uint32_t valid)
{
	if (!last)
		return;
	put16(DHCP6_OPT_ADDRESS);
	put16(24);
	put32(0xfd000000);
	put32(0);
	put32(0);
	put32(last);
	put32(preferred);
	put32(valid);
}

static void put_ia(const struct answer *a)
{
	size_t at;

	if (a->no_ia)
		return;
	put16(DHCP6_OPT_IA_NA);
	at = used;
	put16(0);
	put32(IAID);
	put32(a->t1);
	put32(a->t2);
	put_address(a->address, a->preferred, a->valid);
	put_address(a->other, a->other_valid, a->other_valid);
	put_status(a->ia_status);
	bytes[at] = 0;
	bytes[at + 1] = (uint8_t)(used - at - 2);
}

static int hear_it(struct answer a)
{
	struct dhcp6_message m;

	used = 0;
	put32((uint32_t)a.type << 24 | (a.other_xid ? c.xid ^ a.other_xid : c.xid));
	put_text(DHCP6_OPT_CLIENT_ID, a.other_client ? "\0\4no" : "\0\4me", 4);
	put_text(DHCP6_OPT_SERVER_ID, a.server, strlen(a.server));
	put_status(a.status);
	put_ia(&a);
	if (a.rapid)
		put_text(DHCP6_OPT_RAPID_COMMIT, "", 0);
	if (a.preference) {
		put_text(DHCP6_OPT_PREFERENCE, "", 0);
		bytes[used - 1] = 1;
		bytes[used++] = (uint8_t)(a.preference - 1);
	}
	if (a.sol_max_rt) {
		put16(DHCP6_OPT_SOL_MAX_RT);
		put16(4);
		put32(a.sol_max_rt);
	}
	if (!dhcp6_read(bytes, used, &m))
		return -1;
	return dhcp6_client_receive(&c, &config, &m, now);
}

#define hear(...)     hear_it((struct answer){ .type = __VA_ARGS__ })
#define LEASE         1, 80, 100 /* fd00::1, preferred 80 s, valid 100 s; T1, T2 follow */
#define OFFER         DHCP6_ADVERTISE, "one", LEASE
#define REPLY         DHCP6_REPLY, "one", LEASE
#define BIND          DHCP_DO_BIND
#define SEND          DHCP_DO_SEND
#define LOSE          DHCP_DO_LOSE
#define is_in(state_) (c.state == DHCP6_STATE_##state_)

/* On to when the client wants to be called, and not a millisecond earlier. */
static int wake(void)
{
	now = c.next - 1;
	if (dhcp6_client_wake(&c, now) != 0)
		return -1;
	now++;
	return dhcp6_client_wake(&c, now);
}

static struct in6_addr ip(uint8_t last)
{
	struct in6_addr a = { .s6_addr = { 0xfd } };

	a.s6_addr[15] = last;
	return a;
}

static bool is(size_t i, uint8_t last)
{
	struct in6_addr a = ip(last);

	return i < c.lease.n && IN6_ARE_ADDR_EQUAL(&c.lease.addresses[i], &a);
}

static int begin(void)
{
	now = START;
	return dhcp6_client_begin(&c, &config, now);
}

static void choose(void)
{
	begin();
	hear(OFFER);
}

/* T1 in 40 s, T2 in 70 s, for 100 s. */
static void bind_it(void)
{
	choose();
	hear(REPLY, 40, 70);
	c.next = c.lease.t1 = now + 40000;
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

static int reboot_it(void)
{
	bind_it();
	return dhcp6_client_reboot(&c, &config, now);
}

/* ---- to addresses ---------------------------------------------------------------------------- */

static void test_bind(void)
{
	uint32_t xid;

	ok(begin() == SEND && is_in(SOLICITING) && c.message == DHCP6_SOLICIT, "it asks all");
	ok(c.next > now + 1000 && c.next <= now + 1101, "for a second, never less");
	xid = c.xid;
	ok(hear(OFFER) == SEND && is_in(REQUESTING) && is(0, 1), "the first offer is taken");
	ok(c.xid != xid && c.xid < 1 << 24 && !c.holds, "another transaction");
	now += 100;
	ok(hear(REPLY, 40, 70) == BIND && is_in(BOUND) && c.holds, "a lease");
	ok(c.lease.n == 1 && is(0, 1) && c.lease.valid[0] == START + 100000 &&
		   c.lease.preferred[0] == START + 80000,
	   "of that address, from when it was asked for");
	ok(c.lease.t2 == START + 70000 && c.lease.t1 <= START + 40000 &&
		   c.lease.t1 >= START + 37500,
	   "T1, T2");
	ok(c.next == c.lease.t1, "then it wants to be called");
	ok(hear(REPLY) == 0 && hear(OFFER) == 0, "all else is passed over");
	bind_it();
	choose();
	ok(hear(REPLY, .other = 2, .other_valid = 90) == BIND && c.lease.n == 2 && is(1, 2), "two");
	choose();
	ok(hear(REPLY, .other = 1, .other_valid = 90) == BIND && c.lease.n == 1, "twice the same");
}

static void test_delay(void)
{
	bool waits = false;

	config.delay = 1000;
	for (int i = 0; i < 20; i++)
		if (begin() != 0 || !is_in(WAITING) || c.next < now || c.next >= now + 1000)
			ok(false, "it waits %d", (int)(c.next - now));
		else
			waits |= c.next > now;
	ok(waits, "not always none");
	now = c.next;
	ok(dhcp6_client_wake(&c, now) == SEND && is_in(SOLICITING), "it begins after a moment");
	ok(c.begun == now, "which is not counted");
	config.delay = 0;
}

static void test_offers(void)
{
	config.collect = DHCP6_ALL;
	begin();
	ok(hear(OFFER, .preference = 6) == 0 && is_in(SOLICITING), "it waits for a better one");
	ok(hear(DHCP6_ADVERTISE, "two", 2, 80, 100, .preference = 6) == 0 && is(0, 1), "as good");
	ok(hear(DHCP6_ADVERTISE, "two", 2, 80, 100, .preference = 7) == 0 && is(0, 2), "better");
	ok(hear(DHCP6_ADVERTISE, "six", 3, 80, 100) == 0 && is(0, 2), "worse");
	ok(hear(DHCP6_ADVERTISE, "six", 0, .preference = 99) == 0 && is(0, 2), "of nothing");
	ok(wake() == SEND && is_in(REQUESTING) && now > START + 1000, "after the first second");
	ok(hear(REPLY) == 0, "the other one's answer");
	ok(hear(DHCP6_REPLY, "two", 2, 80, 100) == BIND, "is not the better one's");
	begin();
	ok(hear(OFFER, .preference = 256) == SEND, "the best of all is not waited upon");
	begin();
	wake();
	ok(hear(OFFER) == SEND, "nor is any after the first second");
	config.collect = 20;
	begin();
	now += 10;
	hear(OFFER);
	ok(c.next == START + 30 && wake() == SEND && is_in(REQUESTING),
	   "or for less than a second");
	config.collect = 0;
}

static void test_strangers(void)
{
	begin();
	ok(hear(OFFER, .other_xid = 1) == 0, "another transaction");
	ok(hear(OFFER, .other_client = true) == 0, "another client");
	ok(hear(OFFER, .no_ia = true) == 0, "no IA");
	ok(hear(OFFER, .status = DHCP6_UNSPEC_FAIL) == 0, "a failure");
	ok(hear(OFFER, .ia_status = DHCP6_NO_ADDRS_AVAIL) == 0, "of no address");
	ok(hear(DHCP6_ADVERTISE, "one") == 0, "an empty IA");
	ok(hear(DHCP6_ADVERTISE, "one", 1, 0, 0) == 0, "an address for no time");
	ok(hear(OFFER, 2, 1) == 0, "T1 behind T2");
	ok(hear(REPLY) == 0 && hear(REPLY, .rapid = true) == 0, "a lease that was not asked for");
	ok(is_in(SOLICITING) && !c.lease.n && !c.server_len, "it goes on");
	choose();
	ok(hear(DHCP6_REPLY, "two", LEASE) == 0, "another server's REPLY");
	ok(hear(DHCP6_REPLY, "one", LEASE, .no_ia = true) == 0, "one without the IA");
	ok(hear(REPLY, .status = DHCP6_USE_MULTICAST) == 0, "multicast is what it was");
	ok(hear(REPLY, .status = DHCP6_UNSPEC_FAIL) == 0, "a failure");
	ok(hear(REPLY) == BIND, "the one that was chosen");
}

static void test_rapid(void)
{
	config.rapid_commit = true;
	begin();
	ok(hear(REPLY) == 0, "not without the option");
	ok(hear(REPLY, .rapid = true, .ia_status = DHCP6_NO_ADDRS_AVAIL) == 0 && is_in(SOLICITING),
	   "of one that has none");
	ok(hear(REPLY, .rapid = true) == BIND && is_in(BOUND) && c.server_len == 3, "at once");
	begin();
	ok(hear(OFFER) == SEND && is_in(REQUESTING), "one that does not may offer");
	config.rapid_commit = false;
}

/* ---- lost messages, refusals ----------------------------------------------------------------- */

/*
 * RFC 8415, 15: each try waits twice as long, a tenth more or less, and where that is more than the
 * longest, as long as this, a tenth more or less. Returns how many until the state changes.
 */
static int count_tries(int64_t first, int64_t longest)
{
	enum dhcp6_state state = c.state;
	int64_t want = first;
	int n = 0;

	for (; c.state == state && n < 300; n++) {
		int64_t rt = c.rt, most;

		if (n)
			want = 2 * want < longest ? 2 * want : longest;
		most = want + want / 10 + 1;
		if (most > longest)
			most = longest + longest / 10;
		if (rt < want - want / 10 - 1 || rt > most)
			ok(false, "try %d waits %d, not %d", n, (int)rt, (int)want);
		want = want < longest ? rt : longest;
		if (c.next != now + rt && c.next != c.lease.t2 && c.next != c.lease.valid[0])
			ok(false, "try %d waits %d", n, (int)(c.next - now));
		wake();
	}
	return n;
}

static void test_lost(void)
{
	begin();
	ok(count_tries(1050, 3600000) == 300 && is_in(SOLICITING), "SOLICIT without end");
	begin();
	hear(DHCP6_ADVERTISE, "one", .no_ia = true, .sol_max_rt = 60);
	ok(c.sol_max_rt == 60 && count_tries(1050, 60000) == 300, "but as often as it is told");
	hear(OFFER, .sol_max_rt = 59);
	ok(c.sol_max_rt == 60, "nonsense is not");
	ok(hear(REPLY, .sol_max_rt = 86401) == BIND && c.sol_max_rt == 60, "of either kind");
	choose();
	ok(count_tries(1000, 30000) == 10 && is_in(SOLICITING) && !c.lease.n, "REQUEST ten times");
	bind_it();
	dhcp6_client_release(&c, now);
	ok(count_tries(1000, 60000) == 4 && is_in(STOPPED), "RELEASE four times");
	bind_it();
	dhcp6_client_conflict(&c, &(struct in6_addr){ .s6_addr = { 0xfd, [15] = 1 } }, now);
	ok(count_tries(1000, 60000) == 4 && is_in(SOLICITING), "DECLINE four times");
	choose();
	hear(DHCP6_REPLY, "one", 1, 86400, 86400);
	wake();
	ok(count_tries(10000, 600000) > 10 || is_in(REBINDING), "RENEW until T2");
	ok(now == c.lease.t2 && count_tries(10000, 600000) > 5, "REBIND until the end");
}

static void test_deadline(void)
{
	config.deadline = 60000;
	begin();
	for (int i = 0; i < 20 && !is_in(STOPPED);)
		i += wake() == DHCP_DO_FAIL ? 100 : 1;
	ok(is_in(STOPPED) && now == START + 60000, "silence ends at the deadline");
	ok(dhcp6_client_wake(&c, now + 1000000) == 0 && c.next == INT64_MAX, "and stops");
	begin();
	for (int i = 0; i < 200 && !is_in(STOPPED); i++) {
		if (is_in(SOLICITING))
			hear(OFFER);
		else if (is_in(REQUESTING))
			hear(REPLY, .ia_status = DHCP6_NO_ADDRS_AVAIL);
		else if (wake() == DHCP_DO_FAIL)
			ok(i > 8 && i < 40, "one that always refuses is asked %d times", i / 3);
	}
	ok(is_in(STOPPED) && now == START + 60000 && !c.lease.n, "until the deadline");
	bind_it();
	now = START + 30000;
	ok(dhcp6_client_conflict(&c, &(struct in6_addr){ .s6_addr = { 0xfd, [15] = 1 } }, now) ==
			   (LOSE | SEND) &&
		   c.deadline == START + 60000,
	   "a conflict before it");
	while (now < START + 60000 && !is_in(STOPPED))
		wake();
	ok(is_in(STOPPED), "ends with it");
	choose();
	while (c.next != INT64_MAX)
		wake();
	ok(is_in(REQUESTING) && now == START + 60000,
	   "what was asked for is waited for until then");
	ok(dhcp6_client_release(&c, now) == SEND && is_in(RELEASING), "and given back");
	bind_it();
	dhcp6_client_release(&c, START + 59999);
	now = c.next;
	ok(dhcp6_client_wake(&c, now) == SEND && is_in(RELEASING), "the end has no deadline");
	bind_it();
	now = START + 60000;
	ok(dhcp6_client_wake(&c, now) == SEND && is_in(RENEWING) && !c.deadline,
	   "not what is held");
	config.deadline = 0;
}

static void test_refused(void)
{
	static const uint16_t refusals[] = { DHCP6_NO_ADDRS_AVAIL, DHCP6_NOT_ON_LINK,
					     DHCP6_NO_BINDING };

	for (size_t i = 0; i < 3; i++) {
		choose();
		ok(hear(REPLY, .ia_status = refusals[i]) == SEND && is_in(SOLICITING) && !c.lease.n,
		   "refused by the IA's %d", refusals[i]);
		hear(OFFER);
		ok(hear(REPLY, .status = refusals[i]) == 0 && is_in(WAITING), "the message's");
		ok(c.next > now + 2999 && c.next <= now + 4000, "it is not asked at once again");
		ok(hear(OFFER) == 0 && wake() == SEND && is_in(SOLICITING), "but later");
	}
	for (int i = 0; i < 300; i++) {
		hear(OFFER);
		hear(REPLY, .ia_status = DHCP6_NO_ADDRS_AVAIL);
		if (c.next - now > 64000)
			ok(false, "it waits %d", (int)(c.next - now));
		wake();
	}
	choose();
	ok(hear(DHCP6_REPLY, "one") == SEND && is_in(SOLICITING), "an empty IA is a refusal");
	choose();
	ok(hear(DHCP6_REPLY, "one", 1, 0, 0) == SEND && is_in(SOLICITING), "no time is");
	choose();
	now += 2000;
	ok(hear(DHCP6_REPLY, "one", 1, 1, 2) == SEND && is_in(SOLICITING), "2 s after 2 s are");
}

/* ---- times of a lease ------------------------------------------------------------------------ */

static void test_times(void)
{
	static const struct {
		uint32_t preferred, valid, t1, t2, want_t1, want_t2; /* s; of t1, its most */
	} tests[] = {
		{ 1000, 2000, 0, 0, 500, 800 },       { 1000, 2000, 300, 0, 300, 800 },
		{ 1000, 2000, 0, 700, 500, 700 },     { 1000, 2000, 0, 400, 250, 400 },
		{ 1000, 2000, 900, 0, 500, 800 },     { 1000, 2000, 0, 3000, 500, 800 },
		{ 1000, 2000, 600, 1500, 600, 1500 }, { 1000, 2000, 2500, 3000, 500, 800 },
		{ 0, 2000, 0, 0, 1000, 1600 },        { 1000, FOREVER, 0, 0, 500, 800 },
		{ 1000, 2000, FOREVER, 0, 500, 800 }, { 1000, 2000, FOREVER, FOREVER, 500, 800 },
		{ 1000, 2000, 0, FOREVER, 500, 800 }, { FOREVER, FOREVER, 10, 20, 10, 20 },
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		int64_t t1 = (int64_t)tests[i].want_t1 * 1000,
			t2 = (int64_t)tests[i].want_t2 * 1000;

		choose();
		hear(DHCP6_REPLY, "one", 1, tests[i].preferred, tests[i].valid, tests[i].t1,
		     tests[i].t2);
		ok(c.lease.t1 - now <= t1 && c.lease.t1 - now >= t1 - t1 / 16 - 1,
		   "preferred %u, T1 %u, T2 %u: T1 is %d ms", tests[i].preferred, tests[i].t1,
		   tests[i].t2, (int)(c.lease.t1 - now));
		ok(c.lease.t2 - now == t2, "T2 is %d ms", (int)(c.lease.t2 - now));
	}
	choose();
	ok(hear(DHCP6_REPLY, "one", 1, FOREVER, FOREVER) == BIND && c.lease.t1 == INT64_MAX &&
		   c.next == INT64_MAX,
	   "for ever");
	ok(dhcp6_client_wake(&c, INT64_MAX - 1) == 0 && is_in(BOUND), "it is never renewed");
	choose();
	hear(DHCP6_REPLY, "one", 1, 1000, 2000, 0, 0, 2, 100);
	ok(c.lease.t2 == now + 80000, "of two, the shorter one counts");
}

/* ---- renewing -------------------------------------------------------------------------------- */

static void test_renew(void)
{
	bind_it();
	ok(wake() == SEND && is_in(RENEWING) && c.message == DHCP6_RENEW && now == START + 40000,
	   "at T1");
	ok(c.next >= now + 6749 && c.next <= now + 8251, "again after a fourth of what is left");
	now += 5;
	ok(hear(DHCP6_REPLY, "two", LEASE) == 0, "another server is not asked");
	ok(hear(REPLY) == BIND && is_in(BOUND) && c.lease.valid[0] == START + 140000, "renewed");
	ok(c.lease.t2 == START + 104000 && c.next == c.lease.t1 && c.next <= START + 80000 &&
		   c.next >= START + 77500,
	   "with other times");
	renew_it();
	ok(hear(DHCP6_REPLY, "one", 2, 80, 100) == BIND && c.lease.n == 2 && is(0, 1) && is(1, 2),
	   "an address more: the one that is not named goes on");
	ok(c.lease.valid[0] == START + 100000 && c.lease.valid[1] == now + 100000, "until its end");
	now = START + 99999;
	c.lease.t1 = c.lease.t2 = now + 50000;
	c.next = START + 100000;
	ok(wake() == LOSE && c.lease.n == 1 && is(0, 2) && c.holds && is_in(BOUND),
	   "and then goes");
	renew_it();
	ok(hear(DHCP6_REPLY, "one", 1, 0, 0, .other = 2, .other_valid = 50) == BIND &&
		   c.lease.n == 1 && is(0, 2),
	   "one for another");
	renew_it();
	ok(hear(DHCP6_REPLY, "one", 1, 0, 0) == (LOSE | SEND) && is_in(SOLICITING) && !c.holds,
	   "one for none");
	renew_it();
	ok(hear(DHCP6_REPLY, "one") == 0 && is_in(RENEWING), "of an IA that says nothing");
	ok(hear(REPLY, .status = DHCP6_UNSPEC_FAIL) == 0, "of a failure");
	ok(hear(REPLY, .ia_status = DHCP6_UNSPEC_FAIL) == 0, "of the IA's");
	ok(hear(REPLY, .ia_status = DHCP6_NOT_ON_LINK) == (LOSE | SEND), "of another link");
}

static void test_many(void)
{
	renew_it();
	for (uint8_t i = 2; i < 9; i++) {
		hear(DHCP6_REPLY, "one", i, 80, 100);
		c.next = c.lease.t1 = now;
		wake();
	}
	ok(c.lease.n == DHCP6_ADDRESSES && is(3, 4), "no more than there is room for");
	hear(REPLY, .other = 3, .other_valid = 0);
	ok(c.lease.n == 3 && is(2, 4), "one in the middle goes");
}

static void test_no_binding(void)
{
	renew_it();
	ok(hear(REPLY, .ia_status = DHCP6_NO_BINDING) == SEND && is_in(REQUESTING) && c.holds,
	   "that server is asked for a binding");
	ok(hear(REPLY) == BIND && is_in(BOUND) && is(0, 1), "and makes one");
	renew_it();
	hear(REPLY, .ia_status = DHCP6_NO_BINDING);
	ok(hear(DHCP6_REPLY, "one", 9, 80, 100) == BIND && c.lease.n == 1 && is(0, 9),
	   "or another");
	renew_it();
	hear(REPLY, .ia_status = DHCP6_NO_BINDING);
	ok(hear(REPLY, .ia_status = DHCP6_NO_ADDRS_AVAIL) == (LOSE | SEND) && !c.lease.n,
	   "or none");
	renew_it();
	hear(REPLY, .ia_status = DHCP6_NO_BINDING);
	while (is_in(REQUESTING))
		wake();
	ok(now == START + 100000 && is_in(SOLICITING), "or is silent until the end");
	rebind_it();
	ok(hear(DHCP6_REPLY, "two", 1, .ia_status = DHCP6_NO_BINDING) == SEND &&
		   is_in(REQUESTING) && !memcmp(c.server, "two", 3),
	   "after a REBIND that which has answered");
}

static void test_silence(void)
{
	int n = 0, todo = 0;

	rebind_it();
	ok(now == START + 70000 && is_in(REBINDING) && c.message == DHCP6_REBIND, "at T2");
	for (; is_in(REBINDING); n++)
		todo = wake();
	ok(n >= 2 && now == START + 100000 && todo == (LOSE | SEND), "until the end: %d tries", n);
	ok(is_in(SOLICITING) && !c.holds && !c.lease.n && !c.server_len, "it begins anew");
	rebind_it();
	ok(hear(DHCP6_REPLY, "two", LEASE) == BIND && !memcmp(c.server, "two", 3),
	   "another server may take over");
	bind_it();
	now = START + 80000;
	ok(dhcp6_client_wake(&c, now) == SEND && is_in(REBINDING), "asleep beyond T2");
	bind_it();
	now = START + 100000;
	ok(dhcp6_client_wake(&c, now) == (LOSE | SEND) && is_in(SOLICITING), "beyond the end");
	choose();
	hear(DHCP6_REPLY, "one", 1, 1, 1);
	for (n = 0; c.holds && n < 20; n++)
		wake();
	ok(n >= 3 && n < 9, "a second's lease is asked for %d times", n - 1);
}

/* ---- after a restart ------------------------------------------------------------------------- */

static void test_reboot(void)
{
	ok(reboot_it() == SEND && is_in(CONFIRMING) && c.message == DHCP6_CONFIRM && c.holds,
	   "is it the same link?");
	ok(hear(DHCP6_REPLY, "any", .no_ia = true) == 0 && is_in(BOUND) && c.next == START + 40000,
	   "it is");
	reboot_it();
	ok(hear(DHCP6_REPLY, "any", .no_ia = true, .status = DHCP6_NOT_ON_LINK) == (LOSE | SEND) &&
		   is_in(SOLICITING),
	   "it is not");
	reboot_it();
	ok(hear(DHCP6_REPLY, "any", .no_ia = true, .status = DHCP6_UNSPEC_FAIL) == 0 &&
		   is_in(CONFIRMING),
	   "who knows");
	while (is_in(CONFIRMING))
		wake();
	ok(now == START + 10000 && is_in(BOUND) && c.holds, "10 s of silence: it goes on");
	ok(wake() == SEND && is_in(RENEWING), "and renews");

	bind_it();
	now = c.lease.t1;
	ok(dhcp6_client_reboot(&c, &config, now) == SEND && is_in(RENEWING), "beyond T1");
	bind_it();
	now = c.lease.t2;
	ok(dhcp6_client_reboot(&c, &config, now) == SEND && is_in(REBINDING), "beyond T2");
	bind_it();
	now = START + 100000;
	ok(dhcp6_client_reboot(&c, &config, now) == (LOSE | SEND) && is_in(SOLICITING), "the end");
	bind_it();
	c.lease.n = 0;
	ok(dhcp6_client_reboot(&c, &config, now) == SEND && is_in(SOLICITING), "of nothing");
}

static void test_reboot_delay(void)
{
	bind_it();
	config.delay = 1000;
	ok(dhcp6_client_reboot(&c, &config, now) == 0 && is_in(CONFIRMING), "not all at once");
	ok(c.next >= now && c.next < now + 1000 && hear(DHCP6_REPLY, "any", .no_ia = true) == 0 &&
		   is_in(CONFIRMING),
	   "nothing was asked yet");
	now = c.next;
	ok(dhcp6_client_wake(&c, now) == SEND && c.message == DHCP6_CONFIRM, "then it is");
	config.delay = 0;
}

/* ---- conflicts, the end ---------------------------------------------------------------------- */

static void test_conflict(void)
{
	struct in6_addr one = ip(1), three = ip(3);

	bind_it();
	ok(dhcp6_client_conflict(&c, &three, now) == 0, "an address that it has not");
	ok(dhcp6_client_conflict(&c, &one, now) == (LOSE | SEND) && is_in(DECLINING) && !c.lease.n,
	   "one that it has");
	ok(hear(DHCP6_REPLY, "one", .no_ia = true) == SEND && is_in(SOLICITING), "it begins again");
	hear(OFFER);
	hear(REPLY);
	dhcp6_client_conflict(&c, &one, now);
	ok(hear(DHCP6_REPLY, "one") == 0 && is_in(WAITING), "not at once for ever");
	choose();
	hear(REPLY, .other = 2, .other_valid = 90);
	ok(dhcp6_client_conflict(&c, &one, now) == (LOSE | SEND) && c.lease.n == 1 && is(0, 2) &&
		   c.holds,
	   "the other one stays");
	ok(hear(DHCP6_REPLY, "one", .no_ia = true) == 0 && is_in(BOUND) && c.next == c.lease.t1,
	   "bound");
	begin();
	ok(dhcp6_client_conflict(&c, &one, now) == 0, "before it has any");
}

static void test_release(void)
{
	bind_it();
	ok(dhcp6_client_release(&c, now) == SEND && is_in(RELEASING) && !c.holds, "what is bound");
	ok(hear(DHCP6_REPLY, "two", .no_ia = true) == 0, "not answered by another");
	ok(hear(DHCP6_REPLY, "one", .no_ia = true) == 0 && is_in(STOPPED), "answered");
	ok(dhcp6_client_release(&c, now) == 0 && c.next == INT64_MAX, "once");
	begin();
	ok(dhcp6_client_release(&c, now) == 0 && is_in(STOPPED), "nothing is held yet");
	choose();
	ok(dhcp6_client_release(&c, now) == SEND && is_in(RELEASING),
	   "what the server may have given");
	choose();
	ok(dhcp6_client_release(&c, now) == SEND && dhcp6_client_release(&c, now) == 0, "once");
	ok(hear(REPLY) == 0 && hear(OFFER) == 0, "it does not listen any more");
	reboot_it();
	ok(dhcp6_client_release(&c, now) == SEND, "what was held before");
}

/* ---- messages: RFC 8415, 18.2 and appendix B ------------------------------------------------- */

static void check(enum dhcp6_type type, uint8_t address, bool to_one, bool configures)
{
	uint8_t buf[DHCP6_MTU];
	struct dhcp6_request r;

	dhcp6_client_request(&c, &config, now, &r);
	ok(r.type == type && r.xid == c.xid && r.iaid == IAID && r.client.len == 4, "type %d",
	   type);
	ok(to_one ? r.server.len == 3 && !memcmp(r.server.at, "one", 3) : !r.server.len,
	   "whom it names");
	ok(r.n_addresses == !!address && (!address || r.addresses[0].s6_addr[15] == address),
	   "its addresses");
	ok((r.n_wanted == 1 && r.options.len == 5) == configures &&
		   (!r.n_wanted && !r.options.len) == !configures,
	   "its options");
	ok(r.rapid_commit == (type == DHCP6_SOLICIT && config.rapid_commit), "rapid commit");
	ok(dhcp6_write(&r, buf) > 0 && buf[0] == type, "it can be written");
}

static void test_messages(void)
{
	struct in6_addr one = ip(1);
	struct dhcp6_request r;

	config.rapid_commit = true;
	begin();
	check(DHCP6_SOLICIT, 0, false, true);
	hear(OFFER);
	check(DHCP6_REQUEST, 1, true, true);
	config.rapid_commit = false;
	reboot_it();
	check(DHCP6_CONFIRM, 1, false, false);
	renew_it();
	check(DHCP6_RENEW, 1, true, true);
	rebind_it();
	check(DHCP6_REBIND, 1, false, true);
	bind_it();
	dhcp6_client_release(&c, now);
	check(DHCP6_RELEASE, 1, true, false);
	choose();
	dhcp6_client_release(&c, now);
	check(DHCP6_RELEASE, 1, true, false);
	bind_it();
	dhcp6_client_conflict(&c, &one, now);
	check(DHCP6_DECLINE, 1, true, false);
	choose();
	hear(REPLY, .other = 2, .other_valid = 90);
	dhcp6_client_conflict(&c, &one, now);
	check(DHCP6_DECLINE, 1, true, false);

	begin();
	dhcp6_client_request(&c, &config, now, &r);
	ok(r.elapsed == 0, "no time has passed");
	wake();
	dhcp6_client_request(&c, &config, now, &r);
	ok(r.elapsed == (now - START) / 10, "since the exchange began");
	dhcp6_client_request(&c, &config, now + 1000000, &r);
	ok(r.elapsed == 65535, "it has an end");
}

int main(void)
{
	test_bind();
	test_delay();
	test_offers();
	test_strangers();
	test_rapid();
	test_lost();
	test_deadline();
	test_refused();
	test_times();
	test_renew();
	test_many();
	test_no_binding();
	test_silence();
	test_reboot();
	test_reboot_delay();
	test_conflict();
	test_release();
	test_messages();
	ok(sizeof(c) - sizeof(c.lease) <= 200, "200 bytes and the lease");
	return done_testing();
}
