/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - DHCP for IPv4 as bytes: messages (RFC 2131, 2132) in UDP in IPv4, read and written.
 * Knows no socket, no clock and no state; all that it reads may be anybody's.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_MTU         1500 /* bytes of the largest packet that is sent, or asked for */
#define DHCP_HEADERS     28   /* bytes of IPv4 and UDP, without IP options */

/* RFC 2132, 9.6. */
enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
};

/* RFC 2132, 3442 (121), 3397 (119). */
enum dhcp_option {
	DHCP_OPT_PAD = 0,
	DHCP_OPT_MASK = 1,
	DHCP_OPT_ROUTER = 3,
	DHCP_OPT_DNS = 6,
	DHCP_OPT_HOSTNAME = 12,
	DHCP_OPT_DOMAIN = 15,
	DHCP_OPT_MTU = 26,
	DHCP_OPT_STATIC_ROUTES = 33,
	DHCP_OPT_NTP = 42,
	DHCP_OPT_ADDRESS = 50,
	DHCP_OPT_LEASE_TIME = 51,
	DHCP_OPT_OVERLOAD = 52,
	DHCP_OPT_TYPE = 53,
	DHCP_OPT_SERVER = 54,
	DHCP_OPT_REQUEST_LIST = 55,
	DHCP_OPT_MESSAGE = 56,
	DHCP_OPT_MAX_SIZE = 57,
	DHCP_OPT_T1 = 58,
	DHCP_OPT_T2 = 59,
	DHCP_OPT_VENDOR_CLASS = 60,
	DHCP_OPT_CLIENT_ID = 61,
	DHCP_OPT_USER_CLASS = 77,
	DHCP_OPT_SEARCH = 119,
	DHCP_OPT_ROUTES = 121,
	DHCP_OPT_END = 255,
};

/* ---- reading --------------------------------------------------------------------------------- */

/* What a server says. Points into the packet, which must outlive it. */
struct dhcp_message {
	enum dhcp_type type;
	uint32_t xid;
	struct in_addr yiaddr;
	uint8_t chaddr[6];
	struct in_addr source; /* of the packet: a relay's, or the server's */
	struct {
		const uint8_t *at;
		size_t len;
	} areas[3]; /* of options: behind the cookie, file, sname (option 52) */
};

/*
 * Is it a whole IPv4 packet, not a fragment, with a BOOTREPLY to the client's port, and are its
 * checksums right? (That of UDP may be absent; `unsummed`: or not computed yet, as what comes from
 * this host may be.)
 */
bool dhcp_read(const uint8_t *packet, size_t len, bool unsummed, struct dhcp_message *m);

/*
 * The value of an option, put together of its parts (RFC 3396), at most `size` bytes of it. Returns
 * its length in `buf`, -1 where it is absent.
 */
ssize_t dhcp_get(const struct dhcp_message *m, enum dhcp_option code, uint8_t *buf, size_t size);

/* Those of a fixed length, first of several; false: absent or too short. */
bool dhcp_get_ip(const struct dhcp_message *m, enum dhcp_option code, struct in_addr *out);
bool dhcp_get_u32(const struct dhcp_message *m, enum dhcp_option code, uint32_t *out);
bool dhcp_get_u16(const struct dhcp_message *m, enum dhcp_option code, uint16_t *out);

/* ---- writing --------------------------------------------------------------------------------- */

/* A message of the client's. */
struct dhcp_request {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	bool broadcast;        /* the answer must be a broadcast */
	struct in_addr ciaddr; /* the address that the client has and may answer ARP for */
	uint8_t chaddr[6];
	struct in_addr address, server; /* options 50 and 54; 0.0.0.0: without */
	struct in_addr to;              /* 0.0.0.0: broadcast */
	const uint8_t *options;         /* as on the wire, whole ones, without an end */
	size_t options_len;
};

/* In buf[DHCP_MTU], with IPv4 and UDP headers. Returns the length, 0: it does not fit. */
size_t dhcp_write(const struct dhcp_request *r, uint8_t *buf);
