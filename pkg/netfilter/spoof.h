/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spoof.h - macspoofchk of the bridge plugin: what the container sends has the container's MAC
 * address as source. Frames of a bridge's port that have another, in a table of our own:
 *
 *	table bridge cnic_macspoof {
 *		set ports { type ifname; elements = { "veth1" } }
 *		set allowed { type ifname . ether_addr; elements = { "veth1" . 0a:00:00:00:00:01 } }
 *		chain prerouting {
 *			type filter hook prerouting priority dstnat; policy accept;
 *			iifname . ether saddr @allowed return
 *			iifname @ports drop
 *		}
 *	}
 *
 * What the reference has made for the attachment (spoof_compat.h) is known and removed.
 */
#pragma once

#include "skel/call.h"

/* Where the result's interfaces have the port and the container's end. */
enum { SPOOF_PORT = 1, SPOOF_CONTAINER = 2 };

int spoof_add(struct cni_call *c, const struct cni_result *r) NODISCARD;
int spoof_check(struct cni_call *c, const struct cni_result *r) NODISCARD;
/* In our table or in the reference's. */
int spoof_repair(struct cni_call *c, const struct cni_result *r, bool own) NODISCARD;
/* From the other one to that: it is there before the other goes. */
int spoof_turn(struct cni_call *c, const struct cni_result *r, bool own) NODISCARD;

/* `r` NULL: the whole table is gone through. */
int spoof_del(struct cni_call *c, const struct cni_result *r) NODISCARD;
int spoof_gc(struct cni_call *c) NODISCARD;
