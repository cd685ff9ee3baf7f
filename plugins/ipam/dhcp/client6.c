/* SPDX-License-Identifier: Apache-2.0 */
#include "client6.h"

#include <stdlib.h>
#include <string.h>

#include "times.h"

#define NEVER            DHCP6_NEVER
#define CONFIRM_MOST     10000 /* CNF_MAX_RD */
#define SOL_MAX_RT       3600  /* seconds, and what a server may say: 21.24 */
#define SOL_MAX_RT_LEAST 60
#define SOL_MAX_RT_MOST  86400
#define BEST             255 /* a preference that is not waited upon: 18.2.1 */
#define REFUSED_MOST     6   /* 2^6 s */

const char *const dhcp6_state_names[] = {
	[DHCP6_STATE_STOPPED] = "stopped",       [DHCP6_STATE_WAITING] = "waiting",
	[DHCP6_STATE_SOLICITING] = "soliciting", [DHCP6_STATE_REQUESTING] = "requesting",
	[DHCP6_STATE_CONFIRMING] = "confirming", [DHCP6_STATE_DECLINING] = "declining",
	[DHCP6_STATE_RELEASING] = "releasing",   [DHCP6_STATE_BOUND] = "bound",
	[DHCP6_STATE_RENEWING] = "renewing",     [DHCP6_STATE_REBINDING] = "rebinding",
};

/* 7.6: ms; 0 = as often, or as long, as need be. */
static const struct {
	uint32_t first, most;
	uint8_t tries;
} retransmission[] = {
	[DHCP6_SOLICIT] = { 1000, 0, 0 },      [DHCP6_REQUEST] = { 1000, 30000, 10 },
	[DHCP6_CONFIRM] = { 1000, 4000, 0 },   [DHCP6_RENEW] = { 10000, 600000, 0 },
	[DHCP6_REBIND] = { 10000, 600000, 0 }, [DHCP6_RELEASE] = { 1000, 0, 4 },
	[DHCP6_DECLINE] = { 1000, 0, 4 },
};

/* ---- times ----------------------------------------------------------------------------------- */

/* A tenth of it, more or less: RAND of 15. */
static int64_t jitter(int64_t v)
{
	int64_t tenth = v / 10;

	return (int64_t)(times_random() % (uint32_t)(2 * tenth + 1)) - tenth;
}

/* How long what is asked for now may be asked for. */
static int64_t until(const struct dhcp6_client *c)
{
	if (c->state == DHCP6_STATE_CONFIRMING && c->tries)
		return c->begun + CONFIRM_MOST;
	if (c->state == DHCP6_STATE_RENEWING)
		return c->lease.t2;
	return NEVER;
}

