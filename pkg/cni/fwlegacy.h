/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwlegacy.h - forwarding in the chains of legacy iptables, which netlink does not reach: one iptables-save and
 * at most one iptables-restore for each family. The rules are those of nft/ipforward.h, but nothing tells whose
 * they are. What it is given has a struct
 * cni_fwcontext (firewall.h).
 */
#ifndef CNIC_CNI_FWLEGACY_H
#define CNIC_CNI_FWLEGACY_H

#include "skel/call.h"
#include "nft/forward.h"

extern const struct nft_forwarding cni_fwlegacy;

#endif
