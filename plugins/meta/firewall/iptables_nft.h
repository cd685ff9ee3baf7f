/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_nft.h - forwarding, in the chains that iptables-nft keeps and the reference plugin makes
 * there:
 *
 *	-A FORWARD -m comment --comment "CNI firewall plugin rules (...)" -j CNI-ISOLATION-STAGE-1
 *	-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
 *	-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
 *	-A CNI-FORWARD -d 10.1.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
 *	-A CNI-FORWARD -s 10.1.0.2/32 -j ACCEPT
 *	-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment ... -j CNI-ISOLATION-STAGE-2
 *	-A CNI-ISOLATION-STAGE-1 -m comment ... -j RETURN
 *	-A CNI-ISOLATION-STAGE-2 -o br0 -m comment ... -j DROP
 *	-A CNI-ISOLATION-STAGE-2 -m comment ... -j RETURN
 *
 * A tag in a rule's user data, which iptables neither shows nor saves, says which attachment or
 * network it is of. A rule without one is shared. Costs a list of all of CNI-FORWARD per call:
 * rules have no key.
 */
#pragma once

#include "backend.h"

extern const struct fw_backend fw_iptables_nft;
