/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet6.h - DHCP for IPv6 as bytes (RFC 8415): messages between client and server, read and
 * written as the payload of UDP. Knows no socket, no clock and no state; all that it reads may be
 * anybody's. Relays' messages are none of a client's.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP6_SERVER_PORT 547
#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVERS     "ff02::1:2" /* All_DHCP_Relay_Agents_and_Servers: to where all is sent */
#define DHCP6_MTU         1232        /* bytes of a payload that IPv6's least MTU has room for */
#define DHCP6_DUID_MAX    130         /* bytes with the type: 11.1 */
#define DHCP6_DUID_UUID   18          /* bytes of one of ours */
#define DHCP6_NAME_SIZE   254         /* of a domain name as text, with its NUL */
#define DHCP6_FOR_EVER    0xffffffffU /* of a lifetime, T1, T2: 7.7 */

/* 7.3. */
enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE,
	DHCP6_REQUEST,
	DHCP6_CONFIRM,
	DHCP6_RENEW,
	DHCP6_REBIND,
	DHCP6_REPLY,
	DHCP6_RELEASE,
	DHCP6_DECLINE,
};

/* 21, and RFC 3646 (23, 24), 5908 (56). */
enum dhcp6_option {
	DHCP6_OPT_CLIENT_ID = 1,
	DHCP6_OPT_SERVER_ID = 2,
	DHCP6_OPT_IA_NA = 3,
	DHCP6_OPT_ADDRESS = 5,
	DHCP6_OPT_REQUEST = 6,
	DHCP6_OPT_PREFERENCE = 7,
	DHCP6_OPT_ELAPSED = 8,
	DHCP6_OPT_STATUS = 13,
	DHCP6_OPT_RAPID_COMMIT = 14,
	DHCP6_OPT_USER_CLASS = 15,
	DHCP6_OPT_VENDOR_CLASS = 16,
	DHCP6_OPT_DNS = 23,
	DHCP6_OPT_SEARCH = 24,
	DHCP6_OPT_FQDN = 39,
	DHCP6_OPT_NTP = 56,
	DHCP6_OPT_SOL_MAX_RT = 82,
};

/* 21.13. */
enum dhcp6_status {
	DHCP6_SUCCESS,
	DHCP6_UNSPEC_FAIL,
	DHCP6_NO_ADDRS_AVAIL,
	DHCP6_NO_BINDING,
	DHCP6_NOT_ON_LINK,
	DHCP6_USE_MULTICAST,
};

/* Points into what it was read from, which must outlive it. */
struct dhcp6_bytes {
	const uint8_t *at;
	size_t len;
};

/* ---- reading --------------------------------------------------------------------------------- */

/* What a server says; the options are whole. */
struct dhcp6_message {
	enum dhcp6_type type;
	uint32_t xid;                      /* 24 bits */
	struct dhcp6_bytes client, server; /* DUIDs */
	struct dhcp6_bytes options;
};

/*
 * Is it an ADVERTISE or a REPLY whose options are whole, and which has a client's and a server's
 * identifier (16.3, 16.10)?
 */
bool dhcp6_read(const uint8_t *payload, size_t len, struct dhcp6_message *m);

/* The next of some options, which are cut off before it; false: no whole one is left. */
bool dhcp6_next(struct dhcp6_bytes *rest, uint16_t *code, struct dhcp6_bytes *value);

/* The first with this code. */
bool dhcp6_find(struct dhcp6_bytes options, enum dhcp6_option code, struct dhcp6_bytes *value);

/* What options of a message, an IA or an address say of how it went: success where they do not. */
uint16_t dhcp6_status(struct dhcp6_bytes options);

/* A number of one, or four bytes; false: absent, or of another length. */
bool dhcp6_get_u8(struct dhcp6_bytes options, enum dhcp6_option code, uint8_t *out);
bool dhcp6_get_u32(struct dhcp6_bytes options, enum dhcp6_option code, uint32_t *out);

/* An IA_NA: seconds, 0 = the client's choice. */
struct dhcp6_ia {
	uint32_t t1, t2;
	struct dhcp6_bytes options;
};

/* That of the message with this identifier. One with T1 behind T2 is none (21.4). */
bool dhcp6_get_ia(const struct dhcp6_message *m, uint32_t iaid, struct dhcp6_ia *ia);

/* An IA's address: seconds, DHCP6_FOR_EVER; valid 0: it must not be used any more. */
struct dhcp6_ia_address {
	struct in6_addr ip;
	uint32_t preferred, valid;
};

/*
 * The next that a host can have: not one that its server has refused (a status of its own), nor one
 * preferred for longer than valid (21.6).
 */
bool dhcp6_next_address(struct dhcp6_bytes *rest, struct dhcp6_ia_address *a);

/* Addresses of name servers, of time servers (option 56, those that are no names); at most n. */
size_t dhcp6_get_dns(const struct dhcp6_message *m, struct in6_addr *out, size_t n);
size_t dhcp6_get_ntp(const struct dhcp6_message *m, struct in6_addr *out, size_t n);

/*
 * The next of the names that are an option 24's value, as text; false: none is left. A name that is
 * no host's ends the list as well: letters, digits, - and _ only.
 */
bool dhcp6_next_name(struct dhcp6_bytes *rest, char name[DHCP6_NAME_SIZE]);

/* ---- writing --------------------------------------------------------------------------------- */

/* A message of the client's. */
struct dhcp6_request {
	enum dhcp6_type type;
	uint32_t xid;
	uint16_t elapsed; /* hundredths of a second since the exchange began */
	bool rapid_commit;
	struct dhcp6_bytes client, server; /* server.len 0: to all */
	uint32_t iaid;
	const struct in6_addr *addresses; /* in the IA */
	size_t n_addresses;
	const uint16_t *wanted;     /* options that are asked for; SOL_MAX_RT always is (21.24) */
	size_t n_wanted;            /* option 6 is in SOLICIT, REQUEST, RENEW and REBIND */
	struct dhcp6_bytes options; /* whole ones, as on the wire */
};

/* The payload in buf. Returns its length, 0: it does not fit. */
size_t dhcp6_write(const struct dhcp6_request *r, uint8_t buf[DHCP6_MTU]);

/*
 * The DUID of what the key names, for ever the same: a DUID-UUID (11.5, RFC 6355) whose UUID is of
 * version 8 (RFC 9562, 5.8), the key's SHA-512 but for version and variant. Not of version 5: that
 * is SHA-1's.
 */
void dhcp6_duid(const void *key, size_t len, uint8_t out[DHCP6_DUID_UUID]);
