/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refused.h - what egress.h's rules have refused, told once for each destination, by lines like
 * "cnic: refused by --egress: tcp 192.0.2.1:443".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nl/io.h"

/*
 * In the namespace of the rules, for its root, before the command is there. nl_close() ends it; the
 * descriptor of nl->sock is ready when there is something to be read.
 */
int run_refused_open(struct nl *nl, struct err *err) NODISCARD;

/*
 * Print what there is. While nothing can be written it waits, until the other descriptor is
 * readable: then what is left is lost.
 */
void run_refused_print(struct nl *nl, int to, int until);

#define RUN_REFUSED_TEXT 80 /* bytes of a destination */

/* "udp [2001:db8::1]:53", "icmp 192.0.2.1"; false if it is none of IPv4 or IPv6, or cut short. */
bool run_refused_text(const uint8_t *packet, size_t len, char text[RUN_REFUSED_TEXT]);
