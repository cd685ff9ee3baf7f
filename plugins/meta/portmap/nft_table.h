/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_table.h - host ports that lead to containers, in a table of our own:
 *
 *	table inet cnic_portmap {
 *		map host4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *		map any4 { type inet_proto . inet_service : ipv4_addr . inet_service
 *			   elements = { tcp . 8080 : 10.1.0.2 . 80 } }
 *		map snat4 { type ipv4_addr : verdict; elements = { 10.1.0.2 : goto from_10.1.0.0/16 } }
 *		chain loopback {
 *			type nat hook prerouting priority dstnat - 2; policy accept;
 *			iif != "lo" ip daddr 127.0.0.0/8 drop
 *		}
 *		chain prerouting {
 *			type nat hook prerouting priority dstnat; policy accept;
 *			meta nfproto ipv4 fib daddr type local jump ports4
 *		}
 *		chain output {
 *			type nat hook output priority dstnat; policy accept;
 *			meta nfproto ipv4 fib daddr type local jump ports4
 *		}
 *		chain ports4 {
 *			dnat ip to ip daddr . meta l4proto . th dport map @host4
 *			dnat ip to meta l4proto . th dport map @any4
 *		}
 *		chain postrouting {
 *			type nat hook postrouting priority srcnat; policy accept;
 *			ct status dnat ip daddr vmap @snat4
 *		}
 *		chain from_10.1.0.0/16 {
 *			ip saddr 10.1.0.0/16 masquerade
 *			ip saddr 127.0.0.0/8 masquerade
 *		}
 *		chain from_all {
 *			masquerade
 *		}
 *	}
 *
 * and the same for IPv6, where ::1 takes two chains and two sets more:
 *
 *		set any6_lo { type inet_proto . inet_service; elements = { tcp . 8080 } }
 *		set host6_lo { type inet_proto . inet_service }
 *		chain lo_snat {
 *			type filter hook output priority raw; policy accept;
 *			ip6 saddr ::1 ip6 daddr ::1 meta l4proto . th dport @host6_lo ip6 saddr set fd63:6e69:6300::1
 *			ip6 saddr ::1 ip6 daddr ::1 meta l4proto . th dport @any6_lo ip6 saddr set fd63:6e69:6300::1
 *		}
 *		chain lo_unsnat {
 *			type filter hook input priority 150; policy accept;
 *			ip6 daddr fd63:6e69:6300::1 ct direction reply ct status dnat ip6 daddr set ::1
 *		}
 *
 * A reply from a bridge is translated back before the kernel checks it for ::1, and is then dropped
 * (with bridge-nf-call-ip6tables on; else it is routed by the bridge, where ::1 is not). So
 * connection tracking has another address of the host in its place; lo needs that address's route
 * (host.c).
 *
 * A port of one address goes before the same port of all addresses. The containers of a subnet
 * reach each other's host ports, and the host its own by the loopback address, because the answer
 * comes back to us. Other hosts must not reach a loopback address by it: chain loopback, which
 * comes before other chains that translate destinations. A chain of type "nat" has only the first
 * packet of a connection.
 *
 * Other chains that masquerade at the same place may be in front of this table's or behind: the
 * first to translate a connection's source decides, and it is masquerading in either case.
 */
#pragma once

#include "condition.h"
#include "nft/table.h"

/* What differs between the families. */
struct portmap_nft_sets {
	struct nft_set host, any, snat;
	struct nft_set host_local, any_local; /* without a name: not needed */
	const char *ports;                    /* chain */
	struct ip loopback;                   /* as seen behind the chain output */
};

extern const struct portmap_nft_sets portmap_nft_sets[2]; /* by family, as ip_families */

/*
 * The table of mappings under these conditions for IPv4 and for IPv6, which are those of all their
 * rules "jump ports": cnic_portmap without any, else one that has `tag` in its name, which goes
 * before it.
 */
const struct nft_table_def *portmap_nft_table(const struct condition cond[2], const char *tag,
					      struct arena *arena);

extern const struct ip portmap_loopback6; /* the host's in place of ::1 */
