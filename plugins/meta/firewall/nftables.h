/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables.h - forwarding, in a table of our own:
 *
 *	table inet cnic_firewall {
 *		set v4 { type ipv4_addr; elements = { 10.1.0.2 } }
 *		set v6 { type ipv6_addr }
 *		set bridges { type ifname; elements = { "br0" } }
 *		map within { type ifname . ifname : verdict; elements = { "br0" . "br0" : return } }
 *		chain forward {
 *			type filter hook forward priority filter; policy accept;
 *			jump admin
 *			iifname @bridges oifname @bridges jump isolation
 *			ct state established,related ip daddr @v4 accept
 *			ip saddr @v4 accept
 *			ct state established,related ip6 daddr @v6 accept
 *			ip6 saddr @v6 accept
 *		}
 *		chain admin {
 *			jump CNI-ADMIN
 *		}
 *		chain isolation {
 *			iifname . oifname vmap @within
 *			drop
 *		}
 *		chain CNI-ADMIN {
 *		}
 *	}
 *
 * An accept ends this table's say only: what another table drops is dropped. The chain admin is
 * never made anew: there is one jump for each name that a configuration has.
 */
#pragma once

#include "backend.h"

extern const struct fw_backend fw_nftables;

/* A chain of the table that an admin chain cannot be. */
bool fw_nftables_is_chain(const char *name);

/* A chain in a table of ours that is an admin chain: its rules are the administrator's. */
bool fw_nftables_is_guest(const char *table, const char *chain);
