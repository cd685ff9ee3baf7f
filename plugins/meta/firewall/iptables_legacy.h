/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_legacy.h - forwarding in the chains of legacy iptables, which netlink does not reach:
 * one iptables-save and at most one iptables-restore for each family. The rules are those of
 * iptables_nft.h, but nothing tells which attachment they are of.
 */
#pragma once

#include "backend.h"

extern const struct fw_backend fw_iptables_legacy;
