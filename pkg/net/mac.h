/* SPDX-License-Identifier: Apache-2.0 */
/* mac.h - 48-bit MAC addresses: parse, print, and the one that goes with an IP address. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/ip.h"

#define MAC_LEN    6
#define MAC_STRLEN 18

/* aa:bb:cc:dd:ee:ff, aa-bb-..., or aabb.ccdd.eeff, any case, as Go's net.ParseMAC; 6 bytes only. */
bool mac_parse(uint8_t mac[MAC_LEN], const char *s);
const char *mac_str(const uint8_t mac[MAC_LEN], char *buf); /* buf[MAC_STRLEN] */
/* A random locally administered unicast address (IEEE 802-2014, 8.4). */
bool mac_random(uint8_t mac[MAC_LEN]);
bool mac_is_zero(const uint8_t mac[MAC_LEN]);

/*
 * 0a:58 and the four bytes of an IPv4 address, or the first four of the SHA-256 of an IPv6
 * address's text: an address that moves to another container takes its MAC along, and no
 * neighbour's cache is wrong.
 */
void mac_from_ip(uint8_t mac[MAC_LEN], const struct ip *ip);
