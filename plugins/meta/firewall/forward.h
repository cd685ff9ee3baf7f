/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.h - what is forwarded for an attachment, by a result or a record, and what of it goes
 * when attachments and networks are stale. Which backends do it says detect.h.
 */
#pragma once

#include "backend.h"
#include "skel/call.h"

/* For the call's attachment with this result. `r` may be NULL: nothing is known of it. */
struct fw_forward *fw_forward_of(struct cni_call *c, const struct cni_result *r);

/*
 * What f has in the backend goes. Where rules have no comment, an address that another attachment
 * has in it by now is left to that one.
 */
int fw_release(const struct fw_backend *b, struct fw_forward *f) NODISCARD;

/* GC, before records are removed: what stale attachments have in backends without comments. */
int fw_gc_untagged(struct cni_call *c) NODISCARD;

/*
 * Bridges of this network, of which no attachment is left in these backends, go or find another
 * network that is.
 */
int fw_gc_policies(struct cni_call *c, unsigned int set) NODISCARD;
