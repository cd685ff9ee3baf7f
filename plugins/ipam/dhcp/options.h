/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the configuration of the plugin, and the DHCP options that each message of an
 * attachment carries, made of it. Knows no socket.
 */
#pragma once

#include "json/decode.h"

#define DHCP_OPTIONS_MAX 1024 /* bytes of all of them */

struct dhcp_provide {
	const char *option, *value, *from_arg;
};

struct dhcp_ask_for {
	const char *option;
	bool skip_default;
};

struct dhcp_ask_for6 {
	const char *option;
};

/* The keys of "ipam". */
struct dhcp_conf {
	const char *socket_path;
	struct dhcp_provide *provide;
	struct dhcp_ask_for *request;
	struct dhcp_ask_for6 *request6;
	size_t n_provide, n_request, n_request6;
	const char *ipv6; /* "dhcp", "slaac"; "": none */
	bool ipv4, rapid_commit;
	uint32_t priority;                   /* of each route; 0 = none */
	uint32_t probe;                      /* ms; 0 = none */
	uint32_t resend_max, resend_timeout; /* seconds; 0 = as the daemon has it */
	bool broadcast, has_broadcast, has_ipam;
};

extern const struct json_field dhcp_fields[];
extern const struct dhcp_conf dhcp_defaults;

/* Codes and lengths; an error names the key. */
int dhcp_options_validate(const struct dhcp_conf *conf, struct err *err) NODISCARD;

/* Who gives IPv6 addresses? */
bool dhcp_options_want_ipv6(const struct dhcp_conf *conf);
bool dhcp_options_want_slaac(const struct dhcp_conf *conf);

/* The options to ask a server of DHCPv6 for, four hexadecimal digits each; 23 and 24 if none. */
const char *dhcp_options_request6(const struct dhcp_conf *conf);

/*
 * As on the wire, without an end, in json's arena: the client identifier (0x00 and
 * CONTAINERID/NETWORK/IFNAME, as the reference has it; what is longer than 254 bytes ends with a
 * hash of all), the maximum size, what is provided, the list of what is requested.
 */
int dhcp_options_make(const struct dhcp_conf *conf, const char *key, const char *cni_args,
		      const uint8_t **options, size_t *len, struct err *err) NODISCARD;
