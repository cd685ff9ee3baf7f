/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client6.h - the state machine of a DHCP client for IPv6 (RFC 8415, 18.2) with its times, for the
 * addresses of one IA_NA. Knows no socket and no clock: it is told what has come and what time it
 * is, and says what is to be done (DHCP_DO_ of client.h). All it sends goes to DHCP6_SERVERS. Not
 * here: prefixes, temporary addresses, Reconfigure, unicast (option 12), Information-request.
 */
#pragma once

#include "client.h"
#include "lease6.h"

#define DHCP6_RFC_DELAY 1000       /* SOL_MAX_DELAY, CNF_MAX_DELAY, ms: 7.6 */
#define DHCP6_ALL       UINT32_MAX /* dhcp6_config.collect: all of the first try's time, some 1 s */

enum dhcp6_state {
	DHCP6_STATE_STOPPED,
	DHCP6_STATE_WAITING, /* before it begins (again) */
	DHCP6_STATE_SOLICITING,
	DHCP6_STATE_REQUESTING,
	DHCP6_STATE_CONFIRMING,
	DHCP6_STATE_DECLINING,
	DHCP6_STATE_RELEASING,
	DHCP6_STATE_BOUND,
	DHCP6_STATE_RENEWING,
	DHCP6_STATE_REBINDING,
};

extern const char *const dhcp6_state_names[];

/* What the client is and wants; its owner's, and the same in all calls. */
struct dhcp6_config {
	struct dhcp6_bytes duid; /* dhcp6_duid() */
	uint32_t iaid;
	bool rapid_commit;
	uint32_t delay;   /* before the first message, at most, ms: DHCP6_RFC_DELAY; 0: at once */
	uint32_t collect; /* for a better offer than the first, ms: DHCP6_ALL; 0: the first is it */
	uint32_t deadline;      /* for addresses, from the beginning, ms; 0 = without end */
	const uint16_t *wanted; /* enum dhcp6_option and others; SOL_MAX_RT is there without it */
	size_t n_wanted;
	struct dhcp6_bytes
		options; /* with all that asks for a configuration: whole, as on the wire */
};

/* Times are milliseconds of one clock, which is never set back and goes on in suspend. */
struct dhcp6_client {
	enum dhcp6_state state : 8;
	enum dhcp6_type message : 8; /* that DHCP_DO_SEND is about */
	uint8_t tries;               /* how often it was sent */
	uint8_t refusals;            /* since an address has lasted until T1 */
	uint8_t preference;          /* of the best offer */
	bool holds;                  /* the addresses are in use */
	uint8_t server_len;
	uint8_t server[DHCP6_DUID_MAX];
	uint32_t xid;
	uint32_t rt;         /* ms between this try and the next: 15 */
	uint32_t sol_max_rt; /* seconds; 0: not told */
	int64_t begun, sent; /* the exchange; the message whose answer is waited for */
	int64_t next;        /* when dhcp6_client_wake() wants to be called */
	int64_t deadline;    /* 0: none */
	struct in6_addr declined;
	struct dhcp6_lease lease; /* or, before it is one, an offer */
};

/*
 * What the DHCP_DO_ mean here. BIND: the message is a lease; the interface gets c->lease, all
 * others are taken away. LOSE: what is not in c->lease any more is taken away. SEND: see
 * dhcp6_client_request(). FAIL: there are none in time. PROBE is never asked for:
 * the kernel does so (RFC 4862), and dhcp6_client_conflict() is told.
 */

/*
 * For addresses, any; those that it had: c->lease, server and server_len are set, within bounds.
 */
int dhcp6_client_begin(struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now);
int dhcp6_client_reboot(struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now);

/* c->next is reached. */
int dhcp6_client_wake(struct dhcp6_client *c, int64_t now);

/* A message has come. What it does not expect is passed over. */
int dhcp6_client_receive(struct dhcp6_client *c, const struct dhcp6_config *f,
			 const struct dhcp6_message *m, int64_t now);

/* Somebody else uses an address that it holds: the message is a DECLINE, and is repeated. */
int dhcp6_client_conflict(struct dhcp6_client *c, const struct in6_addr *ip, int64_t now);

/*
 * They are used no more, or not waited for any more: with DHCP_DO_SEND the message is a RELEASE. It
 * is repeated until the server has answered, four times at most, and then the state is STOPPED. Who
 * cannot wait sends it once.
 */
int dhcp6_client_release(struct dhcp6_client *c, int64_t now);

/* The message to be sent; points into c and f. */
void dhcp6_client_request(const struct dhcp6_client *c, const struct dhcp6_config *f, int64_t now,
			  struct dhcp6_request *r);
