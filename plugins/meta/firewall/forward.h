/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.h - the ways in which the firewall plugin has things forwarded, and which of them a host
 * needs: our table (nftables.h), the chains of iptables-nft (iptables_nft.h), those of legacy
 * iptables (by executing it), firewalld. The verbs are the plugin's.
 */
#ifndef CNIC_FIREWALL_FORWARD_H
#define CNIC_FIREWALL_FORWARD_H

#include "backend.h"
#include "skel/call.h"
#include "skel/record.h"

struct fw_conf {
	const char *backend, *admin, *zone, *policy;
};

/* "nftables", "iptables", "firewalld"; unset, what the host uses. */
int fw_detect(struct cni_call *c, const char *configured, const char **backend) NODISCARD;

struct fw_backends {
	const struct fw_backend *list[8];
	size_t n;
};

int fw_backends_for(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		    struct fw_backends *backends) NODISCARD;

/*
 * What ADD has used, as its record's note. NULL or "": it is not known. Who removes asks more than
 * that: a change of backend must leave nothing.
 */
const char *fw_backends_extra(struct cni_call *c, const struct fw_backends *backends);
struct fw_backends fw_backends_recorded(struct cni_call *c, const char *note);
bool fw_backends_use(const struct fw_backends *backends, const struct fw_backend *backend);
/* Those that an attachment with that note turns to: "own", or one of the reference's backends. */
int fw_backends_turned(struct cni_call *c, const struct fw_conf *conf, const char *backend,
		       const char *note, struct fw_backends *backends) NODISCARD;
struct fw_backends fw_backends_to_clean(struct cni_call *c, const char *backend, const char *note);

/* Can they do their work? */
int fw_backends_status(struct cni_call *c, const struct fw_backends *backends) NODISCARD;

/* What is forwarded for an attachment with this result. `r` may be NULL: nothing is known of it. */
struct fw_forward *fw_forward_of(struct cni_call *c, const struct fw_conf *conf,
				 const struct cni_result *r) NODISCARD;
/*
 * The same for the i-th of the ways of an ADD: beside firewalld, the others have the policy only.
 */
struct fw_forward *fw_forward_for(struct cni_call *c, const struct fw_backends *backends, size_t i,
				  const struct cni_result *r) NODISCARD;
bool fw_has_policy(const struct fw_conf *conf);

/* What fw_forward's context is, for the ways that are not netlink's. */
struct fw_context {
	struct cni_call *c;
	const char *zone;
};

/*
 * GC, before records are collected: what stale attachments have in ways that cannot tell whose it
 * is.
 */
int fw_gc_untagged(struct cni_call *c) NODISCARD;

/*
 * Bridges of this network, of which no attachment is left in these ways, go or find another network
 * that is.
 */
int fw_gc_policies(struct cni_call *c, const struct fw_backends *backends) NODISCARD;

#endif
