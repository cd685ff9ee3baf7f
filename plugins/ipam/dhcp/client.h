/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the state machine of a DHCP client for IPv4 (RFC 2131, 4.4) with its times. Knows no
 * socket and no clock: it is told what has come and what time it is, and says what is to be done.
 */
#pragma once

#include "packet.h"

/* RFC 2131, figure 5. */
enum dhcp_state {
	DHCP_STATE_STOPPED,
	DHCP_STATE_WAITING, /* before it begins (again) */
	DHCP_STATE_SELECTING,
	DHCP_STATE_REQUESTING,
	DHCP_STATE_REBOOTING,
	DHCP_STATE_PROBING, /* the address is not used before its probe has ended */
	DHCP_STATE_BOUND,
	DHCP_STATE_RENEWING,
	DHCP_STATE_REBINDING,
};

extern const char *const dhcp_state_names[];

/* How long to wait for whom, milliseconds. */
struct dhcp_times {
	uint32_t first;    /* for the first answer (RFC 2131, 4.1: 4 s) */
	uint32_t most;     /* for any answer (64 s) */
	uint32_t deadline; /* for an address, from the beginning; 0 = without end */
	uint32_t probe;    /* for an objection to an address (RFC 5227); 0 = none is asked for */
};

/* Times are milliseconds of one clock, which is never set back and goes on in suspend. */
struct dhcp_client {
	enum dhcp_state state;
	enum dhcp_type message; /* that DHCP_DO_SEND is about */
	uint8_t tries;          /* how often it was sent */
	uint8_t naks;           /* since it was bound */
	bool holds;             /* the address is in use */
	uint8_t server_mac[6];  /* where its answer came from: its next hop */
	uint16_t secs;          /* as the DISCOVER said that was answered */
	uint32_t xid;
	struct in_addr address, server;
	int64_t begun, sent; /* the acquisition; the message whose answer is waited for */
	int64_t next;        /* when dhcp_client_wake() wants to be called */
	int64_t deadline;    /* 0: none */
	int64_t t1, t2, end; /* of what it holds; INT64_MAX: for ever */
};

/* What is to be done, in this order. */
enum {
	DHCP_DO_LOSE = 1,  /* the address is not ours any more: take it away */
	DHCP_DO_BIND = 2,  /* the message is a lease: give the interface what it says */
	DHCP_DO_SEND = 4,  /* dhcp_client_request() */
	DHCP_DO_PROBE = 8, /* ask whether anybody has the address */
	DHCP_DO_FAIL = 16, /* there is none in time: it is to be released, and asks no more */
};

/* For an address, any; the one that it had (INIT-REBOOT), c->t1, t2, end telling until when. */
int dhcp_client_begin(struct dhcp_client *c, const struct dhcp_times *t, int64_t now);
int dhcp_client_reboot(struct dhcp_client *c, const struct dhcp_times *t, int64_t now);

/* c->next is reached. */
int dhcp_client_wake(struct dhcp_client *c, const struct dhcp_times *t, int64_t now);

/* A message has come, from that link-layer address. What it does not expect is passed over. */
int dhcp_client_receive(struct dhcp_client *c, const struct dhcp_times *t,
			const struct dhcp_message *m, const uint8_t from[6], int64_t now);

/*
 * Somebody else uses the address that it holds or probes: the message is a DECLINE, and it begins
 * again after 10 s.
 */
int dhcp_client_conflict(struct dhcp_client *c, int64_t now);

/*
 * It is used no more, or not waited for any more: with DHCP_DO_SEND the message is a RELEASE. The
 * client has stopped.
 */
int dhcp_client_release(struct dhcp_client *c);

/*
 * The message to be sent. Of r it needs .chaddr, .broadcast, .options; fills in the rest.
 * `unicast`: to c->server_mac, else to all.
 */
void dhcp_client_request(const struct dhcp_client *c, int64_t now, struct dhcp_request *r,
			 bool *unicast);
