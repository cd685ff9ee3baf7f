/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nflog.h - hearing of packets that a rule logs to a group (nft_log()): uapi/linux/netfilter/
 * nfnetlink_log.h. Changes no rule, decides nothing.
 */
#pragma once

#include "base/err.h"
#include "nl/io.h"

struct nflog {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 */
	/* from its IP header on, as much of it as the rule wants; valid during the call */
	const uint8_t *packet;
	size_t len;
};

/*
 * Listen to the group in the current network namespace, by a socket of its own that nl_close()
 * closes; for root of the namespace. Each packet is told at once, those that nobody reads in time
 * are lost. Nothing blocks that reads it.
 */
int nflog_open(struct nl *nl, uint16_t group, struct err *err) NODISCARD;

/* What has been logged meanwhile, packet by packet; returns when there is no more of it. */
void nflog_read(struct nl *nl, void (*take)(const struct nflog *l, void *data), void *data);
