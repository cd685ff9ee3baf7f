/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_compat.h - host ports as the reference's nftables backend has them, for configurations that
 * ask for that backend and for nodes that change over: tables ip and ip6 cni_hostport, with the
 * container's id as comment.
 *
 *	table ip cni_hostport {
 *		chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local jump hostports_all }
 *		chain output { type nat hook output priority -100; fib daddr type local jump hostports_all }
 *		chain hostports_all { jump hostip_hostports; jump hostports }
 *		chain hostip_hostports { }
 *		chain hostports {
 *			ip daddr 192.0.2.1 meta l4proto tcp th dport 8081 dnat to 10.1.0.2:80 comment "ID"
 *			meta l4proto tcp th dport 8080 dnat to 10.1.0.2:80 comment "ID"
 *		}
 *		chain masquerading {
 *			type nat hook postrouting priority srcnat;
 *			ct status dnat ip saddr 10.1.0.0/16 ip daddr 10.1.0.2 masquerade comment "ID"
 *			ct status dnat ip saddr 127.0.0.0/8 ip daddr 10.1.0.2 masquerade comment "ID"
 *		}
 *	}
 *
 * Costs more the more rules there are. See nft_table.h for what they mean. The reference makes the
 * rules of the shared chains anew at each ADD, so that nothing else can stand there.
 */
#pragma once

#include "conf.h"
#include "skel/call.h"

/*
 * The rules are there afterwards, and no others that lead to the same address. ERR_IN_USE if
 * another container has one of the ports for all packets. Pushes its undo.
 */
int portmap_compat_add(struct cni_call *c, const struct portmap *conf) NODISCARD;

/* Is each of them there, and do they masquerade as they should? ERR_CHECK if not. */
int portmap_compat_check(struct cni_call *c, const struct portmap *conf) NODISCARD;

/*
 * All rules of the container, or only those that name the addresses of these mappings, if there are
 * any.
 */
int portmap_compat_del(struct cni_call *c, const char *container_id,
		       const struct portmap *conf) NODISCARD;
