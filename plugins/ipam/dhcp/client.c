/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <string.h>

#include "times.h"

#define NEVER          INT64_MAX
#define MAX_REQUESTS   4     /* without an answer it begins again: RFC 2131, 3.1, 5 */
#define MAX_REBOOTS    3     /* then it goes on with what it has: RFC 2131, 3.2 */
#define DECLINE_WAIT   10000 /* RFC 2131, 3.1, 5 */
#define RENEW_LEAST    60000 /* between two requests: RFC 2131, 4.4.5 */
#define EARLY_MOST     10000 /* before T1, and as much again by chance */
#define LEASE_UNSAID   3600  /* seconds; RFC 2131 wants it said, the reference takes an hour */
#define LEASE_FOR_EVER 0xffffffffU
#define NAK_WAIT_MOST  6 /* 2^6 s */

const char *const dhcp_state_names[] = {
	[DHCP_STATE_STOPPED] = "stopped",     [DHCP_STATE_WAITING] = "waiting",
	[DHCP_STATE_SELECTING] = "selecting", [DHCP_STATE_REQUESTING] = "requesting",
	[DHCP_STATE_REBOOTING] = "rebooting", [DHCP_STATE_PROBING] = "probing",
	[DHCP_STATE_BOUND] = "bound",         [DHCP_STATE_RENEWING] = "renewing",
	[DHCP_STATE_REBINDING] = "rebinding",
};

/* ---- times ----------------------------------------------------------------------------------- */

/* Doubled with each try, one second more or less (RFC 2131, 4.1). */
static int64_t backoff(const struct dhcp_times *t, uint8_t tries)
{
	int64_t wait = t->first, jitter;

	while (--tries && wait < t->most)
		wait *= 2;
	wait = times_most(times_least(wait, t->most), 1);
	jitter = times_least(1000, wait / 4);
	return wait - jitter + times_random() % (2 * jitter + 1);
}

/*
 * What a server leaves unsaid, or says against all sense, is RFC 2131's (4.4.5) half and 7/8. T1
 * is before that by what it allows as fuzz: not all of a node renew at once, and of a short lease
 * enough is left at any time for a daemon that is started anew.
 */
static void set_t1_t2(struct dhcp_client *c, const struct dhcp_message *m, uint32_t lease)
{
	uint32_t t1 = 0, t2 = 0;
	int64_t to_t1 = (int64_t)lease * 500, to_t2 = (int64_t)lease * 875, early;

	(void)dhcp_get_u32(m, DHCP_OPT_T1, &t1);
	(void)dhcp_get_u32(m, DHCP_OPT_T2, &t2);
	if (t2 && t2 < lease && t1 < t2)
		to_t2 = (int64_t)t2 * 1000;
	if (t1 && (int64_t)t1 * 1000 < to_t2)
		to_t1 = (int64_t)t1 * 1000;
	else if (to_t1 >= to_t2)
		to_t1 = to_t2 / 2; /* T2 alone was said, and is early */

	early = times_least(to_t1 / 8, EARLY_MOST);
	to_t1 -= early + times_random() % (early + 1);
	c->t1 = c->sent + to_t1;
	c->t2 = c->sent + to_t2;
}

/* The times of a lease: seconds from when it was asked for. False: it has ended already. */
static bool set_times(struct dhcp_client *c, const struct dhcp_message *m, int64_t now)
{
	uint32_t lease = LEASE_UNSAID;

	(void)dhcp_get_u32(m, DHCP_OPT_LEASE_TIME, &lease);
	if (lease == LEASE_FOR_EVER) {
		c->t1 = c->t2 = c->end = NEVER;
		return true;
	}
	if (c->sent + (int64_t)lease * 1000 <= now)
		return false;
	c->end = c->sent + (int64_t)lease * 1000;
	set_t1_t2(c, m, lease);
	return true;
}

/* ---- messages -------------------------------------------------------------------------------- */

