/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siblings.h - a container's attachments, on one network or several, by the records of their ADDs:
 * several may want the same port of the host, and one of them has it.
 */
#pragma once

#include "conf.h"
#include "nft/table.h"
#include "skel/record.h"

struct portmap_siblings {
	const struct record *record;
	struct portmap conf; /* as portmap_from_record() has it */
	struct nft_elems elems;
};

/* The backend that a repair has turned to, whatever is configured; NULL or "": none. */
void portmap_turn_conf(struct portmap *conf, const char *backend);

/* Under the configuration and with the result that the ADD had; a resolved *conf, in any case. */
int portmap_from_record(struct cni_call *c, const struct record *r, struct portmap *conf) NODISCARD;

/*
 * Other attachments that stay when the call is done: of the call's container, in a GC of all. Read
 * into c->conf when first asked for.
 */
int portmap_siblings(struct cni_call *c) NODISCARD;

/*
 * What the call's attachment has in our table. A shared element goes to the first of its siblings
 * that wants it.
 */
struct nft_elems portmap_elems_of(struct cni_call *c, const struct portmap *conf);
