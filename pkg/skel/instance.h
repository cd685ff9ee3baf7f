/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - the instance comment and the names by which the reference plugins find the packet
 * filter objects of an attachment again, so that either side finds, keeps and removes what the
 * other has made. Names only: no kernel, no file.
 */
#pragma once

#include "skel/call.h"

#define INSTANCE_COMMENT_MAX 128 /* bytes; nft's limit */
#define INSTANCE_ID_LEN      33

/*
 * The comment of a rule or element that an attachment owns: "H1-H2, net: N, if: I, id: C", H1 and
 * H2 being 16 digits of the hashes of the network's name and of "I:C". What counts is H1-H2; the
 * rest is to be read, without double quotes, and cut to fit.
 */
struct instance {
	char comment[INSTANCE_COMMENT_MAX + 1];
};

void instance_init(struct instance *o, const char *network, const char *ifname,
		   const char *container_id);
bool instance_has_comment(const struct instance *o, const char *comment); /* is it this one's? */

/* GC: the attachments of this network that are valid. */
struct instance_set {
	char network[INSTANCE_ID_LEN / 2 + 2]; /* "H1-" */
	uint64_t *valid;                       /* each H2, sorted */
	size_t n_valid;
	bool known; /* the runtime has said which are */
};

void instance_set_init(struct instance_set *s, struct cni_call *c);

/*
 * Callbacks for a walk through comments (nft/table.h, netfilter/masq_compat.h). Does it name this
 * attachment (struct instance)? One of this network that is not valid (struct instance_set)? The
 * latter costs O(log n), and never if the runtime did not say which are.
 */
bool instance_match_this(const char *comment, void *instance);
bool instance_match_stale(const char *comment, void *set);

/*
 * A name made of a prefix and as many digits of the hash of network and container id as fit into
 * `len` bytes: iptables chains (28; "CNI-" to masquerade, "CNI-DN-" for ports). The interface's
 * name is not in it. out[] has len + 1 bytes.
 */
#define INSTANCE_CHAIN_LEN 28
void instance_hash_name(char *out, size_t len, const char *prefix, const char *network,
			const char *container_id);
