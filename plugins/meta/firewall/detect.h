/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect.h - the backends of the firewall plugin, and which of them a host needs: our table
 * (nftables.h), the chains of iptables-nft (iptables_nft.h), those of legacy iptables
 * (iptables_legacy.h), firewalld (firewalld.h). Looks only: makes no rule.
 */
#pragma once

#include "backend.h"
#include "skel/call.h"

struct fw_conf {
	const char *backend, *admin, *zone, *policy;
};

bool fw_has_policy(const struct fw_conf *conf);

/* Bits of a set, in the order in which an ADD takes them. */
enum { FW_FIREWALLD = 1, FW_NFTABLES = 2, FW_IPTABLES_NFT = 4, FW_IPTABLES_LEGACY = 8 };

#define FW_BACKENDS 4
extern const struct fw_backend *const fw_backends[FW_BACKENDS];

/* For each index of the set, which is evaluated once. */
#define fw_for_each(i, set)                                          \
	for (unsigned int i = 0, set_ = (set); i < FW_BACKENDS; i++) \
		if (set_ & 1u << i)

/* Those that the configuration asks for; unset, what the host uses. */
int fw_backends_chosen(struct cni_call *c, const struct fw_conf *conf, unsigned int *set) NODISCARD;

/* As the extra of a record; NULL or "": it is not known which an ADD has used. */
const char *fw_backends_extra(struct cni_call *c, unsigned int set);
unsigned int fw_backends_recorded(struct cni_call *c, const char *extra);

/* Those that an attachment with that extra turns to: "own", or one of the reference's backends. */
int fw_backends_turned(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		       const char *extra, unsigned int *set) NODISCARD;

/* A DEL asks more than ADD has used: a change of backend must leave nothing. */
unsigned int fw_backends_to_clean(struct cni_call *c, const char *backend, const char *extra);

/* Can they do their work? */
int fw_backends_status(struct cni_call *c, unsigned int set) NODISCARD;