static void wait_until(struct dhcp6_client *c, int64_t next, int64_t now)
{
	next = times_least(next, until(c));
	if (c->holds)
		next = times_least(next, dhcp6_lease_first_end(&c->lease));
	else if (c->deadline)
		next = times_least(next, c->deadline);
	c->next = times_most(next, now);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int expire(struct dhcp6_client *c, int64_t now)
{
	if (!c->holds || !dhcp6_lease_expire(&c->lease, now))
		return 0;
	c->holds = c->lease.n > 0;
	return DHCP_DO_LOSE;
}

static int drop_all(struct dhcp6_client *c)
{
	int todo = c->holds ? DHCP_DO_LOSE : 0;

	c->holds = false;
	c->lease.n = 0;
	return todo;
}

/* ---- messages -------------------------------------------------------------------------------- */

/*
 * 15. A lease of seconds is asked for earlier than after 10 s again: a fourth of what is left, that
 * one lost packet does not end it.
 */
static uint32_t first_rt(const struct dhcp6_client *c, int64_t now)
{
	uint32_t first = retransmission[c->message].first;
	int64_t end =
		c->state == DHCP6_STATE_RENEWING ? c->lease.t2 : dhcp6_lease_last_end(&c->lease);

	if (c->state != DHCP6_STATE_RENEWING && c->state != DHCP6_STATE_REBINDING)
		return first;
	return (uint32_t)times_least(first, times_most((end - now) / 4, 250));
}

static void set_rt(struct dhcp6_client *c, int64_t now)
{
	int64_t longest = retransmission[c->message].most, rt;

	if (c->message == DHCP6_SOLICIT)
		longest = (int64_t)(c->sol_max_rt ? c->sol_max_rt : SOL_MAX_RT) * 1000;
	if (c->tries) {
		rt = 2 * (int64_t)c->rt + jitter(c->rt);
	} else {
		rt = first_rt(c, now);
		/* Servers have all of the first second for their offers: 18.2.1. */
		rt += c->message == DHCP6_SOLICIT ? llabs(jitter(rt)) + 1 : jitter(rt);
	}
	if (longest && rt > longest)
		rt = longest + jitter(longest);
	c->rt = (uint32_t)rt;
}

static int ask(struct dhcp6_client *c, int64_t now)
{
	set_rt(c, now);
	if (c->tries < UINT8_MAX)
		c->tries++;
	wait_until(c, now + c->rt, now);
	c->sent = now;
	return DHCP_DO_SEND;
}

/* A new exchange. */
static int enter(struct dhcp6_client *c, enum dhcp6_state state, enum dhcp6_type message,
		 int64_t now)
{
	c->state = state;
	c->message = message;
	c->xid = times_random() & 0xffffff;
	c->begun = now;
	c->tries = 0;
	return ask(c, now);
}

static int solicit(struct dhcp6_client *c, int64_t now)
{
	int todo = drop_all(c);

	c->server_len = 0;
	return todo | enter(c, DHCP6_STATE_SOLICITING, DHCP6_SOLICIT, now);
}

/* At once at the first time; a server that says nothing else is not asked too often. */
static int refuse(struct dhcp6_client *c, int64_t now)
{
	int todo = drop_all(c);

	if (!c->refusals++)
		return todo | solicit(c, now);
	if (c->refusals > REFUSED_MOST)
		c->refusals = REFUSED_MOST;
	c->state = DHCP6_STATE_WAITING;
	wait_until(c, now + (1000 << c->refusals) - (int64_t)(times_random() % 1000), now);
	return todo;
}

/* Where its times say that it is. */
static int proceed(struct dhcp6_client *c, int64_t now)
{
	enum dhcp6_state state = now < c->lease.t2 ? DHCP6_STATE_RENEWING : DHCP6_STATE_REBINDING;

	if (!c->holds)
		return solicit(c, now);
	if (now < c->lease.t1) {
		c->state = DHCP6_STATE_BOUND;
		wait_until(c, c->lease.t1, now);
		return 0;
	}
	c->refusals = 0;
	c->deadline = 0;
	if (c->state == state)
		return ask(c, now);
	return enter(c, state, state == DHCP6_STATE_RENEWING ? DHCP6_RENEW : DHCP6_REBIND, now);
}

static int stop(struct dhcp6_client *c, int todo)
{
	c->state = DHCP6_STATE_STOPPED;
	c->next = NEVER;
	return todo;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int start(struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now)
{
	if (!f->delay)
		return dhcp6_client_wake(c, now);
	wait_until(c, now + times_random() % f->delay, now);
	return 0;
}

int dhcp6_client_begin(struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now)
{
	*c = (struct dhcp6_client){ .state = DHCP6_STATE_WAITING };
	c->deadline = f->deadline ? now + f->deadline : 0;
	return start(c, f, now);
}

/*
 * On the same link? (18.2.3, 18.2.12: there are no prefixes, which would want a REBIND.) Beyond T1
 * a RENEW or a REBIND says as much.
 */
int dhcp6_client_reboot(struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now)
{
	int todo;

	c->refusals = 0;
	c->deadline = 0;
	c->holds = c->lease.n > 0;
	c->tries = 0;
	c->state = DHCP6_STATE_CONFIRMING;
	c->next = now;
	todo = expire(c, now);
	if (!c->holds || now >= c->lease.t1)
		return todo | proceed(c, now);
	return todo | start(c, f, now);
}

static int confirm(struct dhcp6_client *c, int64_t now)
{
	if (!c->tries)
		return enter(c, DHCP6_STATE_CONFIRMING, DHCP6_CONFIRM, now);
	return now < until(c) ? ask(c, now) : proceed(c, now);
}

/* The best offer is taken. */
static int request(struct dhcp6_client *c, int64_t now)
{
	return enter(c, DHCP6_STATE_REQUESTING, DHCP6_REQUEST, now);
}

/* No answer. What can be tried a number of times only is given up after that. */
static int try_again(struct dhcp6_client *c, int64_t now)
{
	if (c->tries < retransmission[c->message].tries)
		return ask(c, now);
	switch (c->state) {
	case DHCP6_STATE_RELEASING:
		return stop(c, 0);
	case DHCP6_STATE_DECLINING:
		return c->lease.n ? proceed(c, now) : refuse(c, now);
	default:
		return proceed(c, now);
	}
}

static int wake(struct dhcp6_client *c, int64_t now)
{
	switch (c->state) {
	case DHCP6_STATE_STOPPED:
		return stop(c, 0);
	case DHCP6_STATE_WAITING:
		return solicit(c, now);
	case DHCP6_STATE_SOLICITING:
		return c->server_len ? request(c, now) : ask(c, now);
	case DHCP6_STATE_CONFIRMING:
		return confirm(c, now);
	case DHCP6_STATE_REQUESTING:
	case DHCP6_STATE_DECLINING:
	case DHCP6_STATE_RELEASING:
		return try_again(c, now);
	case DHCP6_STATE_BOUND:
	case DHCP6_STATE_RENEWING:
	case DHCP6_STATE_REBINDING:
		return proceed(c, now);
	}
	return 0;
}

int dhcp6_client_wake(struct dhcp6_client *c, int64_t now)
{
	int todo;

	if (now < c->next)
		return 0;
	if (c->deadline && !c->holds && now >= c->deadline) {
		if (c->state != DHCP6_STATE_REQUESTING)
			return stop(c, DHCP_DO_FAIL);
		c->next = NEVER; /* a REPLY may still be under way: dhcp6_client_release() */
		return DHCP_DO_FAIL;
	}
	todo = expire(c, now);
	if (todo && !c->lease.n && c->state != DHCP6_STATE_DECLINING)
		return todo | solicit(c, now);
	return todo | wake(c, now);
}

static void set_server(struct dhcp6_client *c, struct dhcp6_bytes server)
{
	memcpy(c->server, server.at, server.len);
	c->server_len = (uint8_t)server.len;
}

/* 21.24; whatever else the message says. */
static void take_sol_max_rt(struct dhcp6_client *c, const struct dhcp6_message *m)
{
	uint32_t v;

	if (dhcp6_get_u32(m->options, DHCP6_OPT_SOL_MAX_RT, &v) && v >= SOL_MAX_RT_LEAST &&
	    v <= SOL_MAX_RT_MOST)
		c->sol_max_rt = v;
}

/* A server has none for us; while it is one of several, that is its own affair. */
static int none(struct dhcp6_client *c, int64_t now)
{
	return c->state == DHCP6_STATE_SOLICITING ? 0 : refuse(c, now);
}

static int bound(struct dhcp6_client *c, const struct dhcp6_message *m, const struct dhcp6_ia *ia,
		 int64_t now)
{
	c->holds = true;
	set_server(c, m->server);
	dhcp6_lease_set_times(&c->lease, ia, c->sent);
	c->state = DHCP6_STATE_BOUND;
	wait_until(c, c->lease.t1, now);
	return DHCP_DO_BIND;
}

/* A lease of these addresses, and of none before. */
static int bind_new(struct dhcp6_client *c, const struct dhcp6_message *m,
		    const struct dhcp6_ia *ia, int64_t now)
{
	struct dhcp6_client had = *c;

	c->lease.n = 0;
	(void)dhcp6_lease_merge(&c->lease, ia, c->sent, now);
	if (!c->lease.n) {
		*c = had;
		return none(c, now);
	}
	return bound(c, m, ia, now);
}

/* 18.2.10.1: an address that is not named goes on as it was. */
static int bind_again(struct dhcp6_client *c, const struct dhcp6_message *m,
		      const struct dhcp6_ia *ia, int64_t now)
{
	int todo = expire(c, now);
	bool is_named = dhcp6_lease_merge(&c->lease, ia, c->sent, now) > 0;

	if (!c->lease.n)
		return DHCP_DO_LOSE | solicit(c, now);
	if (!is_named)
		return todo;
	return bound(c, m, ia, now);
}

static int on_advertise(struct dhcp6_client *c, const struct dhcp6_config *f,
			const struct dhcp6_message *m, int64_t now)
{
	struct dhcp6_client offer = *c;
	uint8_t preference = 0;
	struct dhcp6_ia ia;

	(void)dhcp6_get_u8(m->options, DHCP6_OPT_PREFERENCE, &preference);
	if (dhcp6_status(m->options) != DHCP6_SUCCESS || !dhcp6_get_ia(m, f->iaid, &ia) ||
	    dhcp6_status(ia.options) != DHCP6_SUCCESS ||
	    (c->server_len && preference <= c->preference))
		return 0;
	offer.lease.n = 0;
	(void)dhcp6_lease_merge(&offer.lease, &ia, c->sent, now);
	if (!offer.lease.n)
		return 0;
	*c = offer;
	c->preference = preference;
	set_server(c, m->server);
	if (preference == BEST || c->tries > 1 || !f->collect)
		return request(c, now);
	wait_until(c, times_least(c->next, now + f->collect), now);
	return 0;
}

/* To a REQUEST, or at once to a SOLICIT. */
static int on_lease(struct dhcp6_client *c, const struct dhcp6_config *f,
		    const struct dhcp6_message *m, int64_t now)
{
	uint16_t status = dhcp6_status(m->options);
	struct dhcp6_ia ia;

	if (status == DHCP6_UNSPEC_FAIL || status == DHCP6_USE_MULTICAST)
		return 0; /* later, maybe */
	if (status != DHCP6_SUCCESS)
		return none(c, now);
	if (!dhcp6_get_ia(m, f->iaid, &ia))
		return 0;
	if (dhcp6_status(ia.options) != DHCP6_SUCCESS)
		return none(c, now);
	return bind_new(c, m, &ia, now);
}

/* To a RENEW or a REBIND. */
static int on_renewal(struct dhcp6_client *c, const struct dhcp6_config *f,
		      const struct dhcp6_message *m, int64_t now)
{
	struct dhcp6_ia ia;

	if (dhcp6_status(m->options) != DHCP6_SUCCESS || !dhcp6_get_ia(m, f->iaid, &ia))
		return 0;
	switch (dhcp6_status(ia.options)) {
	case DHCP6_SUCCESS:
		return bind_again(c, m, &ia, now);
	case DHCP6_NO_BINDING: /* that server may make one: 18.2.10.1 */
		set_server(c, m->server);
		return request(c, now);
	case DHCP6_NOT_ON_LINK:
		return refuse(c, now);
	default:
		return 0;
	}
}

static int on_confirmed(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
	switch (dhcp6_status(m->options)) {
	case DHCP6_SUCCESS:
		return proceed(c, now);
	case DHCP6_NOT_ON_LINK:
		return solicit(c, now);
	default:
		return 0;
	}
}

static int on_reply(struct dhcp6_client *c, const struct dhcp6_config *f,
		    const struct dhcp6_message *m, int64_t now)
{
	struct dhcp6_bytes v;

	switch (c->state) {
	case DHCP6_STATE_SOLICITING:
		if (!f->rapid_commit || !dhcp6_find(m->options, DHCP6_OPT_RAPID_COMMIT, &v))
			return 0;
		return on_lease(c, f, m, now);
	case DHCP6_STATE_REQUESTING:
		return on_lease(c, f, m, now);
	case DHCP6_STATE_CONFIRMING:
		return c->tries ? on_confirmed(c, m, now) : 0;
	case DHCP6_STATE_RENEWING:
	case DHCP6_STATE_REBINDING:
		return on_renewal(c, f, m, now);
	case DHCP6_STATE_DECLINING:
		return c->lease.n ? proceed(c, now) : refuse(c, now);
	case DHCP6_STATE_RELEASING:
		return stop(c, 0);
	default:
		return 0;
	}
}

static bool is_equal(struct dhcp6_bytes x, const uint8_t *at, size_t len)
{
	return x.len == len && !memcmp(x.at, at, len);
}

/* What is sent to one server is answered by no other. */
static bool asks_one(const struct dhcp6_client *c)
{
	return c->message == DHCP6_REQUEST || c->message == DHCP6_RENEW ||
	       c->message == DHCP6_RELEASE || c->message == DHCP6_DECLINE;
}

int dhcp6_client_receive(struct dhcp6_client *c, const struct dhcp6_config *f,
			 const struct dhcp6_message *m, int64_t now)
{
	if (m->xid != c->xid || !is_equal(m->client, f->duid.at, f->duid.len) ||
	    (asks_one(c) && !is_equal(m->server, c->server, c->server_len)))
		return 0;
	take_sol_max_rt(c, m);
	if (m->type == DHCP6_REPLY)
		return on_reply(c, f, m, now);
	return c->state == DHCP6_STATE_SOLICITING ? on_advertise(c, f, m, now) : 0;
}

int dhcp6_client_conflict(struct dhcp6_client *c, const struct in6_addr *ip, int64_t now)
{
	size_t i = c->holds ? dhcp6_lease_find(&c->lease, ip) : c->lease.n;

	if (i == c->lease.n)
		return 0;
	c->declined = *ip;
	dhcp6_lease_remove(&c->lease, i);
	c->holds = c->lease.n > 0;
	if (c->deadline && now >= c->deadline)
		c->deadline = 0; /* the addresses had been told already */
	return DHCP_DO_LOSE | enter(c, DHCP6_STATE_DECLINING, DHCP6_DECLINE, now);
}

int dhcp6_client_release(struct dhcp6_client *c, int64_t now)
{
	bool had = c->holds || c->state == DHCP6_STATE_REQUESTING; /* its REPLY may be under way */

	c->holds = false;
	c->deadline = 0;
	return had ? enter(c, DHCP6_STATE_RELEASING, DHCP6_RELEASE, now) : stop(c, 0);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

void dhcp6_client_request(const struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now,
			  struct dhcp6_request *r)
{
	bool configures = c->message != DHCP6_CONFIRM && c->message != DHCP6_RELEASE &&
			  c->message != DHCP6_DECLINE;

	*r = (struct dhcp6_request){
		.type = c->message,
		.xid = c->xid,
		.elapsed = (uint16_t)times_least((now - c->begun) / 10, UINT16_MAX),
		.rapid_commit = c->message == DHCP6_SOLICIT && f->rapid_commit,
		.client = f->duid,
		.iaid = f->iaid,
		.addresses = c->lease.addresses,
		.n_addresses = c->message == DHCP6_SOLICIT ? 0 : c->lease.n,
	};
	if (asks_one(c))
		r->server = (struct dhcp6_bytes){ c->server, c->server_len };
	if (c->message == DHCP6_DECLINE) {
		r->addresses = &c->declined;
		r->n_addresses = 1;
	}
	if (configures) {
		r->wanted = f->wanted;
		r->n_wanted = f->n_wanted;
		r->options = f->options;
	}
}
