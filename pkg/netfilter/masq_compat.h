/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masq_compat.h - masquerading as the reference's nftables backend does it, for configurations that
 * ask for that backend and for nodes that change over: table inet cni_plugins_masquerade, a rule
 * per address in chain masq_checks with the attachment as comment. Costs more the more rules there
 * are.
 */
#pragma once

#include "netfilter/masq.h"

extern const struct masq_backend masq_compat;
