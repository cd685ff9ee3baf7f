/* SPDX-License-Identifier: Apache-2.0 */
/* mac.h - 48-bit MAC addresses: parse, print. */
#ifndef CNIC_NET_MAC_H
#define CNIC_NET_MAC_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_LEN    6
#define MAC_STRLEN 18

/* aa:bb:cc:dd:ee:ff, aa-bb-..., or aabb.ccdd.eeff, any case, as Go's net.ParseMAC; 6 bytes only. */
bool mac_parse(uint8_t mac[MAC_LEN], const char *s);
const char *mac_str(const uint8_t mac[MAC_LEN], char *buf); /* buf[MAC_STRLEN] */
/* A random locally administered unicast address (IEEE 802-2014, 8.4). */
bool mac_random(uint8_t mac[MAC_LEN]);
bool mac_is_zero(const uint8_t mac[MAC_LEN]);

#endif