static int send_now(struct dhcp_client *c, enum dhcp_type type)
{
	c->message = type;
	return DHCP_DO_SEND;
}

/* But not beyond the deadline, nor, of what it holds, the end. */
static void wait_until(struct dhcp_client *c, int64_t next, int64_t now)
{
	if (c->deadline)
		next = times_least(next, c->deadline);
	if (c->holds)
		next = times_least(next, c->end);
	c->next = times_most(next, now);
}

/*
 * A message that is repeated until it is answered, or time is up. The answer may be the first
 * one's: a lease is reckoned from when that was sent (RFC 2131, 4.4.1).
 */
static int ask(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	if (c->tries == 0)
		c->sent = now;
	if (c->tries < UINT8_MAX)
		c->tries++;
	if (c->state == DHCP_STATE_SELECTING) /* a REQUEST repeats it: RFC 2131, 3.1, 3 */
		c->secs = (uint16_t)times_least((now - c->begun) / 1000, UINT16_MAX);
	wait_until(c, now + backoff(t, c->tries), now);
	return send_now(c, c->state == DHCP_STATE_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST);
}

static int enter(struct dhcp_client *c, enum dhcp_state state, const struct dhcp_times *t,
		 int64_t now)
{
	c->state = state;
	c->tries = 0;
	return ask(c, t, now);
}

static int discover(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	c->xid = times_random();
	c->address.s_addr = 0;
	return enter(c, DHCP_STATE_SELECTING, t, now);
}

/*
 * Half of what is left until the next state, but not too often. Each is a transaction of its own
 * (RFC 2131, 4.1): minutes lie between them, and a lease is reckoned from the one that is answered.
 */
static int renew(struct dhcp_client *c, int64_t now)
{
	int64_t until = c->state == DHCP_STATE_RENEWING ? c->t2 : c->end;
	int64_t at_least = times_least(RENEW_LEAST, (c->end - c->t1) / 4);

	c->next = times_least(until, now + times_most((until - now) / 2, at_least));
	c->xid = times_random();
	c->sent = now;
	return send_now(c, DHCP_REQUEST);
}

/* What it holds goes; what follows is another acquisition. */
static int drop(struct dhcp_client *c, int64_t now)
{
	if (!c->holds)
		return 0;
	c->holds = false;
	c->begun = now;
	return DHCP_DO_LOSE;
}

/* What it holds goes, and it begins anew. */
static int lose(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	int todo = drop(c, now);

	return todo | discover(c, t, now);
}

