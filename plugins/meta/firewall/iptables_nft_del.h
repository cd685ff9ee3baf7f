/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_nft_del.h - those parts of fw_iptables_nft that remove rules: by what they say, by their
 * tag, or both.
 */
#pragma once

#include "backend.h"

int fw_iptables_undo(struct nl *nl, struct fw_forward *f, struct arena *arena);
int fw_iptables_del(struct nl *nl, struct fw_forward *f, struct arena *arena);
int fw_iptables_gc(struct nl *nl, nft_stale stale, void *data, struct arena *arena);
int fw_iptables_reassign(struct nl *nl, const char *network, fw_successor successor, void *data,
			 struct arena *arena);
