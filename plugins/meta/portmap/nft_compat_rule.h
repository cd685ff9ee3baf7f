/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_compat_rule.h - a rule that translates a host port, as nft(8) or we have made it, read again.
 */
#ifndef CNIC_PORTMAP_NFT_COMPAT_RULE_H
#define CNIC_PORTMAP_NFT_COMPAT_RULE_H

#include "nft/rule.h"
#include "nft_table.h"

struct portmap_compat_rule {
	struct portmap_mapping mapping; /* what the rule compares, and where it leads */
	bool is_narrow;                 /* it compares something else, too */
};

struct portmap_compat_rule portmap_compat_rule(const struct nft_rule_info *rule,
					       sa_family_t family);

#endif