/* Where its times say that it is. */
static int proceed(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	if (now >= c->end)
		return lose(c, t, now);
	if (now < c->t1) {
		c->state = DHCP_STATE_BOUND;
		c->next = c->t1;
		return 0;
	}
	if (c->state < DHCP_STATE_RENEWING)
		c->begun = now;
	c->state = now < c->t2 ? DHCP_STATE_RENEWING : DHCP_STATE_REBINDING;
	return renew(c, now);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void start(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	c->begun = now;
	c->deadline = t->deadline ? now + t->deadline : 0;
	c->naks = 0;
}

int dhcp_client_begin(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	*c = (struct dhcp_client){ 0 };
	start(c, t, now);
	return discover(c, t, now);
}

int dhcp_client_reboot(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	start(c, t, now);
	c->deadline = 0;
	c->holds = true;
	if (now >= c->end)
		return lose(c, t, now);
	c->xid = times_random();
	return enter(c, DHCP_STATE_REBOOTING, t, now);
}

/* An ACK may still be under way: dhcp_client_release(). */
static int fail(struct dhcp_client *c)
{
	if (c->state != DHCP_STATE_REQUESTING)
		c->state = DHCP_STATE_STOPPED;
	c->next = NEVER;
	return DHCP_DO_FAIL;
}

static int bound(struct dhcp_client *c, int64_t now)
{
	c->state = DHCP_STATE_BOUND;
	c->holds = true;
	c->naks = 0;
	c->deadline = 0;
	c->next = times_most(c->t1, now);
	return DHCP_DO_BIND;
}

int dhcp_client_wake(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	if (now < c->next)
		return 0;
	if (c->deadline && now >= c->deadline && c->state != DHCP_STATE_PROBING)
		return fail(c);
	switch (c->state) {
	case DHCP_STATE_STOPPED:
		c->next = NEVER;
		return 0;
	case DHCP_STATE_WAITING:
		return discover(c, t, now);
	case DHCP_STATE_SELECTING:
		return ask(c, t, now);
	case DHCP_STATE_REQUESTING:
		return c->tries < MAX_REQUESTS ? ask(c, t, now) : discover(c, t, now);
	case DHCP_STATE_REBOOTING:
		return now < c->end && c->tries < MAX_REBOOTS ? ask(c, t, now) : proceed(c, t, now);
	case DHCP_STATE_PROBING:
		return now < c->end ? bound(c, now) : lose(c, t, now);
	case DHCP_STATE_BOUND:
	case DHCP_STATE_RENEWING:
	case DHCP_STATE_REBINDING:
		return proceed(c, t, now);
	}
	return 0;
}

/* One that a host can have. */
static bool is_host(struct in_addr ip)
{
	uint32_t v = ntohl(ip.s_addr);

	return v >> 24 && v >> 24 != IN_LOOPBACKNET && !IN_MULTICAST(v) && !IN_EXPERIMENTAL(v);
}

static int on_offer(struct dhcp_client *c, const struct dhcp_times *t, const struct dhcp_message *m,
		    const uint8_t from[6], int64_t now)
{
	struct in_addr server;

	if (c->state != DHCP_STATE_SELECTING || !is_host(m->yiaddr) ||
	    !dhcp_get_ip(m, DHCP_OPT_SERVER, &server) || !is_host(server))
		return 0;
	c->address = m->yiaddr;
	c->server = server;
	memcpy(c->server_mac, from, sizeof(c->server_mac));
	return enter(c, DHCP_STATE_REQUESTING, t, now);
}

/* Only the server that was chosen answers a REQUESTING client; later it may be another one. */
static bool is_answer(const struct dhcp_client *c, const struct dhcp_message *m)
{
	struct in_addr server = { 0 };

	switch (c->state) {
	case DHCP_STATE_REQUESTING:
		return dhcp_get_ip(m, DHCP_OPT_SERVER, &server) &&
		       server.s_addr == c->server.s_addr;
	case DHCP_STATE_REBOOTING:
	case DHCP_STATE_RENEWING:
	case DHCP_STATE_REBINDING:
		return true;
	default:
		return false;
	}
}

/* What another server says against a lease that it was not asked about. */
static bool is_foreign(const struct dhcp_client *c, const struct dhcp_message *m)
{
	struct in_addr server;

	return c->state == DHCP_STATE_RENEWING && c->server.s_addr &&
	       dhcp_get_ip(m, DHCP_OPT_SERVER, &server) && server.s_addr != c->server.s_addr;
}

static int on_ack(struct dhcp_client *c, const struct dhcp_times *t, const struct dhcp_message *m,
		  const uint8_t from[6], int64_t now)
{
	struct in_addr server;
	bool is_new = !c->holds || m->yiaddr.s_addr != c->address.s_addr;

	if (!is_host(m->yiaddr) || !set_times(c, m, now))
		return 0;
	c->address = m->yiaddr;
	if (dhcp_get_ip(m, DHCP_OPT_SERVER, &server) && is_host(server))
		c->server = server;
	memcpy(c->server_mac, from, sizeof(c->server_mac));
	if (!t->probe || !is_new)
		return bound(c, now);
	c->state = DHCP_STATE_PROBING;
	c->next = now + t->probe;
	return DHCP_DO_PROBE;
}

/* At once at the first one; a server that says nothing else is not asked too often. */
static int on_nak(struct dhcp_client *c, const struct dhcp_times *t, int64_t now)
{
	int todo = drop(c, now);

	if (!c->naks++)
		return todo | discover(c, t, now);
	if (c->naks > NAK_WAIT_MOST)
		c->naks = NAK_WAIT_MOST;
	c->state = DHCP_STATE_WAITING;
	wait_until(c, now + (1000 << c->naks) - (int64_t)(times_random() % 1000), now);
	return todo;
}

int dhcp_client_receive(struct dhcp_client *c, const struct dhcp_times *t,
			const struct dhcp_message *m, const uint8_t from[6], int64_t now)
{
	if (m->xid != c->xid)
		return 0;
	switch (m->type) {
	case DHCP_OFFER:
		return on_offer(c, t, m, from, now);
	case DHCP_ACK:
		return is_answer(c, m) ? on_ack(c, t, m, from, now) : 0;
	case DHCP_NAK:
		return is_answer(c, m) && !is_foreign(c, m) ? on_nak(c, t, now) : 0;
	default:
		return 0;
	}
}

int dhcp_client_conflict(struct dhcp_client *c, int64_t now)
{
	int todo = drop(c, now);

	if (!todo && c->state != DHCP_STATE_PROBING)
		return 0;
	c->state = DHCP_STATE_WAITING;
	wait_until(c, now + DECLINE_WAIT, now);
	return todo | send_now(c, DHCP_DECLINE);
}

int dhcp_client_release(struct dhcp_client *c)
{
	bool has_one = c->holds || c->state == DHCP_STATE_PROBING ||
		       c->state == DHCP_STATE_REQUESTING; /* its ACK may be under way */

	c->state = DHCP_STATE_STOPPED;
	c->holds = false;
	c->next = NEVER;
	return has_one ? send_now(c, DHCP_RELEASE) : 0;
}

/* ---- what is sent ---------------------------------------------------------------------------- */

/* DECLINE and RELEASE have none but the client's identifier (RFC 2131, table 5). */
static void only_client_id(struct dhcp_request *r)
{
	const uint8_t *at = r->options, *end = at + r->options_len;

	r->options_len = 0;
	for (; end - at >= 2 && end - at >= 2 + at[1]; at += 2 + at[1])
		if (*at == DHCP_OPT_CLIENT_ID) {
			r->options = at;
			r->options_len = 2 + (size_t)at[1];
			return;
		}
}

void dhcp_client_request(const struct dhcp_client *c, int64_t now, struct dhcp_request *r,
			 bool *unicast)
{
	const struct in_addr none = { 0 };
	bool renews = c->message == DHCP_REQUEST && c->state >= DHCP_STATE_RENEWING;
	bool chooses = c->message == DHCP_REQUEST && !renews;
	bool ends = c->message == DHCP_RELEASE || c->message == DHCP_DECLINE;
	int64_t secs = times_least((now - c->begun) / 1000, UINT16_MAX);

	if (ends)
		secs = 0;
	else if (chooses && c->state == DHCP_STATE_REQUESTING)
		secs = c->secs;
	*unicast = c->message == DHCP_RELEASE || (renews && c->state == DHCP_STATE_RENEWING);
	r->type = c->message;
	r->xid = c->xid;
	r->secs = (uint16_t)secs;
	r->ciaddr = renews || c->message == DHCP_RELEASE ? c->address : none;
	r->address = chooses || c->message == DHCP_DECLINE ? c->address : none;
	r->server = ends || (chooses && c->state == DHCP_STATE_REQUESTING) ? c->server : none;
	r->to = *unicast ? c->server : none;
	if (renews || ends)
		r->broadcast = false; /* it can be reached by its address, or is not answered */
	if (ends)
		only_client_id(r);
}
