/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the keys that every network configuration has (CNI spec, section 1), and which
 * attachments the runtime still knows (CNI spec 1.1.0, GC). Touches neither kernel nor process.
 */
#pragma once

#include "cni/result.h"

/* Port mappings of an attachment: what one transaction of nftables takes, for two families. */
#define CNI_PORT_MAPPINGS_MAX 5000

/* The runtime's word that this attachment of the network is alive (GC). */
struct cni_attachment {
	const char *container_id, *ifname;
};

/* The keys every configuration has. */
struct cni_conf {
	const char *version, *name, *type;
	const char *log; /* where a line of each call goes, see skel/log.h; NULL = not said */
	struct {
		const char *type;
	} ipam;
	struct cni_dns dns;
	const struct json *prev_result;
	struct cni_attachment *attachments; /* sorted, for cni_gc_is_valid() */
	size_t n_attachments;
	bool has_attachments; /* the key was there, be it [] */
	const struct json *raw;
};

/* The tables that decode it, but for dns and prevResult; NULL-terminated. For `cnic keys`. */
extern const struct json_field *const cni_conf_tables[];

/*
 * Fill all of *conf; the first error is that of the name, as libcni has it. conf->version is what
 * the document says, whatever else is wrong with it: the error object carries it. `lenient` is for
 * DEL, which demands nothing else but a version (json/decode.h); not for GC, which needs to know
 * what is alive.
 */
int cni_conf_decode(struct cni_conf *conf, const struct json *raw, bool lenient,
		    struct err *err) NODISCARD;

/*
 * Is (container_id, ifname) in the valid attachments? The pair counts, not the id alone. O(log n).
 */
bool cni_gc_is_valid(const struct cni_conf *conf, const char *container_id, const char *ifname);
